"""Translation over HTTP, as Hugging Face's task of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from spanbert.core.predictions import Translation
from spanbert.core.types import Record
from spanbert.tasks.service import Parameters, Said, TaskService, Wire
from spanbert.tasks.translate.spec import TRANSLATE

_STEPS = 8.0  # what a written token costs beside one that is read, about


class Translated(Wire):
    """A translation."""

    translation_text: str


class TranslateParameters(Parameters):
    """Parameters of translation."""

    truncation: Literal["do_not_truncate", "longest_first", "only_first", "only_second"] | None = Field(
        default=None, description="Not used: texts are never cut off."
    )
    clean_up_tokenization_spaces: bool | None = Field(default=None, description="Not used: there are none.")


class TranslateService(TaskService[Translation]):
    """The best translation, in a list as Hugging Face's clients expect it."""

    assert TRANSLATE.hub_task is not None
    slug = TRANSLATE.hub_task
    parameters = TranslateParameters
    output: ClassVar = list[Translated]
    example = "A man rides a bicycle."

    @override
    def weight(self, given: str) -> float:
        return _STEPS

    @override
    def answer(self, text: str, result: Translation, parameters: Any) -> list[Record]:
        return [{"translation_text": result.text}]

    @override
    def said(self, text: str, result: Translation) -> Iterator[Said]:
        """The translation of the first sentence."""
        yield Said(what="translation", what_zh="译文")
