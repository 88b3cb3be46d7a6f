"""Entities and relations from raw text, scored against data that names all relations of its texts.

The tasks see the text alone. Data with one pair a record (TACRED's JSON) is put together text by text first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.core.reporter import Reporter
from spanbert.core.types import Document, Record, Span
from spanbert.corpus.data import Source, documents_of, name_of
from spanbert.inference.predictor import Predictions, Predictor, chunks
from spanbert.inference.routing import Router
from spanbert.inference.work import followed
from spanbert.scores.end_to_end import EndToEndScorer
from spanbert.scores.relations import relates
from spanbert.scores.scorer import figure_lines
from spanbert.scores.signature import signature
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.relating import RelatingTask

Entities = Literal["found", "gold"]
_STAGE = "evaluate from raw text"


def relating_tasks(tasks: Mapping[str, TextTask]) -> list[str]:
    """The names of the tasks that relate entities."""
    return [name for name, task in tasks.items() if isinstance(task, RelatingTask)]


def finding_tasks(tasks: Mapping[str, TextTask]) -> list[str]:
    """The names of the tasks that find entities."""
    return [name for name, task in tasks.items() if task.entity_types and "spans" in task.spec.produces]


def score_end_to_end(
    predictor: Predictor,
    name: str,
    source: Source,
    *,
    entities: Entities = "found",
    seed: int = 0,
    reporter: Reporter | None = None,
) -> Record:
    """The scores of a task on relations together with the tasks that find its entities.

    Args:
        predictor: Of all tasks.
        name: The task on relations.
        source: Its data, which is held in memory.
        entities: `found` by the other tasks, or those of the data (`gold`), all pairs of which are then judged, but for
            types that the task does not know.
        seed: Seed of the bootstrap.
        reporter: Receives progress.

    Returns:
        The figures of `EndToEndScorer`, `main` and `signature`.

    Raises:
        InputError: No task finds entities, or data without relations.
    """
    finders = finding_tasks(predictor.tasks)
    if entities == "found" and not finders:
        raise InputError(
            "no task that finds the entities to relate",
            got=", ".join(predictor.tasks),
            remedy="Train entities into the bundle (spanbert finetune multi), or judge the pairs of the data's own "
            "entities: --entities gold",
        )
    texts = list(whole_texts(documents_of(source)))
    if not _relates(texts):
        raise InputError("no relations to score", where=name_of(source))
    levels = _levels(texts, entities)
    scorer = EndToEndScorer(levels, seed=seed)
    names = [*(finders if entities == "found" else ()), name]
    raw = [Document(id=one.id, text=one.text, where=one.where) for one in texts]
    if entities == "gold":
        own = _known_of_each(predictor.tasks[name], texts, reporter)
        raw = [replace(one, spans=spans) for one, spans in zip(raw, own, strict=True)]
    router = Router(predictor.tasks, names, where=name_of(source), say=reporter.say if reporter else None)
    read, progress = followed(lambda: raw, reporter, _STAGE)
    golds = iter(texts)
    for chunk in chunks(read):
        predicted = router.predict(predictor, chunk, [router.route(one) for one in chunk], progress=progress)
        for found in predicted:
            gold = next(golds)
            scorer.add(
                gold.relations or (),
                found[name].relations,
                gold_entities=gold.spans or (),
                entities=_found_by(finders, found),
            )
    if reporter:
        reporter.finish(_STAGE)
    types = "strict+boundary" if "relation_strict" in levels else "boundary"
    facts = signature(task="end-to-end", entities=entities, types=types, units="texts")
    return {"main": scorer.main_metric, **scorer.scores(), "signature": facts}


def all_end_to_end(
    predictor: Predictor, sources: Mapping[str, Source], reporter: Reporter | None = None
) -> dict[str, Record]:
    """The scores of each task on relations that has data, where other tasks find the entities.

    Args:
        predictor: Of all tasks.
        sources: Data by task.
        reporter: Receives progress.
    """
    if not finding_tasks(predictor.tasks):
        return {}
    names = [name for name in relating_tasks(predictor.tasks) if name in sources and _relates(sources[name])]
    return {name: score_end_to_end(predictor, name, sources[name], reporter=reporter) for name in names}


def end_to_end_lines(scores: Mapping[str, Record]) -> list[str]:
    """These scores for people."""
    lines = []
    for name, one in scores.items():
        lines += [f"{name}, with its entities, from raw text:", *figure_lines(one), str(one["signature"])]
    return lines


def _relates(source: Source) -> bool:
    """Whether data has a relation."""
    return any(relates(one.label) for document in documents_of(source) for one in document.relations or ())


def whole_texts(documents: Iterable[Document]) -> Iterator[Document]:
    """A document for each text, with the relations and entities of all that have this text."""
    found: dict[str, Document] = {}
    for document in documents:
        known = found.get(document.text)
        if known is None:
            found[document.text] = document
            continue
        relations = (*(known.relations or ()), *(document.relations or ()))
        spans = None if known.spans is None or document.spans is None else (*known.spans, *document.spans)
        found[document.text] = replace(known, relations=relations, spans=spans)
    yield from found.values()


def _levels(texts: Sequence[Document], entities: Entities) -> list[str]:
    """The levels at which the data can be compared: what it names, with types if it has some."""
    related = [one for text in texts for one in text.relations or () if relates(one.label)]
    named = entities == "found" and all(text.spans is not None for text in texts)
    of_relations = [end for one in related for end in (one.head, one.tail)]
    of_entities = [span for text in texts for span in text.spans or ()] if named else []
    found = ["relation_boundary", *(["entity_boundary"] if named else [])]
    for level, spans in (("relation_strict", of_relations), ("entity_strict", of_entities)):
        if any(span.label is not None for span in spans):
            found.append(level)
    return found


def _known_of_each(task: TextTask, texts: Sequence[Document], reporter: Reporter | None) -> list[tuple[Span, ...]]:
    """The entities of the data of each text, those of types that the task does not know left out."""
    assert isinstance(task, RelatingTask)
    every = [_own(text) for text in texts]
    strange = [span for spans in every for span in spans if not task.knows(span)]
    if strange and reporter:
        types = ", ".join(sorted({"no type" if span.label is None else span.label for span in strange}))
        reporter.say(f"{len(strange):,} entities of types that {task.name} does not know are left out: {types}")
    return [tuple(span for span in spans if task.knows(span)) for spans in every]


def _own(document: Document) -> tuple[Span, ...]:
    """The entities of the data: those that it names, else the ends of its pairs."""
    ends = (end for one in document.relations or () for end in (one.head, one.tail))
    every = ends if document.spans is None else document.spans
    return tuple({(one.start, one.end, one.label): one for one in every}.values())


def _found_by(finders: Iterable[str], found: Predictions) -> Iterator[Span]:
    for finder in finders:
        yield from found[finder].spans if finder in found else ()
