"""Annotated files to documents with words: what both kinds of tagging read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from spanbert.core.errors import InputError
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.column_format import ColumnFormat
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import Layer, ReadSettings
from spanbert.corpus.formats.label_names import stated_names
from spanbert.corpus.formats.registry import family_of, open_data
from spanbert.corpus.formats.token_columns import TokenColumns
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.spec import TAG


def open_tagged(config: TagConfig, path: Path) -> DataFile:
    """A file, to be read by the settings' column.

    With `auto`, a file without entities is read for the tags in its last column (CoNLL-U: the universal tags).

    Raises:
        InputError: Not a file of words or spans with labels; names file and line.
    """
    layer = cast(Layer, "nested" if config.nested else config.column)
    settings = ReadSettings(
        layer=layer,
        text_column=config.text_column,
        label_column=config.label_column,
        label_names=None if config.label_names is None else stated_names(config.label_names),
    )
    data = open_data(path, among=family_of("columns"), settings=settings)
    if data.format.name not in TAG.formats:
        raise InputError("questions, not labelled words", where=str(path), remedy="Use the kind qa")
    if config.column == "ner" and _has_tags_alone(data):
        for document in data.documents():
            raise InputError(
                "no tags of entities",
                where=document.place,
                got=", ".join(document.columns[TAGS][:5]),
                expected="such as B-PER, I-PER and O",
            )
    return data


def _has_tags_alone(data: DataFile) -> bool:
    """Whether a file's tags are one a word, not of spans."""
    columns = data.settings.columns
    return isinstance(columns, ColumnFormat | TokenColumns) and columns.scheme is None


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
