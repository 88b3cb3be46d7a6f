"""Words with a tag each, as lists or as rows of a table, to documents and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.tagging import Scheme, decode_tags, guess_scheme
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.span_records import RecordOrigin
from spanbert.corpus.formats.token_columns import TokenColumns
from spanbert.corpus.text.word_tags import tags_of
from spanbert.corpus.text.words import text_of_words, text_with_words, with_words

_TAG = re.compile(r"O|[BIESMLU]-\S.*")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedOrigin(RecordOrigin):
    """The object of a text, and how its words and tags were read."""

    columns: TokenColumns


def scheme_of(tags: Sequence[Sequence[str]]) -> Scheme | None:
    """The scheme of some sentences' tags; None where they are one a word.

    Args:
        tags: Those of each sentence.
    """
    every = {tag for sentence in tags for tag in sentence}
    return guess_scheme(tags) if every and all(map(_TAG.fullmatch, every)) else None


def document_of_tags(
    record: Mapping[str, Any],
    words: Sequence[str],
    tags: Sequence[str] | None,
    columns: TokenColumns,
    *,
    name: str,
    where: str,
) -> Document:
    """A text from its words, with the spans that their tags say.

    Args:
        record: What the file states about it; a field `text` with these words in order is the text, else it is the
            words with blanks between.
        words: The words.
        tags: A tag for each; None where nothing is annotated.
        columns: How they were read.
        name: Its id.
        where: Its place, for messages.

    Raises:
        InputError: Not a tag for each word, or an empty word.
    """
    if not all(word.strip() for word in words):
        raise InputError("an empty word", where=where, got=repr(list(words))[:80])
    if tags is not None and len(tags) != len(words):
        raise InputError("not a tag for each word", where=where, got=f"{len(tags)} tags", expected=str(len(words)))
    text, places = text_with_words(words, record.get("text"))
    spans: tuple[Span, ...] | None = None
    if columns.scheme is not None and tags is not None:
        spans = tuple(
            Span(start=places[start].start, end=places[end - 1].end, label=label)
            for start, end, label in decode_tags(_legible(tags, where), columns.scheme)
        )
    own = {"id", columns.words, columns.tags, *(("text",) if text == record.get("text") else ())}
    return Document(
        id=name,
        text=text,
        words=tuple(places),
        sentences=((0, len(words)),) if words else None,
        spans=spans,
        columns={} if tags is None else {TAGS: tuple(tags)},
        where=where,
        origin=TaggedOrigin(record=record, own=frozenset(own), read=spans, columns=columns),
    )


def _legible(tags: Sequence[str], where: str) -> Sequence[str]:
    wrong = next((tag for tag in tags if not _TAG.fullmatch(tag)), None)
    if wrong is not None:
        expected = "O, or a letter, - and a label, such as B-PER, as in the file's first texts"
        raise InputError("not a tag", where=where, got=repr(wrong), expected=expected)
    return tags


def words_and_tags(document: Document, scheme: Scheme | None) -> tuple[Document, list[str], list[str] | None]:
    """The document with words, their texts, and their tags; no tags where nothing is annotated.

    Args:
        document: Tags that it came with stay as they were while its spans do.
        scheme: How spans are written; None: as they came, else BIO.

    Raises:
        InputError: Spans that overlap, or begin or end inside a word.
    """
    document = with_words(document)
    words = [document.text[word.start : word.end] for word in document.words or ()]
    origin = document.origin if isinstance(document.origin, TaggedOrigin) else None
    came = None if origin is None else origin.columns.scheme
    unchanged = origin is not None and document.spans == origin.read and scheme in (None, came)
    if TAGS in document.columns and (document.spans is None or unchanged):
        return document, words, list(document.columns[TAGS])
    if document.spans is None:
        return document, words, None
    return document, words, tags_of(document, scheme or came or "BIO")


def scheme_read(document: Document) -> Scheme | None:
    """The scheme that the tags of a document from lists or a table are of; None: none, or it came from elsewhere."""
    return document.origin.columns.scheme if isinstance(document.origin, TaggedOrigin) else None


def text_is_lost(document: Document, words: Sequence[str]) -> bool:
    """Whether the words alone would not give the text back."""
    return text_of_words(words)[0] != document.text
