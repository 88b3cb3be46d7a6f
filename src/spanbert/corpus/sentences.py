"""Sentences of a text that comes without: cut after the marks that end one, and at line breaks but wrapped lines."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from spanbert.core.types import Document, Span

_MARKS = r"""(?<![.!?…])[.!?…]+["'”’)\]]*\s+(?=["'“‘(\[]*[A-Z0-9])|[。！？]+[”’」』）]*"""
_LINE = r"\s*\n(?:[^\S\n]*\n\s*|\s*+(?![a-z]))"  # a line that goes on in lower case is wrapped
_END = re.compile(f"{_MARKS}|{_LINE}")
_TITLES = "Mr|Mrs|Ms|Dr|Prof|St|Sen|Rep|Gen|Gov|Capt|Col|Lt|Sgt|Jr|Sr|vs|No"
_TITLE = re.compile(rf"(?<![^\s(\[\"“])(?:{_TITLES}|(?:[A-Z]\.)*[A-Z])\.\s+$")


def split_sentences(text: str, *, kept_whole: Sequence[Span] = ()) -> list[tuple[int, int]]:
    """Splits a text into sentences; nothing is cut after a title or initials (`Dr.`, `J.`, `U.S.`).

    Args:
        text: The text.
        kept_whole: Stretches that no sentence may end inside, such as entities.

    Returns:
        Half-open stretches of the text, in order, without the white space between them.
    """
    sentences: list[tuple[int, int]] = []

    def take(begin: int, end: int) -> None:
        part = text[begin:end]
        if part.strip():
            sentences.append((end - len(part.lstrip()), begin + len(part.rstrip())))

    begin = 0
    for match in _END.finditer(text):
        end = match.start() + len(match[0].rstrip())
        is_line = match[0][0].isspace()
        if not is_line and _TITLE.search(text, max(begin, match.start() - 16), match.end()):
            continue
        if any(span.start < match.end() and end < span.end for span in kept_whole):
            continue
        take(begin, end)
        begin = match.end()
    take(begin, len(text))
    return sentences


def sentence_ranges(
    text: str, words: Sequence[Span], *, kept_whole: Sequence[Span] = ()
) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of the words that stand in each sentence, by `split_sentences`; none is empty.

    Args:
        text: The text.
        words: Its words.
        kept_whole: Stretches that no sentence may end inside.
    """
    starts = [word.start for word in words]
    stops = (end for _, end in split_sentences(text, kept_whole=kept_whole))
    ends = sorted({*(bisect_left(starts, end) for end in stops), len(words)})
    return tuple((start, end) for start, end in pairwise([0, *ends]) if start < end)


def sentence_numbers(document: Document, words: Sequence[Span]) -> list[int]:
    """The number of the sentence that each word stands in: as the document's format says, else by `split_sentences`.

    Args:
        document: The document; `meta["sentences"]` are half-open ranges of its words.
        words: Its words, or those that its text is split into.
    """
    stated = document.meta.get("sentences") if document.words is not None else None
    if stated is not None:
        return [number for number, (start, end) in enumerate(stated) for _ in range(start, end)]
    starts = [start for start, _ in split_sentences(document.text)]
    return [bisect_right(starts, word.start) for word in words]
