"""What coreference learns from: which spans of a window are mentions, and of which cluster.

Shapes: w words of a window, W most words of a mention, M mentions, G gold mentions of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanbert.batches.windows import owned_parts
from spanbert.core.types import BoolArray, Document, IntArray, Span
from spanbert.tasks.coref.links import span_hashes
from spanbert.tasks.protocol import WindowedDocument


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowGold:
    """Gold of a window.

    Attributes:
        first: Number of its first word in the document.
        allowed_wW: Spans that may be mentions: see `candidates`.
        mentions_G3: First word (of the window), words less one, and cluster, from 1, of each gold mention among them.
    """

    first: int
    allowed_wW: BoolArray
    mentions_G3: IntArray

    @property
    def cluster_wW(self) -> IntArray:
        """The cluster of each span; 0: no mention."""
        cluster_wW = np.zeros(self.allowed_wW.shape, dtype=np.int64)
        first_G, more_G, cluster_G = self.mentions_G3.T
        cluster_wW[first_G, more_G] = cluster_G
        return cluster_wW


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class CorefGold:
    """Gold of an example: neighbouring windows of a document.

    Attributes:
        windows: In text order.
        words: A number for each word of the document: see `links.word_hashes`.
        speakers: The speaker of each word: see `speakers.speaker_numbers`.
    """

    windows: tuple[WindowGold, ...]
    words: npt.NDArray[np.uint64]
    speakers: IntArray

    @property
    def nbytes(self) -> int:
        """Memory of its arrays."""
        whole = self.words.nbytes + self.speakers.nbytes
        return whole + sum(one.allowed_wW.nbytes + one.mentions_G3.nbytes for one in self.windows)

    def hashes(self, first_M: IntArray, last_M: IntArray) -> IntArray:
        """A number for the words of each span, (M,), as torch can hold it."""
        return span_hashes(self.words, first_M, last_M).view(np.int64)


def mentions_on_words(document: Document, words: Sequence[Span]) -> dict[tuple[int, int], int]:
    """The cluster, from 1, of each mention by its first and last word; one that ends inside a word is widened to it."""
    starts = np.array([word.start for word in words])
    ends = np.array([word.end for word in words])
    found: dict[tuple[int, int], int] = {}
    for number, cluster in enumerate(document.clusters or (), start=1):
        for mention in cluster:
            first = int(np.searchsorted(ends, mention.start, side="right"))
            last = int(np.searchsorted(starts, mention.end, side="left")) - 1
            if first <= last:
                found.setdefault((first, last), number)
    return found


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WordPieces:
    """What is known of the words of a document, (W,) each.

    Attributes:
        first_W: First piece.
        last_W: Last piece.
        own_W: Whether a word has a piece of its own.
        sentence_W: Number of its sentence.
    """

    first_W: IntArray
    last_W: IntArray
    own_W: BoolArray
    sentence_W: IntArray


def candidates(part: tuple[int, int, int], widest: int, words: WordPieces) -> BoolArray:
    """Which spans of a window's words may be mentions, (w, W): in training and in prediction the same.

    They begin in what the window answers for, lie whole in it and in a sentence, have no more pieces than `widest`, and
    begin and end with words that have pieces of their own.

    Args:
        part: First word of what the window answers for, the word after the last that lies whole in the window, and the
            word after the last that it answers for.
        widest: W, pieces of the longest mention.
        words: Of the document.
    """
    low, high, own = part
    words_w = np.arange(low, high)
    lasts_wW = words_w[:, None] + np.arange(widest)[None, :]
    inside_wW = np.minimum(lasts_wW, high - 1)
    is_short = words.last_W[inside_wW] - words.first_W[words_w][:, None] < widest
    is_whole = words.sentence_W[inside_wW] == words.sentence_W[words_w][:, None]
    begins = (words_w < own) & words.own_W[words_w]
    allowed_wW: BoolArray = (lasts_wW < high) & begins[:, None] & is_short & is_whole & words.own_W[inside_wW]
    return allowed_wW


def window_gold(
    part: tuple[int, int, int], clusters: Mapping[tuple[int, int], int], allowed_wW: BoolArray
) -> WindowGold:
    """What a window learns.

    Args:
        part: See `candidates`.
        clusters: See `mentions_on_words`.
        allowed_wW: Its candidates.
    """
    low, high, own = part
    found = [
        (first - low, last - first, number)
        for (first, last), number in clusters.items()
        if low <= first < own and last < high and last - first < allowed_wW.shape[1]
    ]
    kept = [one for one in found if allowed_wW[one[0], one[1]]]
    return WindowGold(first=low, allowed_wW=allowed_wW, mentions_G3=np.array(kept, dtype=np.int64).reshape(-1, 3))


def window_parts(windowed: WindowedDocument) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Each window with the pieces that it answers for."""
    return list(zip(windowed.windows, owned_parts(windowed.windows), strict=True))


def words_of_window(window: tuple[int, int], part: tuple[int, int], pieces: WordPieces) -> tuple[int, int, int]:
    """First word of what a window answers for, the word after the last that lies whole in the window, and the word
    after the last of what it answers for."""
    low = int(np.searchsorted(pieces.first_W, part[0]))
    own = int(np.searchsorted(pieces.first_W, part[1]))
    high = max(low, int(np.searchsorted(pieces.last_W, window[1])))
    return low, high, min(own, high)


def rows_of_window(window: tuple[int, int], part: tuple[int, int, int], pieces: WordPieces) -> IntArray:
    """Rows of the first pieces of a window's words, and then of the last ones."""
    low, high, _ = part
    return np.concatenate([pieces.first_W[low:high], pieces.last_W[low:high]]) - window[0] + 1
