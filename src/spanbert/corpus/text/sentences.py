"""Splits a text into sentences, by sentencex and by the marks that end sentences of Chinese and Japanese."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from sentencex import get_sentence_boundaries

from spanbert.core.types import Document, Span
from spanbert.corpus.text.lines import line_breaks, number_of_entry

_CHINESE_END = re.compile(r"[。！？]+[”’」』）]*")  # sentencex goes on before a figure


def split_sentences(text: str, *, kept_whole: Sequence[Span] = (), language: str = "en") -> list[tuple[int, int]]:
    """Splits a text into sentences; blank lines end one, and line breaks that were meant so (`lines`), no others.

    Args:
        text: The text.
        kept_whole: Stretches that no sentence may end inside, such as entities.
        language: Whose abbreviations do not end a sentence, as sentencex names it.

    Returns:
        Half-open stretches of the text, in order, without the white space between them.
    """
    breaks = line_breaks(text)
    characters = list(text)
    for place in breaks.wrapped:
        characters[place] = " "
    unwrapped = "".join(characters)
    bounds = [0, *(place + 1 for place in sorted(breaks.meant)), len(text)]
    ends = set(bounds[1:])
    for start, end in pairwise(bounds):
        part = unwrapped[start:end]
        number = number_of_entry(part)  # `2.` alone is no sentence
        ends |= {start + number + one["end_index"] for one in get_sentence_boundaries(language, part[number:])}
    ends |= {match.end() for match in _CHINESE_END.finditer(text)}
    sentences: list[tuple[int, int]] = []
    begin = 0
    for end in sorted(ends | {len(text)}):
        part = text[begin:end]
        last = begin + len(part.rstrip())
        if any(span.start < end and last < span.end for span in kept_whole):
            continue
        if part.strip():
            sentences.append((end - len(part.lstrip()), last))
        begin = end
    return sentences


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
