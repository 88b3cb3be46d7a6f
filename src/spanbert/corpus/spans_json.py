"""Texts with labelled spans as JSON: one object a line (`text`, `spans`), and Label Studio's exports.

    {"id": "1", "text": "Ann left Rome.", "spans": [{"start": 0, "end": 3, "label": "PER"}], "anything": "else"}

Characters are Unicode code points, from 0, half-open. `"words": [[0, 3], [4, 8]]` says where words are, `"tags"` beside
it gives one tag a word. Fields that are not interpreted come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json, read_json, write_json
from spanbert.core.types import Document, Span
from spanbert.corpus.files import SourceFile, text_lines

_SPAN_FIELDS = ("spans", "entities", "label", "labels", "entity_list")
_EXPECTED = '{"text": ..., "spans": [{"start": 0, "end": 3, "label": "PER"}]}'


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
        record = parse_json(line, where, _EXPECTED)
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise InputError("no text", where=where, got=type(record).__name__, expected=_EXPECTED)
        field = next((name for name in _SPAN_FIELDS if isinstance(record.get(name), list)), None)
        form, spans = "objects", []
        for entry in record[field] if field else []:
            span, form = span_of(entry, record["text"], where)
            spans.append(span)
        words, tags = _words_of(record, record["text"], where)
        yield Document(
            id=str(record.get("id", f"{file.name}:{number}")),
            text=record["text"],
            words=words,
            spans=tuple(spans) if field else None,
            columns=tags,
            where=where,
            origin=SpanLineOrigin(record=record, field=field, form=form, read=tuple(spans)),
        )


def _words_of(
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
    return tuple(words), {"tag": tuple(tags)}


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
            "not a span of the text", where=where, got=json.dumps(entry, ensure_ascii=False), expected=_EXPECTED
        )
    return Span(start=start, end=end, label=label), form


def span_lines(documents: Iterable[Document]) -> Iterator[str]:
    """JSON lines; documents that came from such a file keep their other fields and the form of their spans."""
    for document in documents:
        record = _record(document)
        origin = document.origin if isinstance(document.origin, SpanLineOrigin) else None
        field, form = (origin.field or "spans", origin.form) if origin is not None else ("spans", "objects")
        if document.spans is not None and not (field in record and is_as_read(document)):
            record[field] = [_entry(span, document.text, form) for span in document.spans]
        yield json.dumps(record, ensure_ascii=False)


def is_as_read(document: Document) -> bool:
    """Whether a document's spans are those that a line of JSON had."""
    return isinstance(document.origin, SpanLineOrigin) and document.spans == document.origin.read


def _record(document: Document) -> dict[str, Any]:
    """The fields of a document but its spans: those it came with, else id, text, words, and tags that are no spans."""
    origin = document.origin
    if isinstance(origin, SpanLineOrigin):
        return dict(origin.record)
    others = {}
    if isinstance(origin, LabelStudioOrigin):
        others = {name: value for name, value in origin.task["data"].items() if name != origin.key}
    record = {"id": document.id, "text": document.text, **others}
    if document.words is not None:
        record["words"] = [[word.start, word.end] for word in document.words]
    if document.words is not None and document.spans is None and "tag" in document.columns:
        record["tags"] = list(document.columns["tag"])
    return record


def _entry(span: Span, text: str, form: str) -> Any:
    if form == "lists":
        return [span.start, span.end, span.label]
    if form == "cluener":
        index = {"begin": span.start, "end": span.end}
        return {"entity_type": span.label, "entity": text[span.start : span.end], "entity_index": index}
    score = {} if span.score is None else {"score": span.score}
    return {"start": span.start, "end": span.end, "label": span.label, **score}


