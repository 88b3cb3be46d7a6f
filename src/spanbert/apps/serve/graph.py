"""What a bundle's tasks say of a text, as one graph: entities that know their cluster, relations between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from spanbert.core.mentions import without_determiner
from spanbert.core.types import Record, Relation, Span
from spanbert.pipelines.results import AnnotatedText, render_of
from spanbert.scores.relations import relates
from spanbert.tasks.service import Stretch, Wire


class GraphEntity(Stretch):
    """An entity, and the cluster of mentions that it belongs to, by their numbers in the lists."""

    id: int
    task: str
    cluster: int | None


class GraphTag(Stretch):
    """A word with its tag."""

    task: str


class GraphCluster(Wire):
    """Mentions of the same thing."""

    id: int
    task: str
    head: Stretch
    mentions: list[Stretch]


class GraphRelation(Wire):
    """How two entities are related, these by their numbers."""

    head: int
    tail: int
    label: str
    score: float | None
    task: str


class TextGraph(Wire):
    """All that the tasks say of a text; a list is empty where no task finds such things."""

    entities: list[GraphEntity]
    tags: list[GraphTag]
    clusters: list[GraphCluster]
    relations: list[GraphRelation]
    labels: dict[str, Any] = Field(description="By task: the labels that the text is given, all scores, or a number.")
    pairs_left_out: dict[str, int] = Field(
        description="By task on relations: how many pairs of entities were not judged, the farthest apart of too many."
    )
    others: dict[str, Any] = Field(description="By task: the records of tasks that find something else.")


def graph_of(result: AnnotatedText) -> Record:
    """The graph of a text."""
    clusters = [
        {
            "id": 0,
            "task": name,
            "head": _stretch(result.text, head),
            "mentions": [_stretch(result.text, mention) for mention in mentions],
        }
        for name, found in result.coreferences.items()
        for mentions, head in zip(found.clusters, found.heads, strict=True)
    ]
    for number, cluster in enumerate(clusters):
        cluster["id"] = number
    entities = _entities(result, clusters)
    return {
        "entities": entities,
        "tags": [
            _stretch(result.text, word) | {"task": name}
            for name, found in result.taggings.items()
            if found.spans is None
            for word in found.words
        ],
        "clusters": clusters,
        "relations": _relations(result, entities),
        "labels": {name: _labels(found) for name, found in result.classifications.items()},
        "pairs_left_out": {
            name: found.left_out for name, found in result.relation_extractions.items() if found.left_out is not None
        },
        "others": {name: render_of(found).record(result.text, found) for name, found in _others(result).items()},
    }


def _entities(result: AnnotatedText, clusters: list[Record]) -> list[Record]:
    """The spans of all tasks in text order."""
    cluster_of: dict[tuple[int, int], int] = {}
    for cluster in clusters:
        for mention in cluster["mentions"]:
            place = mention["start"], mention["end"]
            cluster_of.setdefault(place, cluster["id"])
            cluster_of.setdefault(without_determiner(result.text, *place), cluster["id"])
    found = [
        (span.start, -span.end, number, name, span)
        for number, (name, tagging) in enumerate(result.taggings.items())
        for span in tagging.spans or ()
    ]
    entities: list[Record] = []
    for start, minus_end, _, name, span in sorted(found, key=lambda one: one[:3]):
        place = without_determiner(result.text, start, -minus_end)
        facts = {"id": len(entities), "task": name, "cluster": cluster_of.get(place)}
        entities.append(_stretch(result.text, span) | facts)
    return entities


def _relations(result: AnnotatedText, entities: list[Record]) -> list[Record]:
    """Relations between entities of the graph."""
    number_of: dict[tuple[int, int, str | None], int] = {}
    for entity in entities:
        number_of.setdefault((entity["start"], entity["end"], entity.get("label")), entity["id"])

    def number(span: Span) -> int:
        return number_of[span.start, span.end, span.label]

    def record(name: str, one: Relation) -> Record:
        facts = {"label": one.label, "score": one.score, "task": name}
        return {"head": number(one.head), "tail": number(one.tail)} | facts

    return [
        record(name, one)
        for name, found in result.relation_extractions.items()
        for one in found.relations
        if relates(one.label)
    ]


def _labels(found: Any) -> Record:
    return {"labels": list(found.labels), "scores": dict(found.scores), "value": found.value}


def _others(result: AnnotatedText) -> Mapping[str, object]:
    shown = {*result.taggings, *result.classifications, *result.coreferences, *result.relation_extractions}
    return {name: found for name, found in result.tasks.items() if name not in shown}


def _stretch(text: str, span: Span) -> Record:
    return {
        "start": span.start,
        "end": span.end,
        "text": text[span.start : span.end],
        "label": span.label,
        "score": span.score,
    }
