"""Relations as JSON, a text a line: one pair of entities, several, or an example of TACRED's.

    {"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}, "label": "..."}
    {"text": ..., "relations": [{"head": ..., "tail": ..., "label": "..."}, ...]}
    {"text": ..., "entities": [{"start": 0, "end": 3, "label": "..."}, ...], "relations": [...]}

Characters are half-open as everywhere. Entities are named where all of the text are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import RELATIONS
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.predicted import plain_record
from spanbert.corpus.formats.relations import identity_of, label_of
from spanbert.corpus.formats.tacred import TacredOrigin, document_of_example, example_of
from spanbert.corpus.io.files import OnBroken, SourceFile, json_lines, write_lines


@dataclass(frozen=True, kw_only=True, slots=True)
class PairsOrigin:
    """The object of a line, and its relations and entities as they were read."""

    record: Mapping[str, Any]
    read: tuple[Relation, ...]
    spans: tuple[Span, ...] | None = None


def read_relation_lines(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of JSON lines.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable text, which is then left out; None: the error is raised.

    Raises:
        InputError: Not JSON, no text, or an entity outside of it; names file and line.
    """
    yield from json_lines(file, _of_line, RELATIONS.expected, on_broken)


def _of_line(record: Any, name: str, where: str) -> Document:
    is_tacred = isinstance(record, Mapping) and "token" in record
    if is_tacred:
        return document_of_example(record, name, where)
    return document_of_pairs(plain_record(record, "relations", where, beside="entities"), name, where)


def document_of_pairs(record: Any, name: str, where: str) -> Document:
    """A text with one pair of entities (`head`, `tail`, `label`) or several (`relations`), and with all its entities
    where they are named, from a JSON object.

    Args:
        record: The object.
        name: Its id, where it has none.
        where: File and line.

    Raises:
        InputError: No text, or an entity outside of it.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("text"), str):
        raise InputError("no text", where=where, got=type(record).__name__, expected=RELATIONS.expected)
    listed = record.get("relations", [] if "entities" in record and "head" not in record else [record])
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise InputError("relations that are not objects", where=where, expected=RELATIONS.expected)
    relations = tuple(_relation(one, record["text"], where) for one in listed)
    spans = _entities(record["entities"], record["text"], where) if "entities" in record else None
    return Document(
        id=identity_of(record, name),
        text=record["text"],
        spans=spans,
        relations=relations,
        where=where,
        origin=PairsOrigin(record=record, read=relations, spans=spans),
    )


def _entities(value: Any, text: str, where: str) -> tuple[Span, ...]:
    if not isinstance(value, list):
        raise InputError("entities that are not a list", where=where, expected='[{"start": 0, "end": 3}, ...]')
    return tuple(entity_of(one, text, "entity", where) for one in value)


def _relation(record: Mapping[str, Any], text: str, where: str) -> Relation:
    head, tail = (entity_of(record.get(side), text, side, where) for side in ("head", "tail"))
    return Relation(head=head, tail=tail, label=label_of(record, "label", where))


def entity_of(entry: Any, text: str, side: str, where: str) -> Span:
    """A span of a text from `{"start": 0, "end": 3, "label": ...}`.

    Args:
        entry: The object.
        text: The text.
        side: What the entity is called in messages.
        where: File and line.

    Raises:
        InputError: Not such an object, or not within the text.
    """
    start, end = (entry.get("start"), entry.get("end")) if isinstance(entry, Mapping) else (None, None)
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise InputError(
            f"{side} outside of the text",
            where=where,
            got=shortened(json.dumps(entry, ensure_ascii=False), 80),
            expected=f"start and end in a text of {len(text)} characters",
        )
    if not text[start:end].strip():
        raise InputError(f"{side} is nothing but blanks", where=where, got=f"{start}..{end}")
    label = entry.get("label")
    return Span(start=start, end=end, label=label if isinstance(label, str) else None)


def line_of(document: Document) -> str:
    """The line of a document; TACRED's objects keep their form."""
    return json.dumps(_record(document), ensure_ascii=False)


def _record(document: Document) -> dict[str, Any]:
    if isinstance(document.origin, TacredOrigin):
        return example_of(document)
    record: Mapping[str, Any] = {"id": document.id, "text": document.text}
    read: tuple[Relation, ...] = ()
    named: tuple[Span, ...] | None = None
    if isinstance(document.origin, PairsOrigin):
        record, read, named = document.origin.record, document.origin.read, document.origin.spans
        if (document.relations, document.spans) == (read, named):
            return dict(record)
    if document.spans is not None and document.spans != named:
        record = {**record, "entities": [_span_record(span) for span in document.spans]}
    listed = record.get("relations")
    relations = [
        listed[read.index(one)] if listed and one in read else _relation_record(one) for one in document.relations or ()
    ]
    alone = len(relations) == 1 and not record.keys() & {"relations", "entities"}
    rest = relations[0] if alone else {"relations": relations}
    return {**record, **rest}


def _relation_record(relation: Relation) -> dict[str, Any]:
    return {"head": _span_record(relation.head), "tail": _span_record(relation.tail), "label": relation.label}


def _span_record(span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, **({} if span.label is None else {"label": span.label})}


def _is_marked(beginning: Beginning) -> bool:
    """TACRED's fields, both entities, or a list of relations."""
    if beginning.has_key("subj_start") or (beginning.has_key("head") and beginning.has_key("tail")):
        return True
    listed = beginning.json["relations"] if beginning.has_key("relations") else None
    return isinstance(listed, list) and all(isinstance(one, Mapping) and "head" in one for one in listed)


FORMAT = Format(
    name="relation-jsonl",
    title="JSON lines with head and tail",
    family=RELATIONS,
    holds=frozenset({"relations", "spans"}),
    detect=lambda beginning: beginning.line.startswith("{"),
    read=lambda file, settings, on_broken: read_relation_lines(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, map(line_of, documents)),
    marks=_is_marked,
    asks=lambda beginning: beginning.has_key("text"),
)
