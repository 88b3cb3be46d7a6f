"""Label Studio's exports: a JSON list of tasks, each a text with annotations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.core.types import Document
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.json_shape import json_shape
from spanbert.corpus.formats.span_records import (
    LabelStudioOrigin,
    SpanLineOrigin,
    record_of,
    span_of,
    words_of_record,
)
from spanbert.corpus.io.files import SourceFile


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
        words, tags = words_of_record(data, data[key], where)
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
    """The spans of an annotation as `span_of` reads them; results of other kinds (choices, relations) are none."""
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

    Fields that JSON lines would hold in addition to the text and its spans go into `data` and are read back from there.
    """
    tasks = []
    for document in documents:
        if isinstance(document.origin, LabelStudioOrigin):
            task, key = dict(document.origin.task), document.origin.key
        else:
            field = document.origin.field if isinstance(document.origin, SpanLineOrigin) else None
            others = {name: value for name, value in record_of(document).items() if name != field}
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


FORMAT = Format(
    name="label-studio",
    title="a Label Studio export",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=lambda beginning: json_shape(beginning) == "tasks",
    read=lambda file, settings, on_broken: read_label_studio(file),
    write=lambda documents, target, settings: write_label_studio(documents, target),
)
