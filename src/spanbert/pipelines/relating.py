"""How entities of documents are related: those that documents bring, else those that the bundle's tasks find first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, tee
from typing import TYPE_CHECKING, Any, NamedTuple

from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.types import Document, outer_first
from spanbert.corpus.sentences import sentence_stretches
from spanbert.pipelines.results import Annotated
from spanbert.tasks.relation.task import RelationTask

if TYPE_CHECKING:
    from spanbert.inference.predictor import Predictor


class _WithEntities(NamedTuple):
    """A document with pairs or entities, and whether people handed them over."""

    document: Document
    are_given: bool


class Relating:
    """Tasks on relations, and the tasks that find entities for them.

    Args:
        predictor: Encoder and heads of all tasks.
        related: The tasks on relations.
        entities: The tasks that find entities.
    """

    def __init__(self, predictor: Predictor, related: Sequence[str], entities: Sequence[str] = ()) -> None:
        self._predictor, self._related, self._entities = predictor, related, entities

    def annotate(self, documents: Iterable[Document], names: Sequence[str]) -> Iterator[Annotated]:
        """What other tasks say of documents, then how their entities are related, in order.

        Args:
            documents: With `relations` to judge or with `spans`; others get the entities that are found in them.
            names: The other tasks.

        Raises:
            InputError: A document that brings no entities, where no task finds any.
        """
        earlier = list(dict.fromkeys([*names, *self._entities]))
        if not self._entities:
            documents = map(_with_entities, documents)
        if not earlier:
            yield from self.pairs(documents)
            return
        waiting: deque[dict[str, Any]] = deque()

        def with_entities() -> Iterator[_WithEntities]:
            for are_given, alike in groupby(documents, key=has_entities):
                for document, found in self._said_by(names if are_given else earlier, alike):
                    waiting.append(found)
                    if not are_given:
                        document = _with_found(document, [found[name] for name in self._entities])
                    yield _WithEntities(document, are_given)

        for annotated in self._related_pairs(with_entities()):
            found = waiting.popleft()
            tasks = {name: found[name] for name in names} | dict(annotated.tasks)
            order = [name for name in self._predictor.tasks if name in tasks]
            yield replace(annotated, tasks={name: tasks[name] for name in order})

    def _said_by(
        self, names: Sequence[str], documents: Iterable[Document]
    ) -> Iterable[tuple[Document, dict[str, Any]]]:
        """Each document with what some tasks say of it, which may be none."""
        return self._predictor.only(names).predict(documents) if names else ((one, {}) for one in documents)

    def pairs(self, documents: Iterable[Document]) -> Iterator[Annotated]:
        """How the pairs that documents come with are related, else those of their spans.

        All pairs of a chunk of documents are marked copies in packed batches.
        """
        return self._related_pairs(_WithEntities(document, True) for document in documents)

    def _related_pairs(self, documents: Iterable[_WithEntities]) -> Iterator[Annotated]:
        copies = tee(documents, len(self._related))
        results = [
            self._predictor.only([name]).predict(self._pairs_of(stream, name))
            for name, stream in zip(self._related, copies, strict=True)
        ]
        for together in zip(*results, strict=True):
            document = together[0][0]
            found = {name: one for _, each in together for name, one in each.items()}
            yield Annotated(id=document.id, text=document.text, tasks=found, source=document)

    def _pairs_of(self, documents: Iterable[_WithEntities], name: str) -> Iterator[Document]:
        task = self._predictor.tasks[name]
        assert isinstance(task, RelationTask)
        for document, are_given in documents:
            if document.relations is not None:
                yield document
                continue
            # types that are not known are refused in what people hand over
            entities = sorted((one for one in document.spans or () if are_given or task.knows(one)), key=outer_first)
            sentences = sentence_stretches(document, kept_whole=entities)
            yield replace(document, relations=tuple(task.pairs(entities, sentences)))


def has_entities(document: Document) -> bool:
    """Whether a document brings pairs or entities."""
    return document.relations is not None or document.spans is not None


def no_entities(document: Document) -> InputError:
    """The error of a document that brings none, where no task finds any."""
    return InputError(
        "no entities that could be related",
        where=document.place,
        expected='"head" and "tail", or "entities", beside "text"',
        remedy="Or train entities into the bundle: spanbert finetune multi",
    )


def without_entities(document: Document) -> Document:
    """The document.

    Raises:
        InputError: It brings entities, though the first of its input brought none.
    """
    if has_entities(document):
        raise InputError(
            "entities in an input that began with a text without",
            where=document.place,
            remedy="Hand texts with entities over in an input of their own",
        )
    return document


def _with_entities(document: Document) -> Document:
    if not has_entities(document):
        raise no_entities(document)
    return document


def _with_found(document: Document, found: Iterable[Tagging]) -> Document:
    every = [span for tagging in found for span in tagging.spans or ()]
    spans = {(span.start, span.end, span.label): span for span in every}  # two tasks may find the same
    return replace(document, spans=tuple(spans.values()))
