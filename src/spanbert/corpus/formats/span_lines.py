"""Texts with labelled spans as JSON, one object a line.

    {"id": "1", "text": "Ann left Rome.", "spans": [{"start": 0, "end": 3, "label": "PER"}], "anything": "else"}

Characters are Unicode code points, from 0, half-open. `"words": [[0, 3], [4, 8]]` says where words are, `"tags"` next
to it gives one tag per word. Fields that are not interpreted come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole, parse_json
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.json_shape import json_shape
from spanbert.corpus.formats.predicted import plain_record, with_tags
from spanbert.corpus.formats.span_records import EXPECTED, SpanLineOrigin, record_of, span_of, words_of_record
from spanbert.corpus.io.files import SourceFile, open_bytes, text_lines, write_lines

_SPAN_FIELDS = ("spans", "entities", "label", "labels", "entity_list")


def read_span_lines(file: SourceFile) -> Iterator[Document]:
    """Documents of a JSON lines file with spans.

    Read are `spans` or `entities` as objects (`start`, `end`, `label`) or lists ([start, end, label]), doccano's
    `label` as lists, and CLUENER's `entity_list`; the same field and form is written back. Other kinds of `words`,
    and `tags` without `words`, are not interpreted.

    Raises:
        InputError: Not JSON, no text, a span or word outside the text, or not a tag for each word; names file and line.
    """
    for number, line in text_lines(file):
        if not line.strip():
            continue
        where = f"{file.path}:{number}"
        record = with_tags(plain_record(parse_json(line, where, EXPECTED), "entities", where), where)
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise InputError("no text", where=where, got=type(record).__name__, expected=EXPECTED)
        field = next((name for name in _SPAN_FIELDS if isinstance(record.get(name), list)), None)
        form, spans = "objects", []
        for entry in record[field] if field else []:
            span, form = span_of(entry, record["text"], where)
            spans.append(span)
        words, tags = words_of_record(record, record["text"], where)
        yield Document(
            id=str(record.get("id", f"{file.name}:{number}")),
            text=record["text"],
            words=words,
            spans=tuple(spans) if field else None,
            columns=tags,
            where=where,
            origin=SpanLineOrigin(record=record, field=field, form=form, read=tuple(spans)),
        )


def span_lines(documents: Iterable[Document]) -> Iterator[str]:
    """JSON lines; documents that came from such a file keep their other fields and the form of their spans."""
    for document in documents:
        record = record_of(document)
        origin = document.origin if isinstance(document.origin, SpanLineOrigin) else None
        field, form = (origin.field or "spans", origin.form) if origin is not None else ("spans", "objects")
        if document.spans is not None and not (field in record and _is_as_read(document)):
            record[field] = [_entry(span, document.text, form) for span in document.spans]
        yield json.dumps(record, ensure_ascii=False)


def _is_as_read(document: Document) -> bool:
    """Whether a document's spans are those that a line of JSON had."""
    return isinstance(document.origin, SpanLineOrigin) and document.spans == document.origin.read


def _entry(span: Span, text: str, form: str) -> Any:
    if form == "lists":
        return [span.start, span.end, span.label]
    if form == "cluener":
        index = {"begin": span.start, "end": span.end}
        return {"entity_type": span.label, "entity": text[span.start : span.end], "entity_index": index}
    score = {} if span.score is None else {"score": span.score}
    return {"start": span.start, "end": span.end, "label": span.label, **score}


def copy_span_lines(file: SourceFile, documents: Iterable[Document], target: Path) -> None:
    """Writes the lines of a file, byte for byte but for those whose spans are no longer what they were.

    Args:
        file: The file.
        documents: Its documents, in order.
        target: The copy, whole or not at all.
    """
    changed = iter(documents)
    content, raw = open_bytes(file.path)
    with raw, content, file_written_whole(target) as stream:
        for line in content:
            document = next(changed) if line.strip() else None
            if document is None or document.spans is None or _is_as_read(document):
                stream.buffer.write(line)
            else:
                stream.buffer.write(f"{next(span_lines([document]))}\n".encode())


FORMAT = Format(
    name="jsonl",
    title="JSON lines with spans",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=lambda beginning: json_shape(beginning) == "lines",
    read=lambda file, settings, on_broken: read_span_lines(file),
    write=lambda documents, target, settings: write_lines(target, span_lines(documents)),
    copy=copy_span_lines,
)
