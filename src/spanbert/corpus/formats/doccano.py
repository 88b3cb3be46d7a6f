"""Doccano's exports of sequence labelling: JSON lines, a text with its spans, and with relations between them.

    {"id": 1, "text": "Ann left Rome.", "label": [[0, 3, "PER"], [9, 13, "LOC"]]}
    {"id": 1, "text": "Ann left Rome.", "entities": [{"id": 7, "label": "PER", "start_offset": 0, "end_offset": 3}],
     "relations": [{"id": 2, "from_id": 7, "to_id": 8, "type": "left"}]}

Characters are Unicode code points, from 0, half-open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED, RELATIONS
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.relations import identity_of, label_of
from spanbert.corpus.formats.span_records import RecordOrigin, id_key, new_record, span_of, words_of_record
from spanbert.corpus.io.files import OnBroken, SourceFile, raise_broken, readable, write_lines
from spanbert.corpus.io.tables import json_objects

_EXPECTED = '{"text": ..., "label": [[0, 3, "PER"]]} or {"text": ..., "entities": [{"id": 1, "start_offset": 0, ...}]}'
_TEXTS = ("text", "data")
_SPANS = ("label", "labels", "entities")
_UNTYPED = "ENTITY"  # what entities without a type are called, since Doccano needs one


@dataclass(frozen=True, kw_only=True, slots=True)
class DoccanoOrigin(RecordOrigin):
    """An object of Doccano's.

    Attributes:
        field: Which field holds the spans; None: none does.
        relations: The relations as they were read.
    """

    field: str | None
    relations: tuple[Relation, ...] | None = None


_Made = Callable[[Mapping[str, Any], str, str], Document]


def _read(file: SourceFile, make: _Made, on_broken: OnBroken | None) -> Iterator[Document]:
    for where, name, record in json_objects(file, _EXPECTED, on_broken or raise_broken):
        yield from readable(partial(make, record, name, where), on_broken)


def read_doccano(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of an export with their spans; relations between them are kept for writing alone.

    Args:
        file: JSON lines or a JSON list; plain or compressed.
        on_broken: Called with the error of each text that cannot be used, which is then left out; None: it is raised.

    Raises:
        InputError: No text, or a span outside of it; names file and line.
    """
    return _read(file, _document, on_broken)


def _document(record: Mapping[str, Any], name: str, where: str, fields: tuple[str, ...] = _SPANS) -> Document:
    key = next((key for key in _TEXTS if isinstance(record.get(key), str)), None)
    if key is None:
        raise InputError("no text", where=where, got=", ".join(record), expected=_EXPECTED)
    text, field = record[key], next((one for one in fields if isinstance(record.get(one), list)), None)
    spans = None if field is None else tuple(span_of(entry, text, where)[0] for entry in record[field])
    words, tags = words_of_record(record, text, where)
    own = {"id", key, *(_SPANS if field is None else (field,)), "relations", *(("words",) if words is not None else ())}
    return Document(
        id=identity_of(record, name),
        text=text,
        words=words,
        spans=spans,
        columns=tags,
        where=where,
        origin=DoccanoOrigin(
            record=record, own=frozenset(own | ({"tags"} if tags else set())), read=spans, field=field
        ),
    )


def doccano_line(document: Document) -> str:
    """The line of a text with its spans; one that came from Doccano keeps its form, its ids and its other fields."""
    origin = document.origin
    if not isinstance(origin, DoccanoOrigin):
        record = new_record(document)
        record |= {} if document.spans is None else {"label": [_as_list(span) for span in document.spans]}
        return json.dumps(record, ensure_ascii=False)
    if document.spans is None or document.spans == origin.read:
        return json.dumps(origin.record, ensure_ascii=False)
    field = origin.field or "label"
    before = origin.record.get(field) or []
    if any(isinstance(entry, list) for entry in before) or field != "entities":
        return json.dumps({**origin.record, field: [_as_list(span) for span in document.spans]}, ensure_ascii=False)
    entities = _entities(document.spans, _known(origin))
    ids = {id_key(entity.get("id")) for entity in entities}
    listed = origin.record.get("relations") or []
    kept = [
        one
        for one in listed
        if isinstance(one, Mapping) and {id_key(one.get("from_id")), id_key(one.get("to_id"))} <= ids
    ]
    relations = {"relations": kept} if "relations" in origin.record else {}
    return json.dumps({**origin.record, field: entities, **relations}, ensure_ascii=False)


def _as_list(span: Span) -> list[Any]:
    return [span.start, span.end, span.label or _UNTYPED]


def _known(origin: DoccanoOrigin) -> dict[Span, Mapping[str, Any]]:
    """The objects of the spans that were read."""
    return dict(zip(origin.read or (), origin.record.get("entities") or [], strict=True))


