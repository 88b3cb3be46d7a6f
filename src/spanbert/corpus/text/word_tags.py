"""Labelled spans of a text as tags of its words, in one column or in several where spans nest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from spanbert.core.errors import InputError
from spanbert.core.tagging import Scheme, WordSpan, encode_tags
from spanbert.core.types import Document, Span


def tags_of(document: Document, scheme: Scheme) -> list[str]:
    """The tags of a document's spans on its words: see `layers_of`."""
    return layers_of(document, scheme, 1)[0]


def layers_of(document: Document, scheme: Scheme, layers: int) -> list[list[str]]:
    """The tags of a document's spans, which may nest, in several columns.

    Each span goes, longest first, into the first layer where it overlaps none, so that outer spans are in outer layers;
    where spans cross so that this needs too many layers, they are assigned from left to right, which needs the fewest.

    Args:
        document: With words.
        scheme: How spans are written.
        layers: How many columns there are.

    Raises:
        InputError: No words, too few layers, a span without a label that can be written, or one that begins or ends
            inside a word.
    """
    spans = sorted(word_spans(document))
    longest_first = sorted(spans, key=lambda span: span[0] - span[1])
    placed = _distribute(longest_first, layers) or _distribute(spans, layers)
    if placed is None:
        raise InputError(
            "spans overlap more than the columns of tags can hold",
            where=document.place,
            got=f"{layers} column{'s' if layers > 1 else ''} of tags",
            remedy="Write JSON lines, or more columns",
        )
    return [encode_tags(layer, len(document.words or ()), scheme) for layer in placed]


def _distribute(spans: Iterable[WordSpan], layers: int) -> list[list[WordSpan]] | None:
    placed: list[list[WordSpan]] = [[] for _ in range(layers)]
    for start, end, label in spans:
        free = (layer for layer in placed if all(end <= other[0] or other[1] <= start for other in layer))
        layer = next(free, None)
        if layer is None:
            return None
        layer.append((start, end, label))
    return placed


def said_of(document: Document, span: Span) -> str:
    """A span for messages: where it is and what it says."""
    return f"{span.start}..{span.end} {document.text[span.start : span.end]!r}"


class WordEdges:
    """Where the words of a document begin and end.

    Args:
        document: What messages name.
        words: Its words.
    """

    def __init__(self, document: Document, words: Sequence[Span]) -> None:
        self._document = document
        self._begins = {word.start: place for place, word in enumerate(words)}
        self._ends = {word.end: place for place, word in enumerate(words)}

    def first_and_last(self, span: Span, what: str) -> tuple[int, int]:
        """The first and the last word of a span.

        Args:
            span: Within the text.
            what: What messages call it.

        Raises:
            InputError: It begins or ends inside a word.
        """
        if span.start not in self._begins or span.end not in self._ends:
            place = self._document.place
            raise InputError(f"{what} begins or ends inside a word", where=place, got=said_of(self._document, span))
        return self._begins[span.start], self._ends[span.end]


def word_spans(document: Document) -> set[WordSpan]:
    """The document's spans counted in words.

    Raises:
        InputError: No words, a span without a label that can be written, or one that begins or ends inside a word.
    """
    if document.words is None:
        raise InputError("no words to put tags on", where=document.place)
    edges = WordEdges(document, document.words)
    spans = set()
    for span in document.spans or ():
        first, last = edges.first_and_last(span, "a span")
        if not span.label or re.search(r"\s", span.label):
            raise InputError(
                "a span whose label cannot be part of a tag",
                where=document.place,
                got=f"{span.label!r} of {said_of(document, span)}",
                expected="a label without white space",
            )
        spans.add((first, last + 1, span.label))
    return spans
