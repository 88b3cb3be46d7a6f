"""What coreference learns from: which spans of a window are mentions, and of which cluster.

Shapes: w words of a window, W most words of a mention, M mentions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanbert.core.types import BoolArray, Document, IntArray, Span
from spanbert.tasks.coref.links import span_hashes


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowGold:
    """Gold of a window.

    Attributes:
        first: Number of its first word in the document.
        allowed_wW: Spans that may be mentions: they begin in the part that the window answers for and are short enough.
        cluster_wW: The cluster of each span, from 1; 0: no mention.
    """

    first: int
    allowed_wW: BoolArray
    cluster_wW: IntArray


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class CorefGold:
    """Gold of an example: neighbouring windows of a document.

    Attributes:
        windows: In text order.
        words: A number for each word of the document: see `links.word_hashes`.
    """

    windows: tuple[WindowGold, ...]
    words: npt.NDArray[np.uint64]

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


def window_gold(
    part: tuple[int, int, int],
    clusters: Mapping[tuple[int, int], int],
    widest: int,
    first_W: IntArray,
    last_W: IntArray,
    own_W: BoolArray,
) -> WindowGold:
    """What a window learns.

    Args:
        part: First word of what the window answers for, the word after the last that lies whole in the window, and the
            word after the last that it answers for.
        clusters: See `mentions_on_words`.
        widest: Pieces of the longest mention.
        first_W: First piece of each word of the document.
        last_W: Last piece of each.
        own_W: Which words have a piece of their own.
    """
    low, high, own = part
    words_w = np.arange(low, high)
    lasts_wW = words_w[:, None] + np.arange(widest)[None, :]
    inside_wW = np.minimum(lasts_wW, high - 1)
    is_short = last_W[inside_wW] - first_W[words_w][:, None] < widest
    begins = (words_w < own) & own_W[words_w]
    allowed_wW = (lasts_wW < high) & begins[:, None] & is_short & own_W[inside_wW]
    cluster_wW = np.zeros(allowed_wW.shape, dtype=np.int64)
    for (first, last), number in clusters.items():
        if low <= first < own and last < high and last - first < widest and allowed_wW[first - low, last - first]:
            cluster_wW[first - low, last - first] = number
    return WindowGold(first=low, allowed_wW=allowed_wW, cluster_wW=cluster_wW)
