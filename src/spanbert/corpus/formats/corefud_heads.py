"""Which word of a mention is its head, as CorefUD's files state it or as their trees have it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from spanbert.core.types import Document, Span
from spanbert.corpus.formats.column_format import CONLLU_COLUMNS
from spanbert.corpus.formats.corefud_origin import CorefudOrigin
from spanbert.corpus.text.word_tags import WordEdges

_PARENT = 6  # the column
_FIELD = "head"
WordsAndHead = tuple[int, int, int]


class MentionHeads:
    """The heads of the mentions of a document from a CorefUD file whose mentions state theirs.

    Args:
        document: Such a document; see `has_heads`.

    Attributes:
        field: The place of the head between the hyphens after an opening bracket.
    """

    def __init__(self, document: Document) -> None:
        origin = document.origin
        assert isinstance(origin, CorefudOrigin)
        self._edges = WordEdges(document, document.words or ())
        self.field = origin.fields.index(_FIELD)
        self._opened = origin.opened
        self._parents = _parents(origin.lines)

    def stated(self, mention: Span) -> WordsAndHead:
        """First and last word, and the head that the file states, by their numbers in the document from 0.

        Where it states none, the head is that of `highest`.
        """
        first, last = self._words_of(mention)
        parts = self._opened.get(Span(start=mention.start, end=mention.end), "").split("-")
        said = parts[self.field] if self.field < len(parts) else ""
        place = first + int(said) - 1 if said.isascii() and said.isdecimal() else -1
        return (first, last, place) if first <= place <= last else self.highest(mention)

    def highest(self, mention: Span) -> WordsAndHead:
        """First and last word, and as head the word that is above all others in the tree.

        Where there are several such, it is the first whose parent is no word of the mention, as Udapi's
        `corefud.MoveHead` has it.
        """
        first, last = self._words_of(mention)
        words = range(first, last + 1)
        begins = [word for word in words if self._parents[word] not in words]
        free = [word for word in begins if not any(one in words for one in self._above(word))]
        return first, last, free[0] if len(free) == 1 else begins[0] if begins else first

    def _above(self, word: int) -> list[int]:
        found: list[int] = []
        parent = self._parents[word]
        while parent >= 0 and parent not in found:
            found.append(parent)
            parent = self._parents[parent]
        return found

    def _words_of(self, mention: Span) -> tuple[int, int]:
        return self._edges.first_and_last(mention, "a mention")


def has_heads(document: Document) -> bool:
    """Whether a document is from a CorefUD file whose mentions state their heads."""
    return isinstance(document.origin, CorefudOrigin) and _FIELD in document.origin.fields


def _parents(lines: Sequence[str]) -> list[int]:
    """The parent of each word of a document, by its number in the document from 0; -1 for the root and where unsaid."""
    sentences: list[list[str]] = [[]]
    for line in lines:
        cells = line.split("\t")
        if not line.strip():
            sentences.append([])
        elif len(cells) == CONLLU_COLUMNS and cells[0].isdecimal():
            sentences[-1].append(cells[_PARENT])
    before = accumulate((len(one) for one in sentences), initial=0)
    return [
        start + int(said) - 1 if said.isascii() and said.isdecimal() and 0 < int(said) <= len(sentence) else -1
        for start, sentence in zip(before, sentences, strict=False)
        for said in sentence
    ]
