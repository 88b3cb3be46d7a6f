"""Annotated files to documents with words: what both kinds of tagging read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.annotations import annotation_kind, read_annotations
from spanbert.corpus.columns import format_of
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
    for document in read_annotations(source, task=_layer(source, options)):
        columns = format_of(document)
        if options.column == "ner" and columns is not None and columns.scheme is None:
            raise InputError(
                "no tags of entities",
                where=document.place,
                got=", ".join(document.columns["tag"][:5]),
                expected="such as B-PER, I-PER and O",
            )
        yield document


def how_read(source: Path, options: TagOptions) -> str:
    """How a file is read, in words.

    Raises:
        InputError: It cannot be read, or has no labelled words.
    """
    kind = annotation_kind(source)
    if kind != "columns":
        return {"span-lines": "JSON lines with spans", "label-studio": "a Label Studio export"}[kind]
    first = next(iter(read_tagged(source, options)), None)
    if first is None:
        raise InputError("no labelled words", where=str(source), expected="a word and its tag a line")
    columns = format_of(first)
    assert columns is not None
    if columns.misc_key is not None:
        return f"words in column {columns.word + 1}, spans as {columns.misc_key}= in column {columns.tag + 1}"
    places = ", ".join(str(place + 1) for place in columns.tag_columns)
    scheme = "a tag a word" if columns.scheme is None else f"scheme {columns.scheme}, guessed from the tags"
    return f"words in column {columns.word + 1}, tags in {places} ({scheme})"


def _layer(source: Path, options: TagOptions) -> Layer:
    if options.nested:
        return "nested"
    if options.column != "auto":
        return options.column  # type: ignore[return-value]
    if annotation_kind(source) != "columns":
        return "ner"
    first = next(iter(read_annotations(source, task="ner")), None)
    columns = format_of(first) if first is not None else None
    if columns is None or columns.scheme is None:
        return "upos"
    if columns.misc_key is not None:  # CoNLL-U: are there entities at all?
        return "ner" if any(document.spans for document in read_annotations(source, task="ner")) else "upos"
    return "ner"


def spans_on_words(document: Document, words: Sequence[Span]) -> list[tuple[int, int, str]]:
    """The document's spans in words, half-open; one that begins or ends inside a word is widened to it."""
    starts, ends = [word.start for word in words], [word.end for word in words]
    found = []
    for span in document.spans or ():
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if first < last:
            found.append((first, last, span.label or ""))
    return found


def is_outside(span: Span, words: Sequence[Span]) -> bool:
    """Whether a span touches no word."""
    after = bisect_left([word.end for word in words], span.start + 1)
    return after == len(words) or words[after].start >= span.end
