"""Lines of `spanbert predict` as the lines that training reads: the results of one task, as if people had written them.

{"id": "1", "text": "Ann left.", "tasks": {"ner": {"entities": [{"start": 0, "end": 3, "label": "PER", ...}]}}}
{"id": "1", "text": "Ann left.", "entities": [{"start": 0, "end": 3, "label": "PER", ...}]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spanbert.core.errors import InputError

_TASKS = "tasks"


def plain_record(record: Any, field: str, where: str, *, beside: str | None = None) -> Any:
    """A line of predictions with the results of its one task that has a field beside the text; others as they are.

    Args:
        record: The JSON value of a line.
        field: What is wanted, such as `clusters`.
        where: File and line.
        beside: What is wanted too where there is the field, and a task has it and not the line itself.

    Raises:
        InputError: Several tasks have a field, or a place whose characters are not the text that it states.
    """
    results = record.get(_TASKS) if isinstance(record, Mapping) else None
    if not isinstance(results, Mapping) or field in record:
        return record
    found = _result_of(results, record, field, where)
    if not found:
        return record
    kept = {name: value for name, value in record.items() if name != _TASKS}
    more = {} if beside is None or beside in kept else _result_of(results, record, beside, where)
    return {**kept, **more, **found}


def _result_of(results: Mapping[str, Any], record: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    """The field with the result of the one task that has it; empty where none has."""
    found = {name: one[field] for name, one in results.items() if isinstance(one, Mapping) and field in one}
    if len(found) > 1:
        raise InputError(
            f"several tasks predicted {field}",
            where=where,
            got=", ".join(found),
            remedy="Write the results of one: spanbert predict --task NAME, or delete those of the others",
        )
    if not found:
        return {}
    [value] = found.values()
    text = record.get("text")
    if isinstance(text, str):
        for place in _places(value):
            _require_same(text, place, where)
    return {field: value}


def with_tags(record: Any, where: str) -> Any:
    """A line of predictions of a tag a word with its words and their tags beside the text; others as they are."""
    found = plain_record(record, "tags", where)
    if found is record or "tags" not in found:
        return record
    tagged = [one for one in found["tags"] if isinstance(one, Mapping)]
    words = [[one.get("start"), one.get("end")] for one in tagged]
    return {**found, "words": words, "tags": [one.get("label") for one in tagged]}


def result_with(record: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """The result of the task of a line of predictions that has a key; None where it is no such line."""
    results = record.get(_TASKS)
    found = results.values() if isinstance(results, Mapping) else ()
    return next((one for one in found if isinstance(one, Mapping) and key in one), None)


def _places(value: Any) -> Iterator[Mapping[str, Any]]:
    """All objects in it that have a start, an end and a text."""
    if isinstance(value, Mapping):
        if {"start", "end", "text"} <= value.keys():
            yield value
        for inner in value.values():
            yield from _places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


def _require_same(text: str, place: Mapping[str, Any], where: str) -> None:
    start, end = place["start"], place["end"]
    if type(start) is int and type(end) is int and 0 <= start <= end and text[start:end] != place["text"]:
        raise InputError(
            "a place with other characters than it states",
            where=where,
            got=f"{start} to {end} is {text[start:end]!r}, not {place['text']!r}",
            remedy='Correct "start" and "end", or leave "text" out',
        )
