"""Texts in the parts that are translated one by one, and their translations as one text again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spanbert.batches.windows import cut_windows
from spanbert.corpus.text.sentences import split_sentences
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.tasks.translate.learned import Learned
from spanbert.tokens.pieces import TokenizedText

_LONGER = 2  # times as long as nearly all training texts: longer parts are cut
Stretch = tuple[int, int]  # half-open


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowedSentences(WindowedDocument):
    """A text in the parts that are translated one by one.

    Attributes:
        stretches: Half-open stretch of the text that each window translates; what lies between them stays.
    """

    stretches: Sequence[Stretch]


def parts_of(
    text: str, pieces: TokenizedText, *, longest: int, config: TranslateConfig, learned: Learned
) -> Iterator[tuple[Stretch, Stretch]]:
    """The pieces of each part, and its stretch of the text: a line, its sentences, or of long ones parts of these.

    Args:
        text: The text.
        pieces: Its pieces.
        longest: Most pieces of a part.
        config: The settings.
        learned: Which lengths the decoder knows.
    """
    starts, ends = pieces.offsets[:, 0], pieces.offsets[:, 1]
    limit = longest
    size = limit
    if config.split != "never":  # of much longer texts than it knows a decoder leaves the end out
        limit, size = min(limit, _LONGER * learned.usual), min(limit, learned.usual)
    for low, high in _lines(text):
        first, after = np.searchsorted(starts, [low, high]).tolist()
        whole = config.split == "never" or (
            config.split == "auto" and not learned.one_sentence and after - first <= learned.usual
        )
        stretches = [(low, high)]
        if not whole:
            sentences = split_sentences(text[low:high], language=config.language)
            stretches = [(low + begin, low + end) for begin, end in sentences]
        for begin, end in stretches:
            first, after = np.searchsorted(starts, [begin, end]).tolist()
            if after - first <= limit:
                if after > first:
                    yield (first, after), (begin, end)
                continue
            for one, other in cut_windows(pieces.word_starts[first:after], size):
                window = first + one, first + other
                yield window, (int(starts[window[0]]), int(ends[window[1] - 1]))


def joined(text: str, stretches: Sequence[Stretch], translations: Sequence[str], *, spaced: bool) -> str:
    """Translations of stretches of a text in their place, with the white space that lies between them.

    Args:
        text: The text.
        stretches: In order.
        translations: One for each.
        spaced: Whether there are blanks between sentences of translations.
    """
    found, end = "", 0
    for number, ((start, after), part) in enumerate(zip(stretches, translations, strict=True)):
        between = text[end:start] if not text[end:start].strip() else " "
        if number and "\n" not in between:
            between = (between or " ") if spaced else ""
        found += between + part.strip()
        end = after
    tail = text[end:]
    return found + (tail if not tail.strip() else "")


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Half-open stretches of the lines of a text, without white space around them."""
    for match in re.finditer(r"[^\n\r]+", text):
        line = match[0]
        if line.strip():
            yield match.start() + len(line) - len(line.lstrip()), match.start() + len(line.rstrip())
