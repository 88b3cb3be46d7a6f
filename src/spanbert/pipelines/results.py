"""What a loaded bundle answers: a text with the results of its tasks, and an answered question.

    doc = nlp("Ann left Rome.")
    doc.entities            the spans of all tagging tasks, in text order
    doc["sentiment"]        the result of one task
    doc.clusters            mentions of the same thing; doc.resolve() puts names in place of pronouns
    doc.relations           how entities are related
    doc.as_record()         for JSON

A notebook shows either of them as HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from spanbert.core import mentions
from spanbert.core.errors import InputError, nearest
from spanbert.core.predictions import Answering, Classification, Coreference, RelationExtraction, Tagging
from spanbert.core.types import Document, Relation, Span, outer_first
from spanbert.scores.relations import relates


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweredQuestion:
    """A question about a context, answered.

    Attributes:
        id: Id of the question.
        question: The question.
        context: The text that it is about, unmodified.
        answering: What the model answers; places are code points of the context.

    Raises:
        ValueError: A candidate reaches past the end of the context.
    """

    id: str
    question: str
    context: str
    answering: Answering

    def __post_init__(self) -> None:
        best = self.answering.answer
        for answer in (*self.answering.candidates, *([best] if best else [])):
            if not 0 <= answer.start <= answer.end <= len(self.context):
                raise ValueError(
                    f"question {self.id!r}: answer {answer.start}..{answer.end} is not within the "
                    f"{len(self.context)} characters of the context"
                )

    def as_record(self) -> dict[str, Any]:
        """The answer as JSON: id, question, answer (None where there is none), place, scores and candidates."""
        best, null = self.answering.answer, self.answering.null_score  # infinite where there is no candidate
        return {
            "id": self.id,
            "question": self.question,
            "answer": best.text if best else None,
            "start": best.start if best else None,
            "end": best.end if best else None,
            "score": best.score if best else None,
            "null_score": null if math.isfinite(null) else None,
            "candidates": [asdict(candidate) for candidate in self.answering.candidates],
        }

    def _repr_html_(self) -> str:
        from spanbert.pipelines.html import fragment

        return fragment(self)


Result = Classification | Tagging | Coreference | RelationExtraction


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotated:
    """A text with what each task of a bundle says about it.

    Iterating gives the names of the tasks, so that `name in doc` works.

    Attributes:
        id: Name of the text.
        text: The text, unmodified; every span counts code points of it.
        tasks: The result of each task, by the task's name, in the bundle's order.
        source: The document that was read, for what its format carries beside the text.

    Raises:
        ValueError: A span reaches past the end of the text.
    """

    id: str
    text: str
    tasks: Mapping[str, Result]
    source: Document | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, result in self.tasks.items():
            for span in _places_of(result):
                if span.end > len(self.text):
                    raise ValueError(
                        f"{self.id!r}, task {name!r}: span {span.start}..{span.end} reaches past the end of the "
                        f"{len(self.text)} characters"
                    )

    def __getitem__(self, name: str) -> Result:
        """The result of one task.

        Raises:
            InputError: No such task.
        """
        if name not in self.tasks:
            raise InputError(f"no task {name!r}; {nearest(name, self.tasks)}", where=self.id)
        return self.tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    @property
    def taggings(self) -> dict[str, Tagging]:
        """The results of tagging tasks, by name."""
        return {name: result for name, result in self.tasks.items() if isinstance(result, Tagging)}

    @property
    def classifications(self) -> dict[str, Classification]:
        """The results of classification and regression tasks, by name."""
        return {name: result for name, result in self.tasks.items() if isinstance(result, Classification)}

    @property
    def entities(self) -> tuple[Span, ...]:
        """The spans of all tagging tasks in text order, an outer one before those within it."""
        found = (span for tagging in self.taggings.values() for span in tagging.spans or ())
        return tuple(sorted(found, key=outer_first))

    @property
    def tags(self) -> tuple[Span, ...]:
        """The words of tasks with a tag a word (parts of speech), each with its tag as label."""
        return tuple(word for tagging in self.taggings.values() if tagging.spans is None for word in tagging.words)

    @property
    def coreferences(self) -> dict[str, Coreference]:
        """The results of coreference tasks, by name."""
        return {name: result for name, result in self.tasks.items() if isinstance(result, Coreference)}

    @property
    def clusters(self) -> tuple[tuple[Span, ...], ...]:
        """Mentions of the same thing, by all coreference tasks; `doc[name].heads` and `.links` say more."""
        return tuple(cluster for result in self.coreferences.values() for cluster in result.clusters)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """How entities are related, by all relation tasks; pairs that are not related are left out."""
        found = (result.relations for result in self.tasks.values() if isinstance(result, RelationExtraction))
        return tuple(one for relations in found for one in relations if relates(one.label))

    def resolve(self) -> str:
        """The text with every pronoun replaced by what it stands for: see `core.mentions.resolve`.

        Raises:
            InputError: No coreference task.
        """
        if not self.coreferences:
            raise InputError("no coreference task to resolve pronouns by", where=self.id, got=", ".join(self.tasks))
        return mentions.resolve(self.text, self.clusters)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the text is given, by all classification tasks."""
        return tuple(label for result in self.classifications.values() for label in result.labels)

    @property
    def scores(self) -> Mapping[str, float]:
        """The probability of every label of all classification tasks.

        Raises:
            InputError: Two tasks have a label in common.
        """
        merged: dict[str, float] = {}
        for name, result in self.classifications.items():
            shared = merged.keys() & result.scores.keys()
            if shared:
                raise InputError(
                    "several tasks score the same label",
                    where=self.id,
                    got=repr(min(shared)),
                    remedy=f"Ask for one task: doc[{name!r}].scores",
                )
            merged |= result.scores
        return merged

    @property
    def value(self) -> float | None:
        """The number of the regression task, or None without one.

        Raises:
            InputError: Several tasks predict one.
        """
        values = {name: result.value for name, result in self.classifications.items() if result.value is not None}
        if len(values) > 1:
            raise InputError(
                "several tasks predict a number",
                where=self.id,
                got=", ".join(values),
                remedy=f"Ask for one task: doc[{next(iter(values))!r}].value",
            )
        return next(iter(values.values()), None)

    def as_record(self) -> dict[str, Any]:
        """The results as JSON.

        Returns:
            `id` and `text`, then by kind of the task `entities` or `tags` (start, end, label, score, text), `labels`
            and `scores`, `value`, `clusters` and `links`, or `relations` (none left out); where there are several
            tasks, under their names in `tasks`.
        """
        records = {name: self._record_of(result) for name, result in self.tasks.items()}
        head = {"id": self.id, "text": self.text}
        if len(records) > 1:
            return {**head, "tasks": records}
        return head | next(iter(records.values()), {})

    def _record_of(self, result: Result) -> dict[str, Any]:
        if isinstance(result, Classification):
            if result.value is not None:
                return {"value": result.value}
            return {"labels": list(result.labels), "scores": dict(result.scores)}
        if isinstance(result, Coreference):
            clusters = zip(result.heads, result.clusters, strict=True)
            return {
                "clusters": [
                    {"head": self._span(head), "mentions": [self._span(mention) for mention in cluster]}
                    for head, cluster in clusters
                ],
                "links": [
                    {"mention": _place(link.mention), "antecedent": _place(link.antecedent), "score": link.score}
                    for link in result.links
                ],
            }
        if isinstance(result, RelationExtraction):
            return {
                "relations": [
                    {
                        "head": self._span(one.head),
                        "tail": self._span(one.tail),
                        "label": one.label,
                        "score": one.score,
                    }
                    for one in result.relations
                ]
            }
        name, spans = ("tags", result.words) if result.spans is None else ("entities", result.spans)
        return {name: [{**asdict(span), "text": self.text[span.start : span.end]} for span in spans]}

    def _span(self, span: Span) -> dict[str, Any]:
        said = {name: value for name, value in asdict(span).items() if value is not None}
        return {**said, "text": self.text[span.start : span.end]}

    def _repr_html_(self) -> str:
        from spanbert.pipelines.html import fragment

        return fragment(self)


def _places_of(result: Result) -> Iterator[Span]:
    """Every span of a result."""
    if isinstance(result, Tagging):
        yield from (*result.words, *(result.spans or ()))
    elif isinstance(result, Coreference):
        yield from (*result.words, *result.heads, *(mention for cluster in result.clusters for mention in cluster))
    elif isinstance(result, RelationExtraction):
        yield from (end for relation in result.relations for end in (relation.head, relation.tail))


def _place(span: Span) -> list[int]:
    return [span.start, span.end]
