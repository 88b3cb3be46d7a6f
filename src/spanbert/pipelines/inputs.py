"""Input of a model: one text per line, or JSON lines with ids, pairs, questions, words or entities."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePath
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json
from spanbert.core.texts import require_text
from spanbert.core.types import Document, Question, Record, Span
from spanbert.corpus.formats.coref_lines import speakers_of
from spanbert.corpus.formats.relation_lines import document_of_pairs, entity_of
from spanbert.corpus.formats.span_records import span_of
from spanbert.corpus.text.division import Documents, divided
from spanbert.corpus.text.words import text_of_words

_EXPECTED = (
    '{"text": ...}, {"text": ..., "pair": ...}, {"question": ..., "context": ...}, {"tokens": [...]}, '
    '{"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}} or {"text": ..., "entities": [...]}'
)


def read_inputs(
    lines: Iterable[str],
    *,
    name: str,
    entities: bool = False,
    blank_lines: bool = False,
    documents: Documents = "line",
    on_plain: Callable[[], None] | None = None,
    text_field: str = "text",
) -> Iterator[Document]:
    """Documents of some lines; their ids are those of the JSON lines, else the numbers of their (first) lines.

    Args:
        lines: Plain text, one a line; or JSON lines, where the first is a JSON object or the source a .jsonl file.
        name: Of the source.
        entities: Read pairs of entities and entities, for tasks that relate them.
        blank_lines: Blank lines are texts too, where a text is a line; else they are left out.
        documents: What a text is in plain text; of JSON lines always a line.
        on_plain: Called before the first text if it is plain text.
        text_field: What the text is called in JSON lines.

    Raises:
        InputError: A line of JSON lines that is none, or without a text; plain text where a field is asked for.
    """
    numbered = _numbered(lines, name)
    begun: list[tuple[int, str]] = []
    is_json = ".jsonl" in PurePath(name.lower()).suffixes
    for number, text in () if is_json else numbered:
        begun.append((number, text))
        if text.strip():
            is_json = is_json_object(text)
            if not is_json:
                _require_no_field(text_field, f"{name}:{number}")
                if on_plain is not None:
                    on_plain()
            break
    for number, text in divided(chain(begun, numbered), "line" if is_json else documents):
        where = f"{name}:{number}"
        if not text.strip():
            if blank_lines:
                yield Document(id=str(number), text=text, where=where)
            continue
        document = (
            _document(text, where, number, entities, text_field) if is_json else Document(id=str(number), text=text)
        )
        yield replace(document, where=where)


def _require_no_field(text_field: str, where: str) -> None:
    if text_field != "text":
        raise InputError(
            "plain text, which has no fields",
            where=where,
            expected=f"JSON lines with {text_field!r}, or a .csv, .tsv or .parquet file",
            remedy="Leave --text-column out to read it as plain text",
        )


def _numbered(lines: Iterable[str], name: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        require_text(line, f"{name}:{number}")
        text = line.rstrip("\r\n")
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def is_json_object(line: str) -> bool:
    """Whether a line is an object of JSON; the first that is not blank says it of them all."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _document(line: str, where: str, number: int, entities: bool, text_field: str) -> Document:
    given = parse_json(line, where, _EXPECTED)
    if not isinstance(given, dict):
        raise InputError("not a JSON object", where=where, got=type(given).__name__, expected=_EXPECTED)
    if text_field != "text" and text_field not in given:
        raise InputError(f"no {text_field}", where=where, got=", ".join(given) or "an empty object")
    record = given if text_field == "text" else {**given, "text": given[text_field]}
    return replace(_of_record(record, where, number, entities=entities), fields=given)


def _of_record(record: Record, where: str, number: int, *, entities: bool) -> Document:
    stated = record.get("id")
    identity = str(number if stated is None else stated)
    if "question" in record:
        question, context = _text(record, "question", where), _text(record, "context", where)
        return Document(id=identity, text=context, questions=(Question(id=identity, text=question),))
    if "tokens" in record:
        tokens = record["tokens"]
        if not isinstance(tokens, list) or not all(isinstance(one, str) and one.strip() for one in tokens):
            raise InputError("tokens that are not words", where=where, expected='{"tokens": ["New", "York"]}')
        speakers = speakers_of(record.get("speakers"), len(tokens))
        return replace(document_of_words(identity, tokens), columns={"speaker": speakers} if speakers else {})
    if entities and record.keys() & {"head", "tail", "relations", "entities"}:
        return _with_entities(record, identity, where)
    pair = _text(record, "pair", where) if "pair" in record else None
    return Document(id=identity, text=_text(record, "text", where), pair=pair)


def _with_entities(record: Record, identity: str, where: str) -> Document:
    """A text with the pairs that are asked for, or with entities, all pairs of which are."""
    text = _text(record, "text", where)
    spans = _entities(record["entities"], text, where) if "entities" in record else None
    if spans is None or record.keys() & {"head", "tail"} or record.get("relations"):
        stated = {name: value for name, value in record.items() if name != "entities"}
        return replace(document_of_pairs(stated, identity, where), spans=spans)
    return Document(id=identity, text=text, spans=spans)


def _entities(value: Any, text: str, where: str) -> tuple[Span, ...]:
    if not isinstance(value, list):
        raise InputError("entities that are not a list", where=where, expected='[{"start": 0, "end": 3}, ...]')
    return tuple(
        entity_of(one, text, "entity", where)
        if isinstance(one, dict) and "start" in one
        else span_of(one, text, where)[0]
        for one in value
    )


def document_of_words(identity: str, words: Sequence[str]) -> Document:
    """A document of words, with blanks between them as their script has them."""
    text, spans = text_of_words(words)
    return Document(id=identity, text=text, words=tuple(spans))


def _text(record: Record, field: str, where: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise InputError(
            f"no {field}", where=where, got=", ".join(map(str, record)) or "an empty object", expected=_EXPECTED
        )
    return value
