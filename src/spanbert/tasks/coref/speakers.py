"""Who says each word: the speakers that a format names, or the names before the speeches of a text (`ANN: ...`).

Shapes: W words of a document.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from spanbert.core.types import Document, IntArray, Span
from spanbert.corpus.text.lines import speaker_of_entry, speaker_of_line

NOBODY = 0  # the number of a word whose speaker is not known
_UNNAMED = ("", "-", "_")


def speaker_numbers(document: Document, words: Sequence[Span]) -> IntArray:
    """The number of each word's speaker, (W,), from 1; `NOBODY` where none is named.

    Args:
        document: Its `columns["speaker"]` has a name a word; without it, the speeches of its text are looked for.
        words: Its words, or those that its text is split into.
    """
    names = _stated(document, words) or _of_speeches(document.text, words)
    known = {name: number for number, name in enumerate(dict.fromkeys(filter(None, names)), start=1)}
    return np.array([known.get(name or "", NOBODY) for name in names], dtype=np.int64)


def _stated(document: Document, words: Sequence[Span]) -> list[str | None]:
    """The names that the format gives; empty where it gives none."""
    column = document.columns.get("speaker", ())
    if len(column) != len(words) or document.words is None:
        return []
    return [None if name in _UNNAMED else name for name in column]


def _of_speeches(text: str, words: Sequence[Span]) -> list[str | None]:
    """The name before the speech that each word is in, its own name included; None outside of speeches.

    A text with one such line alone has none: it may as well begin with `Note: `.
    """
    speeches = list(_speeches(text))
    if sum(name is not None for _, name in speeches) < 2:
        return [None] * len(words)
    starts = [start for start, _ in speeches]
    return [speeches[bisect_right(starts, word.start) - 1][1] for word in words]


def _speeches(text: str) -> Iterator[tuple[int, str | None]]:
    """Where speeches begin, with their names, and where they end at a blank line, with None.

    Entries of a list are speeches where one of their names comes again.
    """
    lines = text.split("\n")
    listed = Counter(filter(None, map(speaker_of_entry, lines)))
    is_dialogue = max(listed.values(), default=0) > 1
    yield 0, None
    place = 0
    for line in lines:
        name = speaker_of_line(line) or (speaker_of_entry(line) if is_dialogue else None)
        if name is not None or not line.strip():
            yield place, name
        place += len(line) + 1
