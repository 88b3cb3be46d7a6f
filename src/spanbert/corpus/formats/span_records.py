"""What JSON lines with spans and Label Studio's exports have in common: fields of a record, and what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import TAGS, Document, Span

EXPECTED = '{"text": ..., "spans": [{"start": 0, "end": 3, "label": "PER"}]}'


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanLineOrigin:
    """The object of a line.

    Attributes:
        record: Its fields.
        field: Which of them holds the spans.
        form: How they are written: `objects`, `lists` or `cluener`.
        read: The spans as they were read.
    """

    record: Mapping[str, Any]
    field: str | None
    form: str
    read: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordOrigin:
    """The object that a document was read from, in formats that have an object a text.

    Attributes:
        record: Its fields.
        own: Those of them that its format interprets; the others can be kept in other formats too.
        read: The spans as they were read; None where there were none to read.
    """

    record: Mapping[str, Any]
    own: frozenset[str]
    read: tuple[Span, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelStudioOrigin:
    """A task of an export, and which field of its `data` holds the text."""

    task: Mapping[str, Any]
    key: str


def id_key(identity: Any) -> str:
    """An id as a key; ids may be anything that JSON can hold."""
    return json.dumps(identity)


def words_of_record(
    record: Mapping[str, Any], text: str, where: str
) -> tuple[tuple[Span, ...] | None, dict[str, tuple[str, ...]]]:
    """The words of a record and the tags on them."""
    entries = record.get("words")
    if not isinstance(entries, list) or not all(isinstance(one, list) for one in entries):
        return None, {}
    words: list[Span] = []
    for entry in entries:
        sound = len(entry) == 2 and all(type(one) is int for one in entry)
        if not sound or not (words[-1].end if words else 0) <= entry[0] < entry[1] <= len(text):
            expected = '"words": [[0, 3], [4, 8]], in order'
            raise InputError("not a word of the text", where=where, got=json.dumps(entry), expected=expected)
        words.append(Span(start=entry[0], end=entry[1]))
    tags = record.get("tags")
    if not isinstance(tags, list):
        return tuple(words), {}
    if len(tags) != len(words) or not all(isinstance(tag, str) for tag in tags):
        raise InputError(
            "not a tag for each word", where=where, got=f"{len(tags)} tags", expected=f"{len(words)} texts"
        )
    return tuple(words), {TAGS: tuple(tags)}


def span_of(entry: Any, text: str, where: str) -> tuple[Span, str]:
    """A span of a text from any of the forms that it is written in, and the name of the form.

    Raises:
        InputError: None of them, or not within the text.
    """
    form = "objects"
    start: Any
    if isinstance(entry, list) and len(entry) == 3:
        form, (start, end, label) = "lists", entry
    elif isinstance(entry, Mapping) and isinstance(entry.get("entity_index"), Mapping):
        form, index = "cluener", entry["entity_index"]
        start, end, label = index.get("begin"), index.get("end"), entry.get("entity_type")
    elif isinstance(entry, Mapping):
        start, end = entry.get("start", entry.get("start_offset")), entry.get("end", entry.get("end_offset"))
        label = entry.get("label")
    else:
        start = end = label = None
    sound = all(isinstance(one, int) and not isinstance(one, bool) for one in (start, end)) and isinstance(label, str)
    if not sound or not 0 <= start < end <= len(text):
        raise InputError(
            "not a span of the text", where=where, got=json.dumps(entry, ensure_ascii=False), expected=EXPECTED
        )
    return Span(start=start, end=end, label=label), form


def other_fields(document: Document) -> dict[str, Any]:
    """What the object that a document came from holds in addition to its text, id and annotation."""
    origin = document.origin
    if isinstance(origin, RecordOrigin):
        return {name: value for name, value in origin.record.items() if name not in origin.own}
    if isinstance(origin, SpanLineOrigin):
        return {name: value for name, value in origin.record.items() if name not in ("id", "text", origin.field)}
    if isinstance(origin, LabelStudioOrigin):
        return {name: value for name, value in origin.task["data"].items() if name != origin.key}
    return {}


def record_of(document: Document) -> dict[str, Any]:
    """The fields of a document but its spans: those it came with, else id, text, words, and tags that are not spans."""
    if isinstance(document.origin, SpanLineOrigin):
        return dict(document.origin.record)
    return new_record(document)


def new_record(document: Document) -> dict[str, Any]:
    """Id, text, other fields, words, and tags that are not spans; whatever a document came from."""
    record = {"id": document.id, "text": document.text, **other_fields(document)}
    if document.words is not None:
        record["words"] = [[word.start, word.end] for word in document.words]
    if document.words is not None and document.spans is None and TAGS in document.columns:
        record["tags"] = list(document.columns[TAGS])
    return record
