"""`explain` over HTTP: why a task says what it says, word by word.

An explanation takes many passes of the encoder, forwards and backwards, in one go. It counts for as many tokens, so
that whoever asks for some has fewer turns, and its text is bounded more than others, so that nobody waits long for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Union, get_args

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import override

from spanbert.apps.serve.batcher import Query, Wanted
from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.errors import ServiceError
from spanbert.apps.serve.models import LoadedModel
from spanbert.apps.serve.operations import Operation, one_task, read_input
from spanbert.apps.serve.reasons import TextPlace
from spanbert.core.attributions import Baseline
from spanbert.core.errors import InputError
from spanbert.core.html.style import Palette
from spanbert.core.offsets import Offsets, OffsetUnit
from spanbert.core.types import Document, Record
from spanbert.pipelines.explaining import Place
from spanbert.pipelines.explanations import Explanation
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.registry import specs
from spanbert.tasks.service import Parameters, Stretch, Wire

_PASSES = 3  # what a pass forwards and backwards costs beside one forwards
_FIRST_STEPS = 16  # of an integral, which are doubled up to those that are allowed: all tries together are its cost


class ExplainParameters(Parameters):
    """Parameters of explanations; without `label`, `of` and `other`, what the task says is explained."""

    label: str | None = Field(default=None, description="Only, or also if it was not said: this label.")
    of: TextPlace | str | None = Field(
        default=None,
        description="Only, or also if it was not said: at this place, an entity, an answer, a mention, the head of a "
        "relation; or the words there, where they stand first.",
    )
    other: TextPlace | str | None = Field(
        default=None, description="The antecedent of a mention, or the tail of a relation."
    )
    baseline: Baseline = Field(default="mask", description="What stands for a word that is not there.")
    steps: int = Field(default=64, ge=1, le=128, description="Steps of the integral at most.")
    most: int = Field(default=1, ge=1, le=10, description="Things explained at most, in text order.")


class ExplainedWord(Wire):
    """A word, and how much of the score is its part: above 0 it speaks for what was said, below 0 against it."""

    start: int
    end: int
    text: str
    score: float


class ExplainedThing(Wire):
    """Why one thing was said: the words add up to `score - baseline_score`, but for `delta`."""

    label: str
    places: list[Stretch]
    score: float
    baseline_score: float = Field(description="The score of the text with every word replaced by the baseline.")
    words: list[ExplainedWord]
    second_words: list[ExplainedWord] | None = Field(
        default=None, description="Of the question, or of the second text; places are in that text."
    )
    delta: float
    steps: int
    converged: bool = Field(description="Whether `delta` is small.")


class ExplainedText(Wire):
    """Why a task said what it said of a text."""

    task: str
    score_is: str
    baseline: Baseline
    explanations: list[ExplainedThing]
    left_out: int = Field(description="How many more things there are.")


class _UnwantedError(Exception):
    """Nobody waits for the explanation any more."""


class Asked(NamedTuple):
    """A document, and what of it is to be explained."""

    document: Document
    label: str | None
    of: Place | None
    other: Place | None


@dataclass(frozen=True)
class Explain:
    """Documents to why a task says what it says of them."""

    task: str
    baseline: Baseline
    steps: int
    most: int

    def __call__(
        self, pipeline: Pipeline, payloads: Sequence[Asked], wanted: Sequence[Wanted]
    ) -> list[Explanation | InputError | None]:
        """An explanation of each document, or why there is none, so that the others need not be computed again.

        None for one that nobody waits for any more: it is ended at its next step.
        """
        return [self._explained(pipeline, one, is_wanted) for one, is_wanted in zip(payloads, wanted, strict=True)]

    def _explained(self, pipeline: Pipeline, asked: Asked, is_wanted: Wanted) -> Explanation | InputError | None:
        def on_step() -> None:
            if not is_wanted():
                raise _UnwantedError

        try:
            on_step()
            return pipeline.explain(
                asked.document,
                task=self.task,
                label=asked.label,
                of=asked.of,
                other=asked.other,
                baseline=self.baseline,
                steps=self.steps,
                most=self.most,
                on_step=on_step,
            )
        except InputError as error:
            return error
        except _UnwantedError:
            return None

    def for_people(self) -> Explain:
        """See `Computation`."""
        return self


class ExplainOperation(Operation):
    """Why a task says what it says; an input is what the task reads."""

    slug = "explain"
    title = "why: what each word adds to what was said, or takes away"
    title_zh = "解释：每个词对结果的作用"
    parameters = ExplainParameters
    output = ExplainedText
    example = "Ann left Rome."
    cheaper = "ask for fewer steps or things, or send a part of the text"

    def __init__(self) -> None:
        self.input = _any_input()

    @override
    def offered_by(self, model: LoadedModel) -> bool:
        return bool(model.explained)

    @override
    def refusal(self, model: LoadedModel) -> str | None:
        return model.unexplained

    @override
    def longest(self, limits: ServeConfig) -> int:
        return min(limits.max_length, limits.max_explained)

    @override
    def choices(self, model: LoadedModel) -> list[tuple[str | None, Any]]:
        """None: it is asked of what others say."""
        return []

    @override
    def query(self, model: LoadedModel, given: Any, parameters: Any, where: str) -> Query:
        task = one_task(model.explained, parameters.task)
        service = model.services[task]
        own = self._as_read(model, task, given, where)
        unit = parameters.offset_unit
        document, tokens = read_input(service, own, unit, where)
        offsets = Offsets(document.text, unit)
        asked = Asked(document, parameters.label, _place(parameters.of, offsets), _place(parameters.other, offsets))
        passes = parameters.most * _PASSES * sum(_tries(parameters.steps))
        return Query(
            computation=Explain(task, parameters.baseline, parameters.steps, parameters.most),
            payload=asked,
            cost=int((service.weight(own) + passes) * tokens),
            answer=lambda result: _answer(result, unit),
            draw=lambda result: result.drawing(Palette()),
        )

    def _as_read(self, model: LoadedModel, task: str, given: Any, where: str) -> Any:
        """An input as the type that a task reads.

        Raises:
            ServiceError: It is that of another task.
        """
        service = model.services[task]
        stated = given if isinstance(given, str) else given.model_dump(exclude_unset=True)
        try:
            return TypeAdapter(service.input).validate_python(stated)
        except ValidationError:
            example = json.dumps(service.example_of(model.pipeline.tasks[task]), ensure_ascii=False)
            raise ServiceError("unprocessable", f"{where}: not what task {task} reads, such as {example}") from None


def _tries(most_steps: int) -> Iterator[int]:
    """The steps of each try of an integral, if no one before the last is good enough."""
    steps = min(_FIRST_STEPS, most_steps)
    yield steps
    while steps < most_steps:
        steps = min(2 * steps, most_steps)
        yield steps


def _any_input() -> Any:
    """What any of the tasks that can be explained reads."""
    forms: dict[Any, None] = {}
    for spec in specs():
        if spec.explain is not None:
            stated = spec.serving().input
            forms |= dict.fromkeys(get_args(stated) or (stated,))
    return Union[tuple(forms)]  # noqa: UP007 (of a tuple that is made here)


def _place(stated: TextPlace | str | None, offsets: Offsets) -> Place | None:
    if stated is None or isinstance(stated, str):
        return stated
    return offsets.code_point(stated.start), offsets.code_point(stated.end)


def _answer(result: Explanation | InputError, unit: OffsetUnit) -> Record:
    """An explanation as JSON; places of the second text are counted in that.

    Raises:
        InputError: There is none.
    """
    if isinstance(result, InputError):
        raise result
    record = result.as_record()
    first, second = (Offsets(one, unit) for one in (result.text, result.second or ""))
    things = [
        {name: (second if name == "second_words" else first).placed(value) for name, value in one.items()}
        for one in record["explanations"]
    ]
    return {name: record[name] for name in ("task", "score_is", "baseline", "left_out")} | {"explanations": things}
