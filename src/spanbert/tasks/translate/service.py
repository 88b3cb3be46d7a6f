"""Translation over HTTP, as Hugging Face's task of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from spanbert.core.predictions import Translation
from spanbert.core.types import Record
from spanbert.tasks.service import Said, TaskService, Wire
from spanbert.tasks.translate.spec import TRANSLATE

_STEPS = 8.0  # what a written token costs beside one that is read, about


class Translated(Wire):
    """A translation."""

    translation_text: str


class TranslateService(TaskService[Translation]):
    """The best translation."""

    assert TRANSLATE.hub_task is not None
    slug = TRANSLATE.hub_task
    output = Translated
    example = "A man rides a bicycle."

    @override
    def weight(self, given: str) -> float:
        return _STEPS

    @override
    def answer(self, text: str, result: Translation, parameters: Any) -> Record:
        return {"translation_text": result.text}

    @override
    def said(self, text: str, result: Translation) -> Iterator[Said]:
        """The translation of the first sentence."""
        yield Said(what="translation", what_zh="译文")
