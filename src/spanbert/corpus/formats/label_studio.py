"""Label Studio's exports: a JSON list of tasks, each a text with annotations; of several, one is read.

[{"id": 1, "data": {"text": "Ann left."}, "annotations": [{"was_cancelled": false, "result": [
    {"id": "a", "type": "labels", "from_name": "label", "to_name": "text",
     "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}},
    {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["knows"]},
    {"type": "choices", "from_name": "mood", "to_name": "text", "value": {"choices": ["good"]}}]}]}]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.core.types import Document, Record
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED, LABELLED, RELATIONS
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.formats.label_studio_results import Results, objects, question_of, read_results, results_of
from spanbert.corpus.formats.span_records import LabelStudioOrigin, SpanLineOrigin, record_of, words_of_record
from spanbert.corpus.io.files import OnBroken, SourceFile, ignore_broken, readable


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A task with the annotation that is read of it.

    Attributes:
        task: The object.
        name: Its id, where it has none.
        where: File and task.
        key: The field of its data that is the text.
        results: What the annotation says; None: there is none that was not skipped.
        left_out: Results and annotations that are not read.
    """

    task: Mapping[str, Any]
    name: str
    where: str
    key: str
    results: Results | None
    left_out: Counter[str]


def read_label_studio(
    file: SourceFile, settings: ReadSettings | None = None, on_broken: OnBroken | None = None
) -> Iterator[Document]:
    """Tasks of a Label Studio export (JSON): the text of `data`, and one annotation.

    That is the last one marked as ground truth, else the last one not skipped. The text is `data`'s field `text`, else
    its first that is a text; `id`, `words` and `tags` there are read as in JSON lines. Labels of the text are the
    choices of the question that `label_column` names, else of the only one.

    Args:
        file: The export.
        settings: How to read it; None: the defaults.
        on_broken: Called with the error of each task that cannot be used and is left out; None: the error is raised.

    Raises:
        InputError: Not such an export, or a span outside the text.
    """
    tasks = list(_tasks(file, on_broken))
    settings = settings or ReadSettings()
    asked = [name for one in tasks if one.results for name in one.results.choices]
    question = question_of(asked, settings.label_column, str(file.path))
    related = any(one.results and one.results.relations for one in tasks)
    spanned = any(one.results and one.results.spans for one in tasks) or not asked  # else the texts have choices alone
    for one in tasks:
        yield from readable(partial(_document, one, question, related, spanned), on_broken)


def _tasks(file: SourceFile, on_broken: OnBroken | None) -> Iterator[_Task]:
    content = read_json(file.path)
    if not isinstance(content, list):
        got = type(content).__name__
        raise InputError("not a Label Studio export", where=str(file.path), got=got, expected="a list")
    for number, task in enumerate(content):
        make = partial(_task, task, f"{file.name}:{number}", f"{file.path}: [{number}]")
        yield from readable(make, on_broken)


def _task(task: Any, name: str, where: str) -> _Task:
    data = task.get("data") if isinstance(task, Mapping) else None
    texts = [name for name, value in data.items() if isinstance(value, str)] if isinstance(data, Mapping) else []
    if not isinstance(data, Mapping) or not texts:
        raise InputError("no text in this task", where=where, expected='{"data": {"text": ...}, "annotations": []}')
    key = "text" if "text" in texts else texts[0]
    annotations = objects(task.get("annotations") or [], f"{where}.annotations")
    done, place = [one for one in annotations if not one.get("was_cancelled")], _read_of(annotations)
    left_out: Counter[str] = Counter(
        {
            "annotations of the same texts": max(len(done) - 1, 0),
            "skipped annotations": len(annotations) - len(done),
            "predictions": len(objects(task.get("predictions") or [], f"{where}.predictions")),
        }
    )
    results = None
    if place is not None:
        listed = annotations[place].get("result") or []
        results = read_results(listed, data[key], f"{where}.annotations[{place}].result")
        left_out += results.left_out
    return _Task(task=task, name=name, where=where, key=key, results=results, left_out=+left_out)


def _read_of(annotations: Sequence[Mapping[str, Any]]) -> int | None:
    """Which of the annotations of a task is read."""
    done = [place for place, one in enumerate(annotations) if not one.get("was_cancelled")]
    true = [place for place in done if annotations[place].get("ground_truth")]
    return next(reversed(true or done), None)


def _document(one: _Task, question: str | None, related: bool, spanned: bool) -> Document:
    data, results = one.task["data"], one.results
    words, tags = words_of_record(data, data[one.key], one.where)
    return Document(
        id=str(data.get("id", one.task.get("id", one.name))),
        text=data[one.key],
        words=words,
        columns=tags,
        spans=results.spans if results is not None and spanned else None,
        relations=results.relations if results is not None and related else None,
        labels=None if results is None or question is None else results.choices.get(question),
        where=one.where,
        origin=LabelStudioOrigin(task=dict(one.task), key=one.key),
    )


def write_label_studio(documents: Iterable[Document], target: Path) -> None:
    """Writes a Label Studio import: tasks with annotations; documents from an export keep everything else.

    Fields that JSON lines would hold in addition to the text and its spans go into `data` and are read back from there.
    """
    write_json(target, [_written(document) for document in documents])


def _written(document: Document) -> Record:
    if isinstance(document.origin, LabelStudioOrigin):
        task, key = dict(document.origin.task), document.origin.key
    else:
        field = document.origin.field if isinstance(document.origin, SpanLineOrigin) else None
        others = {name: value for name, value in record_of(document).items() if name != field}
        task, key = {"data": {"text": document.text, "id": document.id, **others}}, "text"
    if document.spans is None and document.relations is None and document.labels is None:
        return task
    done = [dict(one) for one in task.get("annotations") or []]
    place = _read_of(done)
    if place is None:
        done.append({"result": results_of(document, key)})
    elif not _says(done[place], document):
        done[place]["result"] = results_of(document, key, done[place].get("result") or [])
    return {**task, "annotations": done}


def _says(annotation: Mapping[str, Any], document: Document) -> bool:
    """Whether an annotation holds the spans and relations of a document."""
    results = read_results(annotation.get("result") or [], document.text, document.place)
    return set(results.spans) == set(document.spans or ()) and set(results.relations) == set(document.relations or ())


def _detect(beginning: Beginning) -> bool:
    tasks = beginning.whole_list
    return tasks is not None and all(isinstance(one, Mapping) and "data" in one for one in tasks)


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    tasks = list(_tasks(file, ignore_broken))
    left_out: Counter[str] = sum((one.left_out for one in tasks), Counter())
    asked = [name for one in tasks if one.results for name in one.results.choices]
    if len(set(asked)) > 1 and settings.label_column is None:
        left_out["choices, of several questions"] = len(asked)
    return left_out


FORMAT = Format(
    name="label-studio",
    title="a Label Studio export",
    family=ANNOTATED,
    also=(LABELLED, RELATIONS),
    holds=frozenset({"spans", "columns", "relations", "labels"}),
    detect=_detect,
    marks=_detect,
    read=read_label_studio,
    write=lambda documents, target, settings: write_label_studio(documents, target),
    left_out=_left_out,
    carries=("label-studio",),
)
