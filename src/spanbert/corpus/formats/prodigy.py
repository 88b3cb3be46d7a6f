"""Prodigy's JSON lines of entities and other spans; what was rejected or ignored is left out and counted.

    {"text": "Ann left.", "tokens": [{"text": "Ann", "start": 0, "end": 3, "id": 0, "ws": true}, ...],
     "spans": [{"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"}], "answer": "accept"}

Characters are Unicode code points, from 0, half-open; the last token of a span belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.prodigy_records import (
    BOOKKEEPING,
    EXPECTED,
    copy_accepted,
    is_prodigy,
    left_out_of_file,
    read_accepted,
    token_records,
    tokens_of,
)
from spanbert.corpus.formats.relations import identity_of
from spanbert.corpus.formats.span_records import RecordOrigin, new_record, span_of
from spanbert.corpus.io.files import write_lines

_OWN = frozenset({"id", "text", "tokens", "spans", "relations", *BOOKKEEPING})


class ProdigyOrigin(RecordOrigin):
    """An object of Prodigy's."""

    __slots__ = ()


def document_of_task(record: Mapping[str, Any], name: str, where: str) -> Document:
    """The text of an object with its spans; none where it was accepted without any.

    Raises:
        InputError: Spans or tokens outside of the text; names the place.
    """
    text, entries = record["text"], record.get("spans")
    if entries is not None and not isinstance(entries, list):
        raise InputError("'spans' is no list", where=where, got=type(entries).__name__, expected=EXPECTED)
    tokens = tokens_of(record, text, where)
    words = None if tokens is None else tuple(one for one in tokens if text[one.start : one.end].strip())
    tags = record.get("tags")
    tagged = isinstance(tags, list) and entries is None and len(tags) == len(words or ()) > 0
    spans: tuple[Span, ...] | None = None
    if entries is not None or (record.get("answer") == "accept" and not tagged):
        spans = tuple(span_of(entry, text, where)[0] for entry in entries or ())
    return Document(
        id=identity_of(record, name),
        text=text,
        words=words,
        spans=spans,
        columns={TAGS: tuple(map(str, tags))} if isinstance(tags, list) and tagged else {},
        where=where,
        origin=ProdigyOrigin(record=record, own=_OWN | {"tags"} if tagged else _OWN, read=spans),
    )


def line_of_task(document: Document) -> str:
    """The line of a document; one that came from Prodigy keeps its tokens and its other fields."""
    origin = document.origin if isinstance(document.origin, ProdigyOrigin) else None
    if origin is not None and document.spans == origin.read:
        return json.dumps(origin.record, ensure_ascii=False)
    record = task_of(document) if origin is None else dict(origin.record)
    if document.spans is not None:
        tokens = tokens_of(record, document.text, document.place)
        record["spans"] = [span_record(span, tokens) for span in document.spans]
    if document.spans is not None or TAGS in document.columns:
        record["answer"] = "accept"
    return json.dumps(record, ensure_ascii=False)


def task_of(document: Document) -> dict[str, Any]:
    """The object of a document from elsewhere, but for its spans."""
    record = {name: value for name, value in new_record(document).items() if name not in ("words", "answer", "spans")}
    if document.words is not None:
        record["tokens"] = token_records(document.text, document.words)
    return record


def span_record(span: Span, tokens: list[Span] | None) -> dict[str, Any]:
    """A span as Prodigy writes it, with its tokens where it begins and ends with some."""
    record: dict[str, Any] = {"start": span.start, "end": span.end}
    first = next((place for place, one in enumerate(tokens or ()) if one.start == span.start), None)
    last = next((place for place, one in enumerate(tokens or ()) if one.end == span.end), None)
    if first is not None and last is not None:
        record |= {"token_start": first, "token_end": last}
    return {**record, "label": span.label}


def _detect(beginning: Beginning) -> bool:
    record = beginning.record
    if record is None or not is_prodigy(record):
        return False
    is_choice = "options" in record or "accept" in record or isinstance(record.get("label"), str)
    return "spans" in record or not is_choice


FORMAT = Format(
    name="prodigy",
    title="Prodigy's JSON lines with spans",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_accepted(file, document_of_task, on_broken),
    write=lambda documents, target, settings: write_lines(target, map(line_of_task, documents)),
    left_out=lambda file, settings: left_out_of_file(file),
    copy=lambda file, documents, target: copy_accepted(file, documents, target, line_of_task),
)
