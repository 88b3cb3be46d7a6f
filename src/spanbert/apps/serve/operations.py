"""What can be asked of a model: the tasks of its kinds, and all of a text at once."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field
from typing_extensions import override

from spanbert.apps.serve.batcher import Query, Wanted
from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.errors import ServiceError
from spanbert.apps.serve.graph import TextGraph, graph_of
from spanbert.apps.serve.models import LoadedModel
from spanbert.apps.serve.reasons import reasons_of
from spanbert.core.html.style import Palette
from spanbert.core.offsets import Offsets, OffsetUnit
from spanbert.core.types import Document
from spanbert.pipelines.load import Pipeline
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.service import Parameters, TaskService, Wire

log = logging.getLogger("spanbert.serve")
_BYTES_A_TOKEN = 4  # about: of English 4 to 5, of Chinese 3
_SPECIALS = 4


def cost_of(*texts: str | None) -> int:
    """The tokens of some texts, about."""
    return _SPECIALS + sum(len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN for text in texts if text)


@dataclass(frozen=True)
class Predict:
    """Documents to what a task says of them, or with None all tasks.

    Attributes:
        task: Its name.
        looked_at: By people, who also see what programs do not ask for.
    """

    task: str | None
    looked_at: bool = False

    def __call__(
        self, pipeline: Pipeline, payloads: Sequence[Document], wanted: Sequence[Wanted]
    ) -> list[AnnotatedText | None]:
        """A result for each document; None for all where nobody waits for any."""

        def go_on(share: float) -> None:
            if not any(one() for one in wanted):
                raise _Abandoned

        asked = pipeline.for_people() if self.looked_at else pipeline
        try:
            return list(asked.predict(payloads, task=self.task, batch_size=len(payloads), progress=go_on, say=_log))
        except _Abandoned:
            return [None for _ in payloads]

    def for_people(self) -> Predict:
        """See `Computation`."""
        return replace(self, looked_at=True)


class _Abandoned(Exception):
    """Nobody waits for any result of a batch."""


def _log(remark: str) -> None:
    log.warning("%s", remark)


class Operation(ABC):
    """Something that can be asked.

    Attributes:
        slug: What it is called in addresses.
        title: In words.
        title_zh: The same in Chinese.
        input: The type of one input.
        parameters: Those that a request may state.
        output: The type of the answer to one input.
        example: One input.
        cheaper: What makes an input cost less, where a short one may cost much, so that its cost is bounded; None: its
            length alone is.
    """

    slug: str
    title: str
    title_zh: str
    input: Any = str
    parameters: type[Wire] = Parameters
    output: Any
    example: Any
    cheaper: str | None = None

    @abstractmethod
    def offered_by(self, model: LoadedModel) -> bool:
        """Whether a model can be asked this."""

    def refusal(self, model: LoadedModel) -> str | None:
        """Why a model cannot be asked this though others with its tasks can; None: there is no more to say of it."""
        return None

    def longest(self, limits: ServeConfig) -> int:
        """Characters of an input at most."""
        return limits.max_length

    def choices(self, model: LoadedModel) -> list[tuple[str | None, Any]]:
        """Its tasks of a model that offers it, or None where no task is named, and an input for each."""
        return [(None, self.example)]

    @abstractmethod
    def query(self, model: LoadedModel, given: Any, parameters: Any, where: str) -> Query:
        """An input of a request as something to compute.

        Args:
            model: That is asked.
            given: Of the type `input`.
            parameters: Of the type `parameters`.
            where: The place of the input in the request, for messages.

        Raises:
            InputError: An input that is none.
            ServiceError: No task of the model, or several.
        """


class TaskOperation(Operation):
    """The tasks of a slug.

    Args:
        service: How they are asked.
        title: In words.
        title_zh: The same in Chinese.
    """

    def __init__(self, service: TaskService[Any], title: str, title_zh: str) -> None:
        self.slug, self.title, self.title_zh = service.slug, title, title_zh
        self.input, self.parameters = service.input, service.parameters
        self.output, self.example = service.output, service.example

    @override
    def offered_by(self, model: LoadedModel) -> bool:
        return bool(model.tasks(self.slug))

    @override
    def choices(self, model: LoadedModel) -> list[tuple[str | None, Any]]:
        tasks = model.pipeline.tasks
        return [(name, model.services[name].example_of(tasks[name])) for name in model.tasks(self.slug)]

    @override
    def query(self, model: LoadedModel, given: Any, parameters: Any, where: str) -> Query:
        task = one_task(model.tasks(self.slug), parameters.task)
        service, unit = model.services[task], parameters.offset_unit
        service.require(model.pipeline.tasks[task], parameters)

        def answer(result: AnnotatedText) -> Any:
            found = service.answer(result.text, result[task], parameters)
            return Offsets(result.text, unit).placed(found)

        document, tokens = read_input(service, given, unit, where)
        return _predicting(model, task, document, int(service.weight(given) * tokens), answer)


def read_input(service: TaskService[Any], given: Any, unit: OffsetUnit, where: str) -> tuple[Document, int]:
    """The document that a task reads of an input, and its tokens, about.

    Args:
        service: How the task is asked.
        given: Of its type of inputs.
        unit: What places of the input count.
        where: The input, for messages.

    Raises:
        InputError: Unusable, such as a place outside of the text.
    """
    document = service.document(given, where=where, place=lambda text, at: Offsets(text, unit).code_point(at))
    questions = [question.text for question in document.questions or ()]
    return document, cost_of(document.text, document.pair, *questions)


def _predicting(
    model: LoadedModel, task: str | None, document: Document, cost: int, answer: Callable[[AnnotatedText], Any]
) -> Query:
    """A document that a task, or all of them, say something of."""
    return Query(
        computation=Predict(task),
        payload=document,
        cost=cost,
        answer=answer,
        draw=lambda result: result.drawing(Palette()),
        reasons=lambda result: reasons_of(model, result),
    )


def one_task(offered: Sequence[str], named: str | None) -> str:
    """The task that is meant.

    Raises:
        ServiceError: None of that name, or several and none was named.
    """
    if named is None and len(offered) == 1:
        return offered[0]
    if named in offered:
        return str(named)
    names = ", ".join(offered)
    if named is None:
        raise ServiceError(
            "unprocessable", f"several tasks of this model could be meant: name one as parameters.task; {names}"
        )
    raise ServiceError("unprocessable", f"parameters.task: no such task here; there is {names}")


class AnalyzeParameters(Wire):
    """Parameters of an analysis."""

    offset_unit: OffsetUnit = Field(
        default="code_points", description="What `start` and `end` count, in requests and in answers."
    )


class AnalyzeOperation(Operation):
    """All that the tasks on texts say, as one graph."""

    slug = "analyze"
    title = "all of a text: entities, tags, clusters, relations and labels"
    title_zh = "整篇分析：实体、词性、共指、关系与标签"
    parameters = AnalyzeParameters
    output = TextGraph
    example = "Ann left Rome. She went home."

    @override
    def offered_by(self, model: LoadedModel) -> bool:
        return any("question" not in task.spec.needs for task in model.pipeline.tasks.values())

    @override
    def query(self, model: LoadedModel, given: str, parameters: Any, where: str) -> Query:
        def answer(result: AnnotatedText) -> Any:
            return Offsets(result.text, parameters.offset_unit).placed(graph_of(result))

        document = Document(id=where, text=given, where=where)
        more = sum(
            model.services[name].weight(given) - 1
            for name, task in model.pipeline.tasks.items()
            if "question" not in task.spec.needs
        )
        return _predicting(model, None, document, int((1 + more) * cost_of(given)), answer)
