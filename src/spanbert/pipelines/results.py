"""What a loaded bundle answers: a text with the results of its tasks, and an answered question.

    doc = nlp("Ann left Rome.")
    doc.entities            the spans of all tagging tasks, in text order
    doc["sentiment"]        the result of one task
    doc.clusters            mentions of the same thing; doc.resolve() puts names in place of pronouns
    doc.relations           how entities are related
    doc.as_record()         for JSON
    conll_lines(doc)        for column files

A notebook shows either of them as HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spanbert.core import mentions
from spanbert.core.errors import InputError, nearest
from spanbert.core.predictions import Answering, Classification, Coreference, RelationExtraction, Tagging
from spanbert.core.types import Document, Relation, Span, outer_first
from spanbert.corpus.conll2012 import conll2012_lines
from spanbert.corpus.sentences import sentence_ranges
from spanbert.corpus.word_tags import tags_of
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


def conll_lines(doc: Annotated) -> Iterator[str]:
    """The tags of a text in columns, a line a word and a blank line at the end; clusters as CoNLL-2012.

    Args:
        doc: A text with tagging tasks, or without any and with a coreference task.

    Yields:
        The word, then for each tagging task its tag: the word's own, or BIO tags of the spans. Where spans overlap, a
        task has as many columns as the text needs: each span is in the first that is free, outer ones first.

    Raises:
        InputError: No tagging task, or tasks that split the text into different words.
    """
    taggings = doc.taggings
    if doc.coreferences and (taggings or len(doc.coreferences) > 1):
        raise InputError(
            "tags and clusters in one file of columns" if taggings else "two tasks of coreference in one file",
            where=doc.id,
            got=", ".join([*taggings, *doc.coreferences]),
            remedy="Choose one task",
        )
    for found in doc.coreferences.values():
        yield from conll2012_lines([_as_conll2012(doc, found)])
        return
    if not taggings:
        raise InputError(
            "no tags to write in columns",
            where=doc.id,
            got=f"results of {', '.join(doc.tasks) or 'no task'}",
            expected="a tagging task or one of coreference",
            remedy="Choose the format jsonl or html",
        )
    first, *others = taggings
    places = _places(taggings[first].words)
    for other in others:
        if _places(taggings[other].words) != places:
            raise InputError(
                "two tasks split the text into different words, which one file of columns cannot hold",
                where=doc.id,
                got=f"{first} and {other}",
                remedy="Choose one task",
            )
    columns = [column for tagging in taggings.values() for column in _columns(doc, tagging)]
    words = [doc.text[start:end] for start, end in places]
    for cells in zip(words, *columns, strict=True):
        yield "\t".join(cells)
    yield ""


def _as_conll2012(doc: Annotated, found: Coreference) -> Document:
    """The text with its clusters, and with the lines that it came in, where it came in such a file."""
    if doc.source is None or doc.source.words != found.words:
        bounds = sentence_ranges(doc.text, found.words)
        return Document(
            id=doc.id, text=doc.text, words=found.words, clusters=found.clusters, meta={"sentences": bounds}
        )
    whole = replace(doc.source, clusters=found.clusters)
    if "sentences" in whole.meta:
        return whole
    return replace(whole, meta={**whole.meta, "sentences": sentence_ranges(doc.text, found.words)})


def _places(words: Sequence[Span]) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in words]


def _columns(doc: Annotated, tagging: Tagging) -> list[list[str]]:
    if tagging.spans is None:
        return [[word.label or "_" for word in tagging.words]]
    layers = [
        Document(id=doc.id, text=doc.text, words=tagging.words, spans=tuple(layer))
        for layer in overlap_free_layers(tagging.spans)
    ]
    return [tags_of(layer, "BIO") for layer in layers]


def overlap_free_layers(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans in as few layers as keep the spans of each apart, outer ones first.

    Args:
        spans: Spans that may nest or cross.

    Returns:
        The layers, each in text order; one empty layer where there are no spans. Cost: spans times layers.
    """
    layers: list[list[Span]] = [[]]
    for span in sorted(spans, key=outer_first):
        free = next((layer for layer in layers if not layer or layer[-1].end <= span.start), None)
        if free is None:
            free = []
            layers.append(free)
        free.append(span)
    return layers
