"""Which tasks of a bundle read a document, by what it carries; documents of all kinds may be mixed.

questions              the tasks that answer questions
a second text          tasks on pairs, and those that read its first text alone
pairs of entities      tasks on relations and those on texts; likewise for entities, all pairs of which are then made
a text alone           tasks on texts; relations between the entities of a sentence that the bundle's own tasks find
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.types import Document, Span, outer_first
from spanbert.corpus.text.sentences import sentence_stretches
from spanbert.inference.predictor import Predictions, Predictor
from spanbert.inference.work import ChunkProgress, Work
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.relating import AskedPairs, RelatingTask

_PAIRS_AT_ONCE = 4096  # of several texts
_MOST_REMARKS = 10
_Asked = tuple[Document, AskedPairs | None]  # a document with its pairs; how many there are, unless it states them


@dataclass(frozen=True, kw_only=True)
class Route:
    """What is asked about a document.

    Attributes:
        names: Tasks that read it as it is.
        related: Tasks that relate its entities.
        brings_entities: Whether these come with it.
    """

    names: tuple[str, ...]
    related: tuple[str, ...] = ()
    brings_entities: bool = False


class Router:
    """Finds the tasks for each document, and the entities that some of them need.

    Args:
        tasks: The bundle's, by name.
        names: Those that may be used.
        where: The bundle, for messages.
        say: Is told of texts of whose pairs of entities some are left out; None: nobody asks.
    """

    def __init__(
        self,
        tasks: Mapping[str, TextTask],
        names: Sequence[str],
        *,
        where: str,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._tasks, self._where, self._say, self._said = tasks, where, say, 0
        needs = {name: tasks[name].spec.needs for name in names}
        self._asked = tuple(name for name in names if "question" in needs[name])
        self._related = tuple(name for name in names if "entities" in needs[name])
        self._read = tuple(name for name in names if not needs[name] & {"question", "entities"})
        self._finders = tuple(
            name for name, task in tasks.items() if task.entity_types and "spans" in task.spec.produces
        )

    def route(self, document: Document) -> Route:
        """What is asked about a document.

        Raises:
            InputError: No task reads what it carries.
        """
        if document.questions is not None:
            if not self._asked:
                raise self._no_task(reads_questions=True)
            return Route(names=self._asked)
        if not self._read and not self._related:
            raise self._no_task(reads_questions=False)
        brings_entities = document.relations is not None or document.spans is not None
        related = self._related if brings_entities or self._finders else ()
        names = self._read
        if document.pair is None:
            single = tuple(name for name in names if self._tasks[name].reads_pairs is not True)
            names = single or names
        elif all(self._tasks[name].reads_pairs is False for name in names):
            raise InputError("a second text, which no task of this bundle reads", where=document.place)
        if not names and not related:
            raise InputError(
                "no entities that could be related",
                where=document.place,
                expected='"head" and "tail", or "entities", beside "text"',
                remedy="Or train entities into the bundle: spanbert finetune multi",
            )
        return Route(names=names, related=related, brings_entities=brings_entities)

    def predict(
        self,
        predictor: Predictor,
        documents: Sequence[Document],
        routes: Sequence[Route],
        *,
        progress: ChunkProgress | None = None,
    ) -> list[Predictions]:
        """Predictions for a chunk of documents; the encoder runs once for each kind of route.

        Args:
            predictor: Of the bundle's tasks.
            documents: A chunk that is held in memory.
            routes: What is asked about each, as `route` says.
            progress: Is told how far the chunk is.
        """
        first = [
            tuple(dict.fromkeys((*route.names, *(() if route.brings_entities or not route.related else self._finders))))
            for route in routes
        ]
        found: list[Predictions] = [{} for _ in documents]
        groups = {
            names: [place for place, own in enumerate(first) if own == names] for names in dict.fromkeys(first) if names
        }
        related = {name: [place for place, one in enumerate(routes) if name in one.related] for name in self._related}
        steps = [*groups.items(), *(((name,), places) for name, places in related.items())]
        cost = sum(predictor.only(names).cost([documents[place] for place in places]) for names, places in steps)
        work = Work(progress, cost)
        for names, places in groups.items():
            said = predictor.only(names).predict_chunk([documents[place] for place in places], work)
            for place, one in zip(places, said, strict=True):
                found[place] |= one
        for name, places in related.items():
            own, following = predictor.only([name]), iter(places)
            with_pairs = (self._with_pairs(documents[place], routes[place], found[place], name) for place in places)
            for some in _of_few_pairs(with_pairs):
                said = own.predict_chunk([document for document, _ in some], work)
                for (_, pairs), one, place in zip(some, said, following):
                    found[place][name] = one[name] if pairs is None else self._relating(name).wanted(one[name], pairs)
        return [
            {name: one[name] for name in self._tasks if name in (*route.names, *route.related)}
            for route, one in zip(routes, found, strict=True)
        ]

    def _with_pairs(self, document: Document, route: Route, found: Predictions, name: str) -> _Asked:
        """The document with the pairs that a task on relations is asked about."""
        if document.relations is not None:
            return document, None
        task = self._relating(name)
        if route.brings_entities:
            spans: Iterable[Span] = document.spans or ()
        else:  # unknown types are left out; in the user's own entities they are refused
            spans = (one for one in _found_spans(found[finder] for finder in self._finders) if task.knows(one))
        entities = sorted(spans, key=outer_first)
        sentences = sentence_stretches(document, kept_whole=entities)
        stretches = [(0, len(document.text))] if route.brings_entities else sentences
        pairs = task.pairs(entities, stretches, sentences)
        self._tell(pairs.remark(document.place))
        return replace(document, relations=pairs.judged), pairs

    def _tell(self, remark: str | None) -> None:
        """Passes on what users should know of a text; of many texts, that there are more."""
        if remark is None or self._say is None or self._said > _MOST_REMARKS:
            return
        self._said += 1
        self._say(remark if self._said <= _MOST_REMARKS else "the same holds for more texts, which are not named")

    def _relating(self, name: str) -> RelatingTask:
        task = self._tasks[name]
        assert isinstance(task, RelatingTask)
        return task

    def _no_task(self, *, reads_questions: bool) -> InputError:
        asked = '{"question": ..., "context": ...}'
        remedy = f"Without {asked} it reads texts alone" if reads_questions else f"Ask it: {asked}, one a line"
        return InputError(
            f"this bundle has no task that reads {'questions' if reads_questions else 'texts'}",
            where=self._where,
            got=", ".join(f"{name} ({one.kind})" for name, one in self._tasks.items()) or "no fine-tuned task",
            remedy=remedy if self._tasks else "Train one with spanbert finetune",
        )


def _of_few_pairs(asked: Iterable[_Asked]) -> Iterator[list[_Asked]]:
    """Documents with pairs in groups that have not many together; one may have any number."""
    group: list[_Asked] = []
    pairs = 0
    for one in asked:
        own = len(one[0].relations or ())
        if group and pairs + own > _PAIRS_AT_ONCE:
            yield group
            group, pairs = [], 0
        group.append(one)
        pairs += own
    if group:
        yield group


def _found_spans(taggings: Iterable[Tagging]) -> Iterable[Span]:
    """The spans of several tasks; a span that two of them find is returned once."""
    every = [span for tagging in taggings for span in tagging.spans or ()]
    return {(span.start, span.end, span.label): span for span in every}.values()
