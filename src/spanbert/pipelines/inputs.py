"""What people hand to a model: one text a line, or JSON lines with ids, pairs, questions or words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import PurePath
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json
from spanbert.core.types import Document, Question, Span

_EXPECTED = '{"text": ...}, {"text": ..., "pair": ...}, {"question": ..., "context": ...} or {"tokens": [...]}'


def read_inputs(lines: Iterable[str], *, name: str) -> Iterator[Document]:
    """Documents of some lines; their ids are those of the JSON lines, else the line numbers. Blank lines are left out.

    Args:
        lines: Plain text, one a line; or JSON lines, where the first is a JSON object or the source a .jsonl file.
        name: Of the source.

    Raises:
        InputError: A line of JSON lines that is none, or without a text.
    """
    is_json: bool | None = True if ".jsonl" in PurePath(name.lower()).suffixes else None
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if number == 1:
            text = text.removeprefix("\ufeff")
        if not text.strip():
            continue
        if is_json is None:
            is_json = _is_object(text)
        yield _document(text, f"{name}:{number}", number) if is_json else Document(id=str(number), text=text)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _document(line: str, where: str, number: int) -> Document:
    record = parse_json(line, where, _EXPECTED)
    if not isinstance(record, dict):
        raise InputError("not a JSON object", where=where, got=type(record).__name__, expected=_EXPECTED)
    stated = record.get("id")
    identity = str(number if stated is None else stated)
    if "question" in record:
        question, context = _text(record, "question", where), _text(record, "context", where)
        return Document(id=identity, text=context, questions=(Question(id=identity, text=question),))
    if "tokens" in record:
        tokens = record["tokens"]
        if not isinstance(tokens, list) or not all(isinstance(one, str) and one.strip() for one in tokens):
            raise InputError("tokens that are no words", where=where, expected='{"tokens": ["New", "York"]}')
        return document_of_words(identity, tokens)
    pair = {"pair": _text(record, "pair", where)} if "pair" in record else {}
    return Document(id=identity, text=_text(record, "text", where), meta=pair)


def document_of_words(identity: str, words: Sequence[str]) -> Document:
    """A document of words that stand with a blank between them."""
    ends = accumulate(len(one) + 1 for one in words)
    spans = tuple(Span(start=end - 1 - len(one), end=end - 1) for one, end in zip(words, ends, strict=True))
    return Document(id=identity, text=" ".join(words), words=spans)


def _text(record: dict[str, Any], field: str, where: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise InputError(
            f"no {field}", where=where, got=", ".join(map(str, record)) or "an empty object", expected=_EXPECTED
        )
    return value
