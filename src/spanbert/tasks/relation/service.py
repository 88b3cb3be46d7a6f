"""Relations between entities over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

from pydantic import model_validator
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Record, Relation, Span
from spanbert.corpus.formats.relation_lines import entity_of
from spanbert.scores.relations import relates
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.relation.config import MOST_PAIRS
from spanbert.tasks.relation.render import RelationRender
from spanbert.tasks.service import Place, Said, Stretch, TaskService, Wire

_BYTES_A_TOKEN = 4  # about
_WINDOW = 512  # tokens that are read of a text for a pair at most
_TOKENS_A_PAIR = 6  # of a text whose entities are found: three entities in a sentence of 25 tokens have four pairs


class Entity(Wire):
    """Where an entity is, and of which type."""

    start: int
    end: int
    label: str | None = None


class Related(Wire):
    """A text: with its entities, all pairs of which are judged; with the two of one pair; or with those to be found."""

    text: str
    entities: list[Entity] | None = None
    head: Entity | None = None
    tail: Entity | None = None

    @model_validator(mode="after")
    def _entities_or_a_pair(self) -> Self:
        if (self.head is None) != (self.tail is None) or (self.entities is not None and self.head is not None):
            raise ValueError("entities, or head and tail, not one of these two alone and not all three")
        return self


class RelationScore(Wire):
    """How two entities are related."""

    head: Stretch
    tail: Stretch
    label: str
    score: float


class RelationService(TaskService[RelationExtraction]):
    """Relations between the entities that a request states, or that the bundle finds."""

    slug = "relation-extraction"
    input: ClassVar = str | Related
    output: ClassVar = list[RelationScore]
    example: ClassVar = {
        "text": "Ann works for Acme.",
        "entities": [{"start": 0, "end": 3, "label": "PER"}, {"start": 14, "end": 18, "label": "ORG"}],
    }

    @override
    def example_of(self, task: TextTask) -> Any:
        """With entities of types that it knows."""
        pairs = task.manifest()["type_pairs"]
        if not pairs:
            return self.example
        entities = [
            {"start": one["start"], "end": one["end"], "label": label}
            for one, label in zip(self.example["entities"], pairs[0], strict=True)
        ]
        return {"text": self.example["text"], "entities": entities}

    @override
    def document(self, given: str | Related, *, where: str, place: Place) -> Document:
        if isinstance(given, str):
            return Document(id=where, text=given, where=where)
        if given.head is not None and given.tail is not None:
            head, tail = (_span(one, given.text, side, where, place) for one, side in _sides(given.head, given.tail))
            asked = (Relation(head=head, tail=tail, label=""),)
            return Document(id=where, text=given.text, relations=asked, where=where)
        if given.entities is None:
            return Document(id=where, text=given.text, where=where)
        spans = tuple(_span(one, given.text, "entity", where, place) for one in given.entities)
        return Document(id=where, text=given.text, spans=spans, where=where)

    @override
    def weight(self, given: str | Related) -> float:
        """Every pair is a copy of its text, or of what a window holds of it; how many will be found is guessed."""
        text = given if isinstance(given, str) else given.text
        tokens = max(1, len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN)
        copies = min(1.0, _WINDOW / tokens)
        if isinstance(given, Related) and given.head is not None:
            return 1.0
        if isinstance(given, Related) and given.entities is not None:
            many = len(given.entities)
            return max(1.0, min(many * (many - 1), MOST_PAIRS) * copies)
        return 1.0 + min(1 + tokens // _TOKENS_A_PAIR, MOST_PAIRS) * copies

    @override
    def answer(self, text: str, result: RelationExtraction, parameters: Any) -> list[Record]:
        if result.left_out is not None:
            raise InputError(
                "more pairs of entities than are judged of a text: send it in parts, with fewer entities, or the pairs "
                "that matter as head and tail",
                got=f"{result.left_out:,} too many",
            )
        found: list[Record] = RelationRender().record(text, result)["relations"]
        return found

    @override
    def said(self, text: str, result: RelationExtraction) -> Iterator[Said]:
        """The pairs that are related."""
        for one in result.relations:
            if relates(one.label):
                head, tail = (text[end.start : end.end] for end in (one.head, one.tail))
                yield Said(what=f"{head} · {one.label} · {tail}", label=one.label, of=one.head, other=one.tail)


def _sides(head: Entity, tail: Entity) -> tuple[tuple[Entity, str], tuple[Entity, str]]:
    return (head, "head"), (tail, "tail")


def _span(entity: Entity, text: str, side: str, where: str, place: Place) -> Span:
    placed = {"start": place(text, entity.start), "end": place(text, entity.end), "label": entity.label}
    return entity_of(placed, text, side, where)
