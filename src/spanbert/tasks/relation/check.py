"""Pairs of entities with relations: pairs of one place, texts that are cut, labels that contradict each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from spanbert.core.findings import Rule
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document, Relation
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.relation.task import RelationTask, WindowedRelations
from spanbert.tasks.survey import Item, Survey

_SAME_PLACE = Rule(
    severity="error",
    name="same_place",
    what="pairs whose two entities are the same stretch of text",
    remedy="They teach nothing; mark two entities",
)
_UNLABELLED = Rule(
    severity="warning", name="unlabelled", what="pairs without a label", remedy="They are left out of training"
)
_OTHER_TYPE = Rule(
    severity="error",
    name="unknown_type",
    what="entities of types that the training data does not have",
    remedy="The model has no markers for them; give them one of its types, or none where it has entities without",
)
_APART = Rule(
    severity="warning",
    name="far_apart",
    what="pairs that are too far apart for a window",
    remedy="The text between them is left out; use longer windows (window.length)",
)
CONFLICTS = Rule(
    severity="warning",
    name="conflicts",
    what="pairs that occur twice in the same text, with different labels",
    remedy="Decide which is right; --fix leaves out all but the first",
)
DUPLICATES = Rule(
    severity="warning",
    name="duplicates",
    what="pairs that occur twice in the same text, with the same label",
    remedy="They weigh more in training, and in dev data in the scores; --fix leaves out all but the first",
)


class RelationSurvey(Survey[RelationTask]):
    """A file of texts with related entities."""

    conflicts = CONFLICTS
    duplicates = DUPLICATES

    @override
    def items_of(self, document: Document) -> Iterator[Item]:
        """The pairs with their labels."""
        for relation in document.relations or ():
            if relation.label:
                yield Item(self.place(document), _pair_key(document, relation), relation.label)

    @override
    def texts_of(self, document: Document) -> Iterator[Item]:
        """The text."""
        yield Item(self.place(document), document.text, "")

    @override
    def look(self, document: Document) -> Document:
        for relation in document.relations or ():
            if relation.label:
                self.labels[relation.label] += 1
            else:
                self.ledger.add(_UNLABELLED, self.shown(document))
            if (relation.head.start, relation.head.end) == (relation.tail.start, relation.tail.end):
                self.ledger.add(_SAME_PLACE, self.shown(document, relation.head))
        return document

    @override
    def is_cut(self, windowed: WindowedDocument) -> bool:
        """Whether a pair is read in a part of the text."""
        parts = windowed.parts if isinstance(windowed, WindowedRelations) else ()
        return any(one != [(0, len(windowed.pieces.ids))] for one in parts)

    @override
    def examine(self, windowed: WindowedDocument, task: RelationTask) -> None:
        for relation in windowed.document.relations or ():
            for entity in (relation.head, relation.tail):
                if not task.knows(entity):
                    self.ledger.add(_OTHER_TYPE, f"{self.place(windowed.document)} {entity.label!r}")
        assert isinstance(windowed, WindowedRelations)
        for parts in windowed.parts:
            if len(parts) > 1:
                self.ledger.add(_APART, self.shown(windowed.document))

    @override
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Texts that cannot be read are left out; of pairs that occur twice in a text the first stays."""
        done = self.left_out()
        seen = set()

        def repaired() -> Iterator[Document]:
            for document in self.read():
                kept = []
                for relation in document.relations or ():
                    key = hashlib.sha256(_pair_key(document, relation).encode()).digest()
                    if relation.label and key in seen:
                        done["pairs that occur twice left out"] += 1
                        continue
                    if relation.label:
                        seen.add(key)
                    kept.append(relation)
                if len(kept) == len(document.relations or ()):
                    yield document
                elif kept:
                    yield replace(document, relations=tuple(kept))

        self.data.copy(repaired(), target)
        return done


def _pair_key(document: Document, relation: Relation) -> str:
    """A text with the places of a pair: the item that may occur twice."""
    places = (relation.head.start, relation.head.end, relation.tail.start, relation.tail.end)
    return f"{places}\n{document.text}"
