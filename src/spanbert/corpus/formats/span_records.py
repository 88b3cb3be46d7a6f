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
class LabelStudioOrigin:
    """A task of an export, and which field of its `data` holds the text."""

    task: Mapping[str, Any]
    key: str


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


def record_of(document: Document) -> dict[str, Any]:
    """The fields of a document but its spans: those it came with, else id, text, words, and tags that are not spans."""
    origin = document.origin
    if isinstance(origin, SpanLineOrigin):
        return dict(origin.record)
    others = {}
    if isinstance(origin, LabelStudioOrigin):
        others = {name: value for name, value in origin.task["data"].items() if name != origin.key}
    record = {"id": document.id, "text": document.text, **others}
    if document.words is not None:
        record["words"] = [[word.start, word.end] for word in document.words]
    if document.words is not None and document.spans is None and TAGS in document.columns:
        record["tags"] = list(document.columns[TAGS])
    return record
