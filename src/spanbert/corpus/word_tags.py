"""Labelled spans of a text as tags of its words, in one column or in several where spans nest."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spanbert.core.errors import InputError
from spanbert.core.tagging import Scheme, WordSpan, encode_tags
from spanbert.core.types import Document


def tags_of(document: Document, scheme: Scheme) -> list[str]:
    """The tags of a document's spans on its words: see `layers_of`."""
    return layers_of(document, scheme, 1)[0]


def layers_of(document: Document, scheme: Scheme, layers: int) -> list[list[str]]:
    """The tags of a document's spans, which may nest, in several columns.

    Each span goes, longest first, into the first layer where it overlaps none, so that outer spans are in outer layers;
    where spans cross in a way that this needs too many layers, they go from left to right, which needs the fewest.

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
            where=place_of(document),
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


def place_of(document: Document) -> str:
    """Where a document came from, for messages: file and line where they are known."""
    return str(document.meta.get("where", document.id))


def word_spans(document: Document) -> set[WordSpan]:
    """The document's spans counted in words.

    Raises:
        InputError: No words, a span without a label that can be written, or one that begins or ends inside a word.
    """
    if document.words is None:
        raise InputError("no words to put tags on", where=place_of(document))
    begins = {word.start: place for place, word in enumerate(document.words)}
    ends = {word.end: place + 1 for place, word in enumerate(document.words)}
    spans = set()
    for span in document.spans or ():
        got = f"{span.start}..{span.end} {document.text[span.start : span.end]!r}"
        if span.start not in begins or span.end not in ends:
            raise InputError("a span begins or ends inside a word", where=place_of(document), got=got)
        if not span.label or re.search(r"\s", span.label):
            raise InputError(
                "a span whose label cannot stand in a tag",
                where=place_of(document),
                got=f"{span.label!r} of {got}",
                expected="a label without white space",
            )
        spans.add((begins[span.start], ends[span.end], span.label))
    return spans
