"""Prodigy's JSON lines of relations; what was rejected or ignored is left out and counted.

{"text": ..., "tokens": [...], "spans": [...], "relations": [{"head": 0, "child": 3, "label": "left",
 "head_span": {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"}, "child_span": {...}}]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import RELATIONS
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.prodigy import document_of_task, span_record, task_of
from spanbert.corpus.formats.prodigy_records import (
    copy_accepted,
    is_prodigy,
    left_out_of_file,
    read_accepted,
    tokens_of,
)
from spanbert.corpus.formats.relation_lines import entity_of
from spanbert.corpus.formats.relations import label_of
from spanbert.corpus.formats.span_records import RecordOrigin
from spanbert.corpus.io.files import write_lines
from spanbert.corpus.text.word_tags import WordEdges
from spanbert.corpus.text.words import words_around

_EXPECTED = '"relations": [{"head": 0, "child": 3, "head_span": {"start": 0, "end": 3}, "child_span": {...}}]'


@dataclass(frozen=True, kw_only=True, slots=True)
class ProdigyRelationOrigin(RecordOrigin):
    """An object of Prodigy's, and its relations as they were read."""

    relations: tuple[Relation, ...] | None


def _document(record: Mapping[str, Any], name: str, where: str) -> Document:
    document = document_of_task(record, name, where)
    tokens = tokens_of(record, document.text, where) or []
    listed = record.get("relations") or []
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise InputError("relations that are not objects", where=where, expected=_EXPECTED)
    found = tuple(
        Relation(
            head=_end(one, "head", document, tokens),
            tail=_end(one, "child", document, tokens),
            label=label_of(one, "label", where),
        )
        for one in listed
    )
    relations = None if record.get("relations") is None else found  # a task without any is of another kind
    origin = document.origin
    assert isinstance(origin, RecordOrigin)
    made = ProdigyRelationOrigin(record=record, own=origin.own, read=document.spans, relations=relations)
    return replace(document, columns={}, relations=relations, origin=made)


def _end(relation: Mapping[str, Any], side: str, document: Document, tokens: list[Span]) -> Span:
    """The head or the child of a relation: its span, else the entity in which its token is, else the token."""
    stated = relation.get(f"{side}_span")
    if stated is not None:
        return entity_of(stated, document.text, f"the {side} of a relation", document.place)
    number = relation.get(side)
    if type(number) is not int or not 0 <= number < len(tokens):
        raise InputError(
            f"a relation without a {side}",
            where=document.place,
            got=json.dumps(relation, ensure_ascii=False)[:80],
            expected=_EXPECTED,
        )
    token = tokens[number]
    around = (one for one in document.spans or () if one.start <= token.start and token.end <= one.end)
    return next(around, token)


def line_of_relations(document: Document) -> str:
    """The line of a document with relations; one that came from Prodigy comes back as it was while it is the same.

    Raises:
        InputError: An entity begins or ends inside a word.
    """
    origin = document.origin if isinstance(document.origin, ProdigyRelationOrigin) else None
    if origin is not None and (document.spans, document.relations) == (origin.read, origin.relations):
        return json.dumps(origin.record, ensure_ascii=False)
    ends = [end for one in document.relations or () for end in (one.head, one.tail)]
    spans = list(dict.fromkeys([*(document.spans or ()), *ends]))
    words = tuple(words_around(document, spans))
    places = WordEdges(document, words)
    record = task_of(replace(document, words=words)) if origin is None else dict(origin.record)
    tokens = tokens_of(record, document.text, document.place)
    record["spans"] = [span_record(span, tokens) for span in spans if span.label is not None]
    record["relations"] = [
        {
            "head": places.first_and_last(one.head, "an entity")[1],
            "child": places.first_and_last(one.tail, "an entity")[1],
            "head_span": span_record(one.head, tokens),
            "child_span": span_record(one.tail, tokens),
            "label": one.label,
        }
        for one in document.relations or ()
    ]
    return json.dumps({**record, "answer": "accept"}, ensure_ascii=False)


def _marks(beginning: Beginning) -> bool:
    return is_prodigy(beginning.record) and "relations" in (beginning.record or {})


FORMAT = Format(
    name="prodigy-relations",
    title="Prodigy's JSON lines with relations",
    family=RELATIONS,
    holds=frozenset({"spans", "relations"}),
    detect=lambda beginning: is_prodigy(beginning.record),
    read=lambda file, settings, on_broken: read_accepted(file, _document, on_broken),
    write=lambda documents, target, settings: write_lines(target, map(line_of_relations, documents)),
    left_out=lambda file, settings: left_out_of_file(file),
    copy=lambda file, documents, target: copy_accepted(file, documents, target, line_of_relations),
    marks=_marks,
)
