"""What people can ask of an answer: why each thing was said, as requests for `explain`."""

from __future__ import annotations

from pydantic import Field

from spanbert.apps.serve.models import LoadedModel
from spanbert.core.excerpts import shortened
from spanbert.core.types import Record, Span
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.service import Said, Wire

_SHOWN = 80  # characters of what was said


class TextPlace(Wire):
    """A place in the text."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class ReasonParameters(Wire):
    """Parameters of `explain`; places are in code points."""

    task: str
    label: str | None = None
    of: TextPlace | None = None
    other: TextPlace | None = None


class Reason(Wire):
    """Something that was said, and what asks `explain` for its reasons."""

    said: str
    said_zh: str
    parameters: ReasonParameters


def reasons_of(model: LoadedModel, result: AnnotatedText) -> list[Record]:
    """A `Reason` for each thing that the tasks of a model said of a text and can explain.

    Args:
        model: That was asked.
        result: What it said.
    """
    several = len(result.tasks) > 1
    return [
        _reason(f"{task}: " if several else "", task, one)
        for task, own in result.tasks.items()
        if task in model.explained
        for one in model.services[task].said(result.text, own)
    ]


def _reason(heading: str, task: str, one: Said) -> Record:
    places = {"of": _place(one.of), "other": _place(one.other)}
    stated = {"label": one.label, **places}
    return {
        "said": shortened(heading + one.what, _SHOWN),
        "said_zh": shortened(heading + (one.what_zh or one.what), _SHOWN),
        "parameters": {"task": task} | {name: value for name, value in stated.items() if value is not None},
    }


def _place(span: Span | None) -> Record | None:
    return None if span is None else {"start": span.start, "end": span.end}
