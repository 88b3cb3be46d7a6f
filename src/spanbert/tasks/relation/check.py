"""Pairs of entities with relations: pairs of one place, texts that are cut, labels that contradict each other."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from spanbert.core.findings import Rule
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document, Relation
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.text.sentences import sentence_stretches
from spanbert.scores.relations import relates
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.relation.marking import WindowedRelations
from spanbert.tasks.relation.negatives import NO_RELATION
from spanbert.tasks.relation.task import RelationTask
from spanbert.tasks.relation.training import RelationData, TrainingPairs
from spanbert.tasks.survey import Item, Survey
from spanbert.tokens.tokenizer import TokenizerAdapter

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
_ACROSS_SENTENCES = Rule(
    severity="warning",
    name="across_sentences",
    what="relations between entities of different sentences: in raw text pairs of one sentence alone are judged",
    remedy="Hand over the entities of such texts, all pairs of which are then judged",
)


def _no_negatives(data: RelationData) -> Rule:
    """No pair is unrelated."""
    instead = ", of which training cannot make any from these texts"
    if data.kinds:
        instead = "; until then training takes other pairs of the same texts for such (relation.negatives)"
    elif data.offered:
        instead = "; or let training take other pairs of the same texts for such (relation.negatives=all)"
    return Rule(
        severity="warning",
        name="no_negatives",
        what="pairs, none of them unrelated: from such data a model calls every pair of a raw text a relation",
        remedy=f"Add pairs with the label {NO_RELATION}{instead}",
    )


def _one_order(data: RelationData) -> Rule:
    """Unrelated pairs that all have the head first, or last."""
    first = {"forward": "head before the tail", "backward": "tail before the head"}[data.orders.seen]
    is_judged = data.order != data.orders.seen
    judged = "it is judged in raw text" if is_judged else "until then it is not judged in raw text"
    if data.kinds:
        made = "the reversed pairs" if "reversed" in data.kinds else "other pairs of the same texts"
        remedy = f"Training takes {made} for unrelated too (relation.negatives); list both orders where that is wrong"
    elif "reversed" in data.offered:
        made = "let training make the reversed pairs (relation.negatives=reversed)"
        remedy = f"List unrelated pairs in the other order too, or {made}; {judged}"
    else:
        made = ", or let training take other pairs of the same texts (relation.negatives=all)"
        other = made if "random" in data.offered else ""
        remedy = f"List unrelated pairs in the other order too{other}; {judged}. Training can make no reversed pairs"
    return Rule(
        severity="warning",
        name="one_order",
        what=f"unrelated pairs, nearly all with the {first}: a model takes the other order for a sign of a relation",
        remedy=remedy,
    )


class RelationSurvey(Survey[RelationTask]):
    """A file of texts with related entities."""

    conflicts = CONFLICTS
    duplicates = DUPLICATES

    def __init__(
        self,
        data: DataFile,
        config: RelationConfig,
        tokenizer: TokenizerAdapter,
        task: RelationTask | None,
        *,
        name: str,
    ) -> None:
        super().__init__(data, config, tokenizer, task, name=name)
        self._pairs = TrainingPairs()

    @override
    def finish(self) -> None:
        """Whether pairs that are not related are in the data, and in which order of their entities."""
        if self.task is None or self.task.is_directed:
            return
        data = self._pairs.data(self.config)
        if self.labels and not data.orders.total:
            self.ledger.add(_no_negatives(data), times=self.labels.total())
        elif data.orders.seen != "both":
            self.ledger.add(_one_order(data), times=data.orders.total)

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
        self._pairs.add(document)
        for relation in _across_sentences(document):
            self.ledger.add(_ACROSS_SENTENCES, self.shown(document, relation.head))
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


def _across_sentences(document: Document) -> Iterator[Relation]:
    """The pairs that are related across the end of a sentence."""
    related = [one for one in document.relations or () if one.label and relates(one.label)]
    if not related:
        return
    entities = [*(document.spans or ()), *(end for one in related for end in (one.head, one.tail))]
    starts = [start for start, _ in sentence_stretches(document, kept_whole=entities)]
    for one in related:
        if bisect_right(starts, one.head.start) != bisect_right(starts, one.tail.start):
            yield one


def _pair_key(document: Document, relation: Relation) -> str:
    """A text with the places of a pair: the item that may occur twice."""
    places = (relation.head.start, relation.head.end, relation.tail.start, relation.tail.end)
    return f"{places}\n{document.text}"