def _entities(spans: tuple[Span, ...], known: Mapping[Span, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Objects of spans: those that they came with, else new ones with ids that are free."""
    stated = {id_key(entity.get("id")) for entity in known.values()}
    free = (number for number in count() if id_key(number) not in stated)
    return [
        known[span]
        if span in known
        else {"id": next(free), "label": span.label or _UNTYPED, "start_offset": span.start, "end_offset": span.end}
        for span in spans
    ]


def read_doccano_relations(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of an export with their entities and the relations between them.

    Args:
        file: JSON lines or a JSON list; plain or compressed.
        on_broken: Called with the error of each text that cannot be used, which is then left out; None: it is raised.

    Raises:
        InputError: No text, an entity outside of it, or a relation between entities that are not there; names file and
            line.
    """
    return _read(file, _related_document, on_broken)


def _related_document(record: Mapping[str, Any], name: str, where: str) -> Document:
    listed = record.get("entities") or []
    if not isinstance(listed, list):
        raise InputError("entities that are no list", where=where, got=type(listed).__name__, expected=_EXPECTED)
    document = _document({**record, "entities": listed}, name, where, ("entities",))
    origin = document.origin
    assert isinstance(origin, DoccanoOrigin)
    entities = zip(document.spans or (), origin.record["entities"], strict=True)
    by_id = {id_key(entity.get("id")): span for span, entity in entities if isinstance(entity, Mapping)}
    listed = record.get("relations") or []
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise InputError("relations that are not objects", where=where, expected='{"from_id": 1, "to_id": 2, ...}')
    relations = []
    for one in listed:
        ends = [by_id.get(id_key(one.get(side))) for side in ("from_id", "to_id")]
        if ends[0] is None or ends[1] is None:
            got = json.dumps(one, ensure_ascii=False)
            raise InputError("a relation between entities that are not there", where=where, got=got)
        relations.append(Relation(head=ends[0], tail=ends[1], label=label_of(one, "type", where)))
    found = tuple(relations)
    made = DoccanoOrigin(record=record, own=origin.own, read=document.spans, field="entities", relations=found)
    return Document(
        id=document.id,
        text=document.text,
        words=document.words,
        spans=document.spans,
        relations=found,
        where=where,
        origin=made,
    )


def doccano_relation_line(document: Document) -> str:
    """The line of a text with its entities and relations; entities without a type are called ENTITY."""
    origin = document.origin if isinstance(document.origin, DoccanoOrigin) else None
    if origin is not None and (document.spans, document.relations) == (origin.read, origin.relations):
        return json.dumps(origin.record, ensure_ascii=False)
    spans = list(document.spans or ())
    for relation in document.relations or ():
        spans += [end for end in (relation.head, relation.tail) if not any(_is_same(end, one) for one in spans)]
    entities = _entities(tuple(spans), {} if origin is None else _known(origin))
    ids = [entity["id"] for entity in entities]

    def number(end: Span) -> Any:
        return next(identity for identity, one in zip(ids, spans, strict=True) if _is_same(end, one))

    relations = [
        {"id": place, "from_id": number(one.head), "to_id": number(one.tail), "type": one.label}
        for place, one in enumerate(document.relations or ())
    ]
    record = dict(origin.record) if origin is not None else new_record(document)
    return json.dumps({**record, "entities": entities, "relations": relations}, ensure_ascii=False)


def _is_same(end: Span, entity: Span) -> bool:
    """Whether the end of a relation is an entity; an end without a type is any in its place."""
    return (end.start, end.end) == (entity.start, entity.end) and end.label in (None, entity.label)


def _has_offsets(entities: Any) -> bool:
    return isinstance(entities, list) and all(isinstance(one, Mapping) and "start_offset" in one for one in entities)


def _detect(beginning: Beginning) -> bool:
    record = beginning.record
    if record is None or not any(isinstance(record.get(key), str) for key in _TEXTS):
        return False
    lists = [record[field] for field in ("label", "labels") if isinstance(record.get(field), list)]
    if any(all(isinstance(one, list) for one in entries) for entries in lists):
        return "spans" not in record
    entities = record.get("entities")
    if entities and isinstance(entities, list) and "cats" in record:  # of intents and slots
        return all(isinstance(one, list) for one in entities)
    return _has_offsets(entities) and (bool(entities) or "relations" in record or "Comments" in record)


def _detect_relations(beginning: Beginning) -> bool:
    record = beginning.record
    if record is None or not any(isinstance(record.get(key), str) for key in _TEXTS):
        return False
    return isinstance(record.get("relations"), list) and _has_offsets(record.get("entities"))


FORMAT = Format(
    name="doccano",
    title="Doccano's JSON lines with spans",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_doccano(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, map(doccano_line, documents)),
)
RELATION_FORMAT = Format(
    name="doccano-relations",
    title="Doccano's JSON lines with relations",
    family=RELATIONS,
    holds=frozenset({"spans", "relations"}),
    detect=_detect_relations,
    likely=_detect_relations,
    read=lambda file, settings, on_broken: read_doccano_relations(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, map(doccano_relation_line, documents)),
)