def read_label_studio(file: SourceFile) -> Iterator[Document]:
    """Tasks of a Label Studio export (JSON): the text of `data`, the spans of the last annotation not skipped.

    The text is `data`'s field `text`, else its first that is a text; `id`, `words` and `tags` there are read as in JSON
    lines.

    Raises:
        InputError: Not such an export, or a span outside the text.
    """
    tasks = read_json(file.path)
    if not isinstance(tasks, list):
        raise InputError("not a Label Studio export", where=str(file.path), got=type(tasks).__name__, expected="a list")
    for number, task in enumerate(tasks):
        where = f"{file.path}: [{number}]"
        data = task.get("data") if isinstance(task, Mapping) else None
        texts = [name for name, value in data.items() if isinstance(value, str)] if isinstance(data, Mapping) else []
        if not isinstance(data, Mapping) or not texts:
            raise InputError("no text in this task", where=where, expected='{"data": {"text": ...}, "annotations": []}')
        key = "text" if "text" in texts else texts[0]
        annotations = _objects(task.get("annotations") or [], f"{where}.annotations")
        done = [(place, one) for place, one in enumerate(annotations) if not one.get("was_cancelled")]
        entries = _entries(*done[-1], where) if done else ()
        spans = [span_of(entry, data[key], where)[0] for entry in entries]
        words, tags = _words_of(data, data[key], where)
        yield Document(
            id=str(data.get("id", task.get("id", f"{file.name}:{number}"))),
            text=data[key],
            words=words,
            columns=tags,
            spans=tuple(sorted(spans, key=lambda span: (span.start, span.end))) if done else None,
            where=where,
            origin=LabelStudioOrigin(task=dict(task), key=key),
        )


def _entries(place: int, annotation: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """The spans of an annotation as `_span_of` reads them; results of other kinds (choices, relations) are none."""
    place_of_results = f"{where}.annotations[{place}].result"
    for number, result in enumerate(_objects(annotation.get("result") or [], place_of_results)):
        if result.get("type") != "labels":
            continue
        value = result.get("value")
        if not isinstance(value, Mapping) or not isinstance(value.get("labels", []), list):
            raise InputError(
                "a labelled result without a value",
                where=f"{place_of_results}[{number}]",
                got=json.dumps(result, ensure_ascii=False),
                expected='{"type": "labels", "value": {"start": 0, "end": 3, "labels": ["PER"]}}',
            )
        if value.get("labels"):
            yield {"start": value.get("start"), "end": value.get("end"), "label": value["labels"][0]}


def _objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        got = json.dumps(value, ensure_ascii=False)
        raise InputError("not a list of objects", where=where, got=got, expected="[{...}, ...]")
    return value


def write_label_studio(documents: Iterable[Document], target: Path) -> None:
    """Writes a Label Studio import: tasks with annotations; documents from an export keep everything else.

    What JSON lines would hold beside the text and its spans goes into `data`, so that it comes back from there.
    """
    tasks = []
    for document in documents:
        if isinstance(document.origin, LabelStudioOrigin):
            task, key = dict(document.origin.task), document.origin.key
        else:
            field = document.origin.field if isinstance(document.origin, SpanLineOrigin) else None
            others = {name: value for name, value in _record(document).items() if name != field}
            task, key = {"data": {"text": document.text, "id": document.id, **others}}, "text"
        results = [
            {
                "from_name": "label",
                "to_name": key,
                "type": "labels",
                "value": {
                    "start": span.start,
                    "end": span.end,
                    "text": document.text[span.start : span.end],
                    "labels": [span.label],
                },
            }
            for span in document.spans or ()
        ]
        done = [dict(one) for one in task.get("annotations") or []]
        if document.spans is not None:
            place = next((n for n in reversed(range(len(done))) if not done[n].get("was_cancelled")), None)
            if place is None:
                done.append({"result": results})
            elif _values(done[place]) != _values({"result": results}):
                done[place]["result"] = results
            task["annotations"] = done
        tasks.append(task)
    write_json(target, tasks)


def _values(annotation: Mapping[str, Any]) -> set[tuple[int, int, str]]:
    return {
        (one["value"]["start"], one["value"]["end"], one["value"]["labels"][0])
        for one in annotation.get("result") or []
        if one.get("type") == "labels" and one.get("value", {}).get("labels")
    }
