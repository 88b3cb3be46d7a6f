"""Annotated files to documents with words: what both kinds of tagging read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.annotations import annotation_kind, read_annotations
from spanbert.corpus.words import split_words
from spanbert.tasks.tag.options import TagOptions

Layer = Literal["ner", "upos", "xpos", "nested"]


def read_tagged(source: Path, options: TagOptions) -> Iterator[Document]:
    """The documents of a file, by the options' column.

    With `auto`, a file without entities is read for the tags in its last column (CoNLL-U: the universal tags).

    Raises:
        InputError: Not a file of words or spans with labels; names file and line.
    """
    if annotation_kind(source) == "squad":
        raise InputError("questions, not labelled words", where=str(source), remedy="Use the kind qa")
    yield from read_annotations(source, task=_layer(source, options))


def _layer(source: Path, options: TagOptions) -> Layer:
    if options.nested:
        return "nested"
    if options.column != "auto":
        return options.column  # type: ignore[return-value]
    if annotation_kind(source) != "columns":
        return "ner"
    first = next(iter(read_annotations(source, task="ner")), None)
    columns = first.meta["format"] if first is not None else None
    if columns is None or columns.scheme is None:
        return "upos"
    if columns.misc_key is not None:  # CoNLL-U: are there entities at all?
        return "ner" if any(document.spans for document in read_annotations(source, task="ner")) else "upos"
    return "ner"


def words_of(document: Document, *, joined: bool) -> Sequence[Span]:
    """The document's words, or those that its text is split into (`corpus.words`)."""
    if document.words is not None:
        return document.words
    return [Span(start=start, end=end) for start, end in split_words(document.text, joined=joined)]


def spans_on_words(document: Document, words: Sequence[Span]) -> list[tuple[int, int, str]]:
    """The document's spans in words, half-open; one that begins or ends inside a word is widened to it."""
    starts, ends = [word.start for word in words], [word.end for word in words]
    found = []
    for span in document.spans or ():
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if first < last:
            found.append((first, last, span.label or ""))
    return found
