"""Relations in JSON: TACRED's list of objects, and one object a line.

TACRED  [{"token": [...], "subj_start": 0, "subj_end": 1, "obj_start": 5, "obj_end": 5, "relation": "...", ...}]
lines   {"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}, "label": "..."}, several in "relations": [...], or
        TACRED's objects

TACRED's last words are in the spans; characters are half-open as everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json, write_atomically, write_json
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.files import OnBroken, SourceFile, json_lines, readable, whole_text
from spanbert.corpus.word_tags import WordEdges
from spanbert.corpus.words import text_of_words, words_between

EXPECTED = (
    '{"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}, "label": ...}, or TACRED\'s token, subj_start ...'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TacredOrigin:
    """The object of an example, and its relation as it was read."""

    record: Mapping[str, Any]
    read: Relation


@dataclass(frozen=True, kw_only=True, slots=True)
class PairsOrigin:
    """The object of a line, and its relations as they were read."""

    record: Mapping[str, Any]
    read: tuple[Relation, ...]


_TACRED = ("token", "subj_start", "subj_end", "obj_start", "obj_end")


def read_tacred(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of TACRED's list.

    Args:
        file: Plain or compressed.
        on_broken: See `read_relations`; the file must be JSON.

    Raises:
        InputError: No list, or an entity outside of its text; names file and example.
    """
    path = file.path
    content = parse_json(whole_text(path), str(path), whole_file=True)
    if not isinstance(content, list):
        raise InputError("no list of examples", where=str(path), expected=f"objects with {', '.join(_TACRED)}")
    for number, record in enumerate(content, start=1):
        make = partial(_of_tacred, record, f"{file.name}:{number}", f"{path}, example {number}")
        yield from readable(make, on_broken)


def read_relation_lines(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of JSON lines.

    Args:
        file: Plain or compressed.
        on_broken: See `read_relations`.

    Raises:
        InputError: Not JSON, no text, or an entity outside of it; names file and line.
    """
    yield from json_lines(file, _of_line, EXPECTED, on_broken)


def _of_line(record: Any, name: str, where: str) -> Document:
    is_tacred = isinstance(record, Mapping) and "token" in record
    return _of_tacred(record, name, where) if is_tacred else document_of_pairs(record, name, where)


def _of_tacred(record: Any, name: str, where: str) -> Document:
    missing = [key for key in _TACRED if not isinstance(record, Mapping) or key not in record]
    if missing:
        raise InputError(f"no {missing[0]}", where=where, expected=", ".join(_TACRED))
    tokens = record["token"]
    if not isinstance(tokens, list) or not all(isinstance(one, str) and one for one in tokens):
        raise InputError("tokens that are no words", where=where, expected='"token": ["He", "left"]')
    text, words = text_of_words(tokens)
    spans = []
    for side in ("subj", "obj"):
        start, end = record[f"{side}_start"], record[f"{side}_end"]
        if type(start) is not int or type(end) is not int or not 0 <= start <= end < len(words):
            raise InputError(
                f"{side} outside of the text",
                where=where,
                got=f"{side}_start {start}, {side}_end {end}",
                expected=f"words 0..{len(words) - 1}, the last one included",
            )
        if not text[words[start].start : words[end].end].strip():
            raise InputError(f"{side} is nothing but blanks", where=where, got=f"words {start}..{end}")
        label = record.get(f"{side}_type")
        spans.append(
            Span(start=words[start].start, end=words[end].end, label=label if isinstance(label, str) else None)
        )
    relation = Relation(head=spans[0], tail=spans[1], label=_label(record, "relation", where))
    return Document(
        id=_identity(record, name),
        text=text,
        words=tuple(words),
        relations=(relation,),
        where=where,
        origin=TacredOrigin(record=record, read=relation),
    )


def document_of_pairs(record: Any, name: str, where: str) -> Document:
    """A text with one pair of entities (`head`, `tail`, `label`) or several (`relations`) from a JSON object.

    Args:
        record: The object.
        name: Its id, where it has none.
        where: File and line.

    Raises:
        InputError: No text, or an entity outside of it.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("text"), str):
        raise InputError("no text", where=where, got=type(record).__name__, expected=EXPECTED)
    listed = record.get("relations", [record])
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise InputError("relations that are no objects", where=where, expected=EXPECTED)
    relations = tuple(_relation(one, record["text"], where) for one in listed)
    return Document(
        id=_identity(record, name),
        text=record["text"],
        relations=relations,
        where=where,
        origin=PairsOrigin(record=record, read=relations),
    )


