"""Splits a text into sentences: after the marks that end one, and at line breaks except within wrapped lines."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from spanbert.core.types import Document, Span

_LETTERS = [chr(code) for code in range(0x590)]  # of the scripts that have capitals: Latin, Greek, Cyrillic, Armenian
_LOWER, _UPPER = "".join(filter(str.islower, _LETTERS)), "".join(filter(str.isupper, _LETTERS))
_MARKS = rf"""(?<![.!?…])[.!?…]+["'”’)\]]*\s+(?=["'“‘(\[]*(?P<next>(?![{_LOWER}])\w+))|[。！？]+[”’」』）]*"""
_LINE = rf"\s*\n(?:[^\S\n]*\n\s*|\s*+(?![{_LOWER}]))"  # a line that continues in lower case is wrapped
_END = re.compile(f"{_MARKS}|{_LINE}")

# abbreviations: before names; before numbers; anywhere, so that only a usual first word shows that a sentence begins
_TITLES = rf"Mr|Mrs|Ms|Dr|Prof|St|Sen|Rep|Gen|Gov|Capt|Col|Lt|Sgt|Jr|Sr|vs|No|e\.g|i\.e|[{_UPPER}]"
_NUMBERED = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|pp?|Fig|Vol"
_ANYWHERE = rf"Inc|Corp|Co|Ltd|Bros|Ph\.D|a\.m|p\.m|(?:[{_UPPER}]\.)+[{_UPPER}]"
_ABBREVIATION = re.compile(
    rf"(?<![^\s(\[\"“])(?:(?P<title>{_TITLES})|(?P<numbered>{_NUMBERED})|(?P<anywhere>{_ANYWHERE}))\.\s+$"
)
_OPENING = (
    "A After All An And As At But By For He Her His However I If In It Its On She Some That The Their There These They"
)
_FIRST_WORDS = frozenset(f"{_OPENING} This Those We When While".split())


def split_sentences(text: str, *, kept_whole: Sequence[Span] = ()) -> list[tuple[int, int]]:
    """Splits a text into sentences, but not after `Dr.` or `J.`, `Jan.` before a number, or in `Acme Inc. CEO`.

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
        if match["next"] and match[0].count("\n") < 2 and _is_abbreviated(text, max(begin, match.start() - 16), match):
            continue
        if any(span.start < match.end() and end < span.end for span in kept_whole):
            continue
        take(begin, end)
        begin = match.end()
    take(begin, len(text))
    return sentences


def _is_abbreviated(text: str, begin: int, match: re.Match[str]) -> bool:
    """Whether the mark belongs to an abbreviation after which the sentence continues."""
    found = _ABBREVIATION.search(text, begin, match.end())
    if found is None:
        return False
    if found["anywhere"]:
        return match["next"] not in _FIRST_WORDS
    return found["title"] is not None or match["next"][0].isdigit()


def sentence_ranges(
    text: str, words: Sequence[Span], *, kept_whole: Sequence[Span] = ()
) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of the words in each sentence, by `split_sentences`; none is empty.

    Args:
        text: The text.
        words: Its words.
        kept_whole: Stretches that no sentence may end inside.
    """
    starts = [word.start for word in words]
    stops = (end for _, end in split_sentences(text, kept_whole=kept_whole))
    ends = sorted({*(bisect_left(starts, end) for end in stops), len(words)})
    return tuple((start, end) for start, end in pairwise([0, *ends]) if start < end)


def sentence_stretches(document: Document, *, kept_whole: Sequence[Span] = ()) -> list[tuple[int, int]]:
    """Half-open stretches of a text, a sentence each: as the document's format says, else by `split_sentences`.

    Args:
        document: The document.
        kept_whole: Stretches that no sentence may end inside.
    """
    if document.sentences is None or document.words is None:
        return split_sentences(document.text, kept_whole=kept_whole)
    found: list[tuple[int, int]] = []
    for first, after in document.sentences:
        start, end = document.words[first].start, document.words[after - 1].end
        if found and any(span.start < found[-1][1] and start < span.end for span in kept_whole):
            start = found.pop()[0]
        found.append((start, end))
    return found


def sentence_numbers(document: Document, words: Sequence[Span]) -> list[int]:
    """The number of the sentence that each word is in: as the document's format says, else by `split_sentences`.

    Args:
        document: The document.
        words: Its words, or those that its text is split into.
    """
    if document.sentences is not None:
        return [number for number, (start, end) in enumerate(document.sentences) for _ in range(start, end)]
    starts = [start for start, _ in split_sentences(document.text)]
    return [bisect_right(starts, word.start) for word in words]
