"""Counts for people and programs."""

from __future__ import annotations

from typing import ClassVar

from spanbert.core.types import Facts, Record
from spanbert.tasks.render import Figure, TaskRender
from tests.word_count.result import WordCount


class WordCountRender(TaskRender[WordCount]):
    """A number a text."""

    figures: ClassVar = {"near": Figure("near", "share of the texts whose number of words is nearly right")}

    def record(self, text: str, result: WordCount) -> Record:
        return {"words": result.words}

    def in_words(self, entry: Facts) -> str:
        return "number of words"

    def sureness(self, entry: Facts) -> str:
        return "off by"