def _relation(record: Mapping[str, Any], text: str, where: str) -> Relation:
    head, tail = (entity_of(record.get(side), text, side, where) for side in ("head", "tail"))
    return Relation(head=head, tail=tail, label=_label(record, "label", where))


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
            got=json.dumps(entry, ensure_ascii=False)[:80],
            expected=f"start and end in a text of {len(text)} characters",
        )
    if not text[start:end].strip():
        raise InputError(f"{side} is nothing but blanks", where=where, got=f"{start}..{end}")
    label = entry.get("label")
    return Span(start=start, end=end, label=label if isinstance(label, str) else None)


def _label(record: Mapping[str, Any], key: str, where: str) -> str:
    """A label, empty where the file does not say it."""
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError("a label that is no text", where=f"{where}, {key}", got=json.dumps(value)[:40])
    return value or ""


def _identity(record: Mapping[str, Any], name: str) -> str:
    stated = record.get("id")
    return str(stated) if isinstance(stated, str | int) else name


def write_tacred(documents: Iterable[Document], target: Path) -> None:
    """Writes documents of one relation each, whole or not at all; what came from such a file comes back as it was.

    Raises:
        InputError: An entity begins or ends inside a word; names the document.
    """
    write_json(target, [_tacred_record(document) for document in documents])


def write_relation_lines(documents: Iterable[Document], target: Path) -> None:
    """Writes documents one a line, whole or not at all; TACRED's objects stay such."""
    lines = (json.dumps(_line_record(document), ensure_ascii=False) for document in documents)
    write_atomically(target, "".join(line + "\n" for line in lines))


def _tacred_record(document: Document) -> dict[str, Any]:
    [relation] = document.relations or ()
    if isinstance(document.origin, TacredOrigin):
        changed = {} if relation == document.origin.read else {"relation": relation.label}
        return {**document.origin.record, **changed}
    edges = {place for entity in (relation.head, relation.tail) for place in (entity.start, entity.end)}
    words = document.words or words_between(document.text, edges)
    places = WordEdges(document, words)
    record: dict[str, Any] = {
        "id": document.id,
        "token": [document.text[word.start : word.end] for word in words],
    }
    for side, span in (("subj", relation.head), ("obj", relation.tail)):
        first, last = places.first_and_last(span, "an entity")
        record |= {f"{side}_start": first, f"{side}_end": last}
        record |= {} if span.label is None else {f"{side}_type": span.label}
    return {**record, "relation": relation.label}


def _line_record(document: Document) -> dict[str, Any]:
    if isinstance(document.origin, TacredOrigin):
        return _tacred_record(document)
    record: Mapping[str, Any] = {"id": document.id, "text": document.text}
    read: tuple[Relation, ...] = ()
    if isinstance(document.origin, PairsOrigin):
        record, read = document.origin.record, document.origin.read
        if document.relations == read:
            return dict(record)
    listed = record.get("relations")
    relations = [
        listed[read.index(one)] if listed and one in read else _relation_record(one) for one in document.relations or ()
    ]
    alone = len(relations) == 1 and "relations" not in record
    rest = relations[0] if alone else {"relations": relations}
    return {**record, **rest}


def _relation_record(relation: Relation) -> dict[str, Any]:
    sides = {
        side: {"start": span.start, "end": span.end, **({} if span.label is None else {"label": span.label})}
        for side, span in (("head", relation.head), ("tail", relation.tail))
    }
    return {**sides, "label": relation.label}
