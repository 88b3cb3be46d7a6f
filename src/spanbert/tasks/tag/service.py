"""Sequence labelling over HTTP, as Hugging Face's token classification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.types import Record, Span
from spanbert.tasks.service import Parameters, Said, TaskService, Wire
from spanbert.tasks.tag.spec import TAG

_NOTHING = "O"


class TagParameters(Parameters):
    """Parameters of token classification."""

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] = Field(
        default="simple",
        description="`none`: each word with its tag. All others: spans; a word always has one tag here, so they agree.",
    )
    ignore_labels: list[str] = Field(default=[_NOTHING], description="Tags or labels that are left out.")
    stride: int | None = Field(default=None, description="Not used: texts of any length are read whole.")


class EntityGroup(Wire):
    """A span with its label."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


class TaggedWord(Wire):
    """A word with its tag."""

    entity: str
    score: float
    index: int = Field(description="Number of the word in the text, from 1.")
    word: str
    start: int
    end: int


class TagService(TaskService[Tagging]):
    """Spans, or words with their tags."""

    assert TAG.slug is not None
    slug = TAG.slug
    parameters = TagParameters
    output: ClassVar = list[EntityGroup] | list[TaggedWord]
    example = "Ann left Rome."

    @override
    def answer(self, text: str, result: Tagging, parameters: Any) -> list[Record]:
        ignored = frozenset(parameters.ignore_labels)
        if parameters.aggregation_strategy == "none":
            return list(_words(text, result.words, ignored))
        spans = _runs(result.words) if result.spans is None else result.spans
        return [
            {"entity_group": span.label, "score": span.score, "word": text[span.start : span.end]} | _place(span)
            for span in spans
            if span.label not in ignored
        ]

    @override
    def said(self, text: str, result: Tagging) -> Iterator[Said]:
        """The spans; of tasks with a tag a word, the words."""
        for one in result.words if result.spans is None else result.spans:
            yield Said(what=f"{one.label} {text[one.start : one.end]}", label=one.label, of=one)


def _words(text: str, words: Sequence[Span], ignored: frozenset[str]) -> Iterator[Record]:
    for number, word in enumerate(words, start=1):
        if word.label is None:
            raise InputError(
                "entities may lie in one another here, so that a word has no one tag",
                got="aggregation_strategy none",
                expected="simple",
            )
        if word.label not in ignored:
            facts = {"entity": word.label, "score": word.score, "index": number, "word": text[word.start : word.end]}
            yield facts | _place(word)


def _runs(words: Iterable[Span]) -> Iterator[Span]:
    """Neighbouring words with the same tag as spans, with their mean score."""
    run: list[Span] = []
    for word in words:
        if run and word.label != run[0].label:
            yield _joined(run)
            run = []
        run.append(word)
    if run:
        yield _joined(run)


def _joined(run: Sequence[Span]) -> Span:
    score = sum(word.score or 0.0 for word in run) / len(run)
    return Span(start=run[0].start, end=run[-1].end, label=run[0].label, score=score)


def _place(span: Span) -> Record:
    return {"start": span.start, "end": span.end}
