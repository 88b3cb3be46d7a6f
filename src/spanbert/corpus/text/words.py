"""Splits a text into words (runs of letters and digits, and single marks), and joins words into a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from spanbert.core.characters import HAN, UNSPACED
from spanbert.core.types import Document, Span

_HAN = re.compile(f"[{HAN}]")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_ASCII_RUN = re.compile(r"[^\W_]+|\S")
_JOINS_WORDS = ".-'’&/@_"
_JOINS_DIGITS = ".,:"
_INITIALS = re.compile(r"[^\W\d_](\.[^\W\d_])+")


def split_words(text: str, *, joined: bool) -> list[tuple[int, int]]:
    """Splits a text into words, whatever its language; every character that is not white space is in exactly one.

    A word is a run of letters, digits and the marks that combine with them, or one other character. Han characters are
    words one by one.

    Args:
        text: The text.
        joined: Keep marks inside a word: `state-of-the-art`, `don't`, `AT&T`, `3,000.50`, and the last full stop of
            `U.S.`; else every mark is a word.

    Returns:
        Half-open spans of characters, in order.
    """
    runs = _runs(text)
    return _joined(text, runs) if joined else [(start, end) for start, end, _ in runs]


def _runs(text: str) -> list[tuple[int, int, bool]]:
    """Spans, and whether each is a run of letters and digits."""
    if text.isascii():
        found = ((*one.span(), one.group()[0].isalnum()) for one in _ASCII_RUN.finditer(text))
        return list(found)
    runs: list[tuple[int, int, bool]] = []
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind == "Z":
            continue
        start, end, open_run = runs[-1] if runs else (0, -1, False)
        if end == place and (kind == "M" or (kind == "L" and open_run)):
            runs[-1] = (start, place + 1, open_run)
        else:
            runs.append((place, place + 1, kind == "L"))
    return runs


@lru_cache(maxsize=1 << 14)
def _kind(character: str) -> str:
    """White space Z, a combining mark M, a letter or digit L, or S: what is a word by itself, as Han characters are."""
    if character.isspace():
        return "Z"
    kind = unicodedata.category(character)[0]
    if kind == "M":
        return "M"
    return "L" if kind in "LN" and not _HAN.match(character) else "S"


def _joined(text: str, runs: list[tuple[int, int, bool]]) -> list[tuple[int, int]]:
    words: list[tuple[int, int]] = []
    place = 0
    while place < len(runs):
        start, end, letters = runs[place]
        place += 1
        while letters and place + 1 < len(runs) and _joins(text, end, runs[place], runs[place + 1]):
            end = runs[place + 1][1]
            place += 2
        full_stop = place < len(runs) and runs[place][0] == end and text[end : runs[place][1]] == "."
        if full_stop and _INITIALS.fullmatch(text, start, end):
            end += 1
            place += 1
        words.append((start, end))
    return words


def _joins(text: str, end: int, mark: tuple[int, int, bool], after: tuple[int, int, bool]) -> bool:
    """Whether a mark between a word that ends here and the next run joins them."""
    if (mark[0], mark[1], after[0]) != (end, end + 1, end + 1) or mark[2] or not after[2]:
        return False
    between_digits = text[end - 1].isdigit() and text[end + 1].isdigit()
    return text[end] in _JOINS_WORDS or (text[end] in _JOINS_DIGITS and between_digits)


def words_of(document: Document, *, joined: bool) -> Sequence[Span]:
    """The document's words, or those that its text is split into: see `split_words`."""
    if document.words is not None:
        return document.words
    return [Span(start=start, end=end) for start, end in split_words(document.text, joined=joined)]


def with_words(document: Document) -> Document:
    """The document with the words of `split_words`, every mark one of its own, if it came without any."""
    if document.words is not None:
        return document
    words = tuple(Span(start=start, end=end) for start, end in split_words(document.text, joined=False))
    return replace(document, words=words)


def words_within(words: Sequence[str], text: str) -> list[Span] | None:
    """The words one after another in a text, with nothing but white space between; None where they are not there."""
    spans, position = [], 0
    for word in words:
        start = text.find(word, position)
        if start < 0 or text[position:start].strip():
            return None
        spans.append(Span(start=start, end=start + len(word)))
        position = start + len(word)
    return spans


def text_with_words(words: Sequence[str], stated: object) -> tuple[str, list[Span]]:
    """A stated text, where it is one and the words are in it, else the words joined; and their places."""
    found = words_within(words, stated) if isinstance(stated, str) else None
    return (stated, found) if isinstance(stated, str) and found is not None else text_of_words(words)


def words_between(text: str, edges: Collection[int]) -> list[Span]:
    """The words of a text without words of its own; none of them crosses an edge.

    Args:
        text: The text.
        edges: Places at which a word must end: where annotations begin and end.
    """
    words = []
    for start, end in split_words(text, joined=True):
        cuts = sorted({start, end, *(place for place in range(start + 1, end) if place in edges)})
        words += [Span(start=low, end=high) for low, high in pairwise(cuts)]
    return words


def words_around(document: Document, spans: Iterable[Span]) -> Sequence[Span]:
    """The words of a document; of one without any, words that begin and end where spans do."""
    if document.words is not None:
        return document.words
    return words_between(document.text, {place for span in spans for place in (span.start, span.end)})


def text_of_words(
    words: Sequence[str], *, glued: Sequence[bool] | None = None, breaks: Collection[int] = ()
) -> tuple[str, list[Span]]:
    """Words as a text, with a blank between two, but none between characters of scripts that are written without.

    Args:
        words: The words.
        glued: Whether there is no blank between each word and the next.
        breaks: Words before which a line ends.

    Returns:
        The text, and the place of each word in it.
    """
    parts: list[str] = []
    spans = []
    length = 0
    breaks = frozenset(breaks)
    for place, word in enumerate(words):
        between = ""
        if place in breaks:
            between = "\n"
        elif place and not (glued is not None and glued[place - 1]):
            unspaced = _UNSPACED.match(words[place - 1][-1:]) and _UNSPACED.match(word[:1])
            between = "" if unspaced else " "
        parts += [between, word]
        length += len(between)
        spans.append(Span(start=length, end=length + len(word)))
        length += len(word)
    return "".join(parts), spans
