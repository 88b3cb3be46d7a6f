"""Label Studio's JSON-MIN: a list of objects, one an annotation, with the fields of the text and what is said of it.

[{"text": "Ann left.", "id": 1, "label": [{"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}],
  "mood": "good", "annotator": 1, "annotation_id": 7, "lead_time": 3.2}]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.core.types import Document, Record, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED, LABELLED
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.formats.label_studio_results import question_of, regions_of
from spanbert.corpus.formats.span_records import record_of, words_of_record
from spanbert.corpus.io.files import OnBroken, SourceFile, readable

_ABOUT = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
_EXPECTED = '{"text": ..., "label": [{"start": 0, "end": 3, "labels": ["PER"]}], "annotation_id": 1}'


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelStudioMinOrigin:
    """The object of an annotation, which of its fields holds the regions, and these as they were read."""

    record: Mapping[str, Any]
    field: str
    read: tuple[Span, ...] | None


def read_label_studio_min(
    file: SourceFile, settings: ReadSettings | None = None, on_broken: OnBroken | None = None
) -> Iterator[Document]:
    """The annotations of an export, each a text; of several annotators, a text comes as often.

    Args:
        file: The export.
        settings: `label_column` names the choices that are the labels of texts; None: the only ones.
        on_broken: Called with the error of each annotation that cannot be used and is left out; None: it is raised.

    Raises:
        InputError: Not such an export, or a region outside of its text.
    """
    records = read_json(file.path)
    if not isinstance(records, list):
        got = type(records).__name__
        raise InputError("not an export of Label Studio's", where=str(file.path), got=got, expected=f"[{_EXPECTED}]")
    asked = (name for one in records if isinstance(one, Mapping) for name in _choices(one))
    question = question_of(asked, None if settings is None else settings.label_column, str(file.path))
    regions = list(dict.fromkeys(name for one in records if isinstance(one, Mapping) for name in _regions(one)))
    for number, record in enumerate(records):
        make = partial(_document, record, file, number, question, regions)
        yield from readable(make, on_broken)


def _document(record: Any, file: SourceFile, number: int, question: str | None, regions: list[str]) -> Document:
    where = f"{file.path}: [{number}]"
    key = _text_key(record) if isinstance(record, Mapping) else None
    if key is None:
        raise InputError("no text", where=where, got=type(record).__name__, expected=_EXPECTED)
    text = record[key]
    found = [
        span
        for name in regions
        for place, entry in enumerate(record.get(name) or ())
        for span in regions_of(entry, text, f"{where}.{name}[{place}]")
        if span.label is not None
    ]
    spans = tuple(sorted(found, key=lambda one: (one.start, one.end))) if regions else None
    words, tags = words_of_record(record, text, where)
    chosen = None if question is None else _choices(record).get(question)
    return Document(
        id=str(record.get("id", f"{file.name}:{number}")),
        text=text,
        words=words,
        columns=tags if spans is None else {},
        spans=spans,
        labels=chosen,
        where=where,
        origin=LabelStudioMinOrigin(record=record, field=regions[0] if regions else "label", read=spans),
    )


def _text_key(record: Mapping[str, Any]) -> str | None:
    texts = [name for name, value in record.items() if isinstance(value, str) and name not in _ABOUT]
    return "text" if "text" in texts else next(iter(texts), None)


def _regions(record: Mapping[str, Any]) -> list[str]:
    """The fields that hold labelled regions; an empty list is one where it is part of the answers."""
    lists = [name for name, value in record.items() if isinstance(value, list) and all(map(_is_region, value))]
    return [name for name in lists if record[name] or name in _answers(record)]


def _is_region(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("labels"), list) and "start" in value


def _choices(record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What was chosen, by the name of the question."""
    found = {}
    for name in _answers(record):
        value = record[name]
        listed = value.get("choices") if isinstance(value, Mapping) else [value]
        chosen = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
        if chosen and name not in (_text_key(record), *_ABOUT):
            found[name] = tuple(chosen)
    return found


def _answers(record: Mapping[str, Any]) -> list[str]:
    """The fields after those of the task and before those of the annotator."""
    names = list(record)
    first = names.index("id") + 1 if "id" in names else 0
    last = names.index("annotator") if "annotator" in names else len(names)
    return names[first:last]


def write_label_studio_min(documents: Iterable[Document], target: Path) -> None:
    """Writes such an export; documents that came from one keep all other fields."""
    write_json(target, [_record(document) for document in documents])


def _record(document: Document) -> Record:
    if isinstance(document.origin, LabelStudioMinOrigin):
        made, field = dict(document.origin.record), document.origin.field
        if document.spans == document.origin.read:
            return made
        made[field] = _entries(document)
        return made
    about = {name: value for name, value in record_of(document).items() if name in ("id", "words", "tags")}
    made = {"text": document.text, **{name: value for name, value in about.items() if name != "id"}, "id": document.id}
    if document.spans is not None:
        made["label"] = _entries(document)
    if document.labels is not None:
        made["choice"] = document.labels[0] if len(document.labels) == 1 else {"choices": list(document.labels)}
    return {**made, "annotator": 1}


def _entries(document: Document) -> list[Record]:
    return [
        {
            "start": span.start,
            "end": span.end,
            "text": document.text[span.start : span.end],
            "labels": [] if span.label is None else [span.label],
        }
        for span in document.spans or ()
    ]


def _detect(beginning: Beginning) -> bool:
    records = beginning.whole_list or ()
    return any(map(_is_record, records)) and all(isinstance(one, Mapping) for one in records)


def _is_record(value: object) -> bool:
    if not isinstance(value, Mapping) or isinstance(value.get("data"), Mapping):
        return False
    says_who = "annotator" in value or "annotation_id" in value
    return _text_key(value) is not None and (says_who or any(value[name] for name in _regions(value)))


FORMAT = Format(
    name="label-studio-min",
    title="Label Studio's JSON-MIN",
    family=ANNOTATED,
    also=(LABELLED,),
    holds=frozenset({"spans", "columns", "labels"}),
    detect=_detect,
    marks=_detect,
    read=read_label_studio_min,
    write=lambda documents, target, settings: write_label_studio_min(documents, target),
)
