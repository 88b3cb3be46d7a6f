"""Text classification over HTTP, as Hugging Face's task of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import Classification
from spanbert.core.types import Document, Record
from spanbert.tasks.classify.render import shown_labels
from spanbert.tasks.classify.spec import CLASSIFY
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.service import Parameters, Place, Said, TaskService, Wire

_FUNCTIONS = {"single": "softmax", "multi": "sigmoid", "regression": "none"}


class TextPair(Wire):
    """A text, with a second one for models that read pairs."""

    text: str
    text_pair: str | None = None


class ClassifyParameters(Parameters):
    """Parameters of text classification."""

    top_k: int | None = Field(default=None, ge=1, description="How many labels, the best first; all unless stated.")
    function_to_apply: Literal["sigmoid", "softmax", "none"] | None = Field(
        default=None,
        description="That of the model: `softmax` for one label a text, `sigmoid` for several, `none` for a number.",
    )


class LabelScore(Wire):
    """A label with its probability; of a regression `value` with the number."""

    label: str
    score: float
    predicted: bool = Field(
        description="Whether the text is given the label: the best one, or those over the threshold."
    )


class ClassifyService(TaskService[Classification]):
    """All labels with their probabilities, the best first."""

    assert CLASSIFY.slug is not None
    slug = CLASSIFY.slug
    input: ClassVar = str | TextPair
    parameters = ClassifyParameters
    output: ClassVar = list[LabelScore]
    example = "A film to see again and again."

    @override
    def example_of(self, task: TextTask) -> Any:
        """With a second text, where it is learned from two."""
        return self.example if not task.reads_pairs else {"text": self.example, "text_pair": "See it twice."}

    @override
    def document(self, given: str | TextPair, *, where: str, place: Place) -> Document:
        if isinstance(given, str):
            return Document(id=where, text=given, where=where)
        return Document(id=where, text=given.text, pair=given.text_pair, where=where)

    @override
    def require(self, task: TextTask, parameters: Any) -> None:
        function = _FUNCTIONS[task.manifest()["mode"]]
        if parameters.function_to_apply not in (None, function):
            raise InputError(
                "parameters.function_to_apply: not that of the model",
                got=parameters.function_to_apply,
                expected=function,
            )

    @override
    def answer(self, text: str, result: Classification, parameters: Any) -> list[Record]:
        if result.value is not None:
            return [{"label": "value", "score": result.value, "predicted": True}]
        ranked = sorted(result.scores.items(), key=lambda one: -one[1])[: parameters.top_k]
        return [{"label": label, "score": score, "predicted": label in result.labels} for label, score in ranked]

    @override
    def said(self, text: str, result: Classification) -> Iterator[Said]:
        """The labels that are drawn, given or not; or the number."""
        if result.value is not None:
            yield Said(what="value", what_zh="数值", label="value")
        for label in shown_labels(result) if result.value is None else ():
            yield Said(what=label, label=label)
