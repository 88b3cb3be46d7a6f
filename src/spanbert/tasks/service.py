"""How a kind of task is asked over HTTP: its `TaskService`, torch-free.

    {"inputs": ..., "parameters": {...}} --document--> Document --(tasks)--> result --answer--> JSON

Bodies are those of Hugging Face's task of the same slug, where it has one. A kind without a service of its own reads
texts and answers with its records.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from spanbert.core.offsets import OffsetUnit
from spanbert.core.types import Document, Record, Span
from spanbert.tasks.render import TaskRender

if TYPE_CHECKING:
    from spanbert.tasks.protocol import TextTask

ResultT = TypeVar("ResultT")
Place = Callable[[str, int], int]  # a place of a text as the client counts it, in code points


class Wire(BaseModel):
    """What goes over the wire: values of exactly these types, and no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Parameters(Wire):
    """Parameters that every task has."""

    task: str | None = Field(default=None, description="Which task of the bundle, where several could be meant.")
    offset_unit: OffsetUnit = Field(
        default="code_points", description="What `start` and `end` count, in requests and in answers."
    )


class Stretch(Wire):
    """A stretch of the text, with its characters."""

    start: int
    end: int
    text: str
    label: str | None = None
    score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Something that a task said, or could have said, of a text, for people who want to know why.

    Attributes:
        what: In a few words.
        what_zh: The same in Chinese; None: as in English.
        label: As `nlp.explain` takes it.
        of: Where; the same.
        other: And where; the same.
    """

    what: str
    what_zh: str | None = None
    label: str | None = None
    of: Span | None = None
    other: Span | None = None


class TaskService(ABC, Generic[ResultT]):
    """What requests for a kind of task look like, and what is answered.

    Attributes:
        slug: What the task is called in addresses.
        input: The type of one input, for pydantic.
        parameters: The parameters that a request may state.
        output: The type of the answer to one input.
        example: One input, for the documentation, and for a page to begin with.
    """

    slug: str
    input: ClassVar[Any] = str
    parameters: ClassVar[type[Parameters]] = Parameters
    output: ClassVar[Any] = Record
    example: ClassVar[Any] = "Ann left Rome."

    def document(self, given: Any, *, where: str, place: Place) -> Document:
        """An input as a document.

        Args:
            given: Of the type `input`.
            where: Its place in the request, for messages.
            place: Turns places of a text that the input states into code points.

        Raises:
            InputError: An input that is none.
        """
        return Document(id=where, text=given, where=where)

    def example_of(self, task: TextTask) -> Any:
        """One input that a task of a bundle can read."""
        return self.example

    def weight(self, given: Any) -> float:
        """How much more than the reading of its texts an input costs."""
        return 1.0

    def require(self, task: TextTask, parameters: Any) -> None:
        """Refuses parameters that do not fit a task.

        Args:
            task: That is asked.
            parameters: Of the type `parameters`.

        Raises:
            InputError: They do not.
        """

    @abstractmethod
    def answer(self, text: str, result: ResultT, parameters: Any) -> Any:
        """A result as JSON; places are in code points under `start` and `end`.

        Args:
            text: The text that was read.
            result: What the task says of it.
            parameters: Those of the request, of the type `parameters`.

        Raises:
            InputError: Parameters that do not fit the task.
        """

    def said(self, text: str, result: ResultT) -> Iterator[Said]:
        """What can be explained of a result, as far as it is drawn; by default nothing.

        Args:
            text: The text that was read.
            result: What the task says of it.
        """
        yield from ()


class RecordService(TaskService[Any]):
    """Texts to the records of a kind.

    Args:
        slug: What the task is called in addresses.
        render: Makes the records.
    """

    def __init__(self, slug: str, render: TaskRender[Any]) -> None:
        self.slug, self._render = slug, render

    @override
    def answer(self, text: str, result: Any, parameters: Any) -> Record:
        return self._render.record(text, result)
