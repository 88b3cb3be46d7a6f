"""Relation extraction as a `TextTask`: every pair of entities is a copy of its text with markers around both.

Shapes: n pieces of a text, L labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.core.errors import InputError
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Facts, IntArray, OutputArray, Record, Relation, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.registry import open_data
from spanbert.scores.relations import Averaging, is_directed, relates
from spanbert.tasks.base import TextTaskBase, WindowConfig
from spanbert.tasks.protocol import HeadContext, Mistake, TextTask, WindowedDocument
from spanbert.tasks.relating import AskedPairs, Stretch
from spanbert.tasks.relation.config import Order, RelationConfig
from spanbert.tasks.relation.marking import (
    MARKS,
    SIDES,
    WindowedRelations,
    entity_pieces,
    marked,
    marker_names,
    marker_pair,
    parts_around,
    with_brackets,
)
from spanbert.tasks.relation.nearest import PairRules, asked_pairs
from spanbert.tasks.relation.negatives import Negatives, is_forward
from spanbert.tasks.relation.scoring import RelationDocumentScorer, check_labels
from spanbert.tasks.relation.spec import RELATION
from spanbert.tasks.relation.training import RelationData
from spanbert.tokens.pieces import TokenizedText, read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.relation.head import RelationHead

_USUAL_WINDOW = 256
_MOST_LABELS = 1000
_FIRST_ROW = np.zeros(1, dtype=np.int64)


class RelationTask(TextTaskBase):
    """One label a pair of entities.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's, with the markers.
        window: Tokens of a window and of the overlap.
        config: What of a marked text is read.
        labels: In the order of the logits.
        markers: In the order in which the tokenizer got them.
        averaging: The main score.
        type_pairs: The types of head and tail that were related in training, where there are types.
        untyped: Whether entities without a type were seen, so that the markers without one are known.
        order: The order of head and tail in which pairs that are made of the entities of a text are asked about: one
            order where training could not learn from the other.
        negatives: What becomes a negative in training; None outside of it, and where nothing does.
    """

    spec = RELATION
    unit = "pair"
    shares_encoder_pass = False
    runtime_options = ("all_pairs", "max_pairs")

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: RelationConfig,
        labels: Sequence[str],
        markers: Sequence[str],
        averaging: Averaging,
        type_pairs: Iterable[tuple[str, str]],
        untyped: bool,
        order: Order = "both",
        negatives: Negatives | None = None,
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config, self.labels, self.averaging = config, tuple(labels), averaging
        self.markers = dict(zip(markers, tokenizer.add_markers(markers), strict=True))
        self.added_token_ids = tuple(self.markers.values())
        self.type_pairs, self.untyped, self.order = frozenset(type_pairs), untyped, order
        self._negatives = negatives
        self.main_metric = "macro_f1" if averaging == "semeval" else "micro_f1"
        self._number = {label: number for number, label in enumerate(self.labels)}

    @property
    def is_directed(self) -> bool:
        """Whether labels say which entity is which, so that a pair is judged once and not once in each order."""
        return any(is_directed(label) for label in self.labels)

    @classmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: RelationConfig,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training documents pose; the tokenizer gets its markers.

        Raises:
            InputError: No relations, or too many kinds of them.
        """
        found = RelationData.of(documents, config)
        if not 2 <= len(found.labels) <= _MOST_LABELS or not any(map(relates, found.labels)):
            listed = f": {', '.join(found.labels[:5])}" if found.labels else ""
            raise InputError(
                f"task {name}: not relations to learn",
                got=f"{len(found.labels)} different labels{listed}",
                expected=f"2 to {_MOST_LABELS}, not all of them for no relation",
            )
        return cls(
            name,
            tokenizer,
            window.fit(positions, usual=_USUAL_WINDOW),
            config=config,
            labels=found.labels,
            markers=marker_names(found.types),
            averaging=found.averaging,
            type_pairs=found.type_pairs,
            untyped=found.untyped,
            order=found.order,
            negatives=found.negatives,
        )

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        return cls(
            name,
            tokenizer,
            cls.stored_window(entry, positions),
            config=RelationConfig.model_validate(entry["options"]),
            labels=entry["labels"],
            markers=entry["markers"],
            averaging=entry["averaging"],
            type_pairs=[(head, tail) for head, tail in entry["type_pairs"]],
            untyped=entry["untyped"],
            order=entry.get("order", "both"),  # bundles of earlier versions do not state it
        )

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            "labels": list(self.labels),
            "markers": list(self.markers),
            "averaging": self.averaging,
            "pool": self.config.pool,
            "type_pairs": sorted(self.type_pairs),
            "untyped": self.untyped,
            "order": self.order,
        }

    @staticmethod
    def open(config: RelationConfig, path: Path) -> DataFile:
        """TACRED's JSON, SemEval's text or JSON lines."""
        return open_data(path, among=RELATION.formats)

    @override
    def is_labelled(self, document: Document) -> bool:
        return any(relation.label for relation in document.relations or ())

    @override
    def check(self, document: Document) -> None:
        """Labels and types of entities that the model knows."""
        check_labels(document, self.labels)
        for relation in document.relations or ():
            for entity in (relation.head, relation.tail):
                self._require_known(entity, document)

    @override
    def tokenize(self, documents: Sequence[Document]) -> list[WindowedDocument]:
        """A window a pair, from the first piece that is read to the last."""
        read = zip(documents, read_pieces(self.tokenizer, documents), strict=True)
        return [self._windowed(document, pieces) for document, pieces in read]

    def _windowed(self, document: Document, pieces: TokenizedText) -> WindowedRelations:
        entities = entity_pieces(document, pieces)
        parts = [parts_around(pair, len(pieces.ids), self._limit - MARKS) for pair in entities]
        windows = [(of_pair[0][0], of_pair[-1][1]) for of_pair in parts]
        return WindowedRelations(document=document, pieces=pieces, windows=windows, entities=entities, parts=parts)

    @property
    def _limit(self) -> int:
        """Most pieces of a window, markers included, specials not."""
        return self.window[0] - self.framer.specials[0]

    @override
    def windows(self, windowed: WindowedDocument) -> Iterator[Window]:
        """The text with markers around the two entities of each pair, made as it is needed."""
        return (self.framer.one(ids) for ids, _ in self._marked(windowed))

    @override
    def rows(self, windowed: WindowedDocument) -> Iterator[HeadRows]:
        """The rows of the two markers at which the entities begin, or the first."""
        if self.config.pool == "cls":
            return (HeadRows(rows=_FIRST_ROW) for _ in windowed.windows)
        return (HeadRows(rows=np.array(starts, dtype=np.int64) + 1) for _, starts in self._marked(windowed))

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """The pairs with a label, and what becomes a negative beside them."""
        found = self._labelled_examples(windowed)
        if self._negatives is not None:
            document = windowed.document
            made = tuple(self._negatives.of(document, self._known_pairs, self._is_asked))
            found += self._labelled_examples(self._windowed(replace(document, relations=made), windowed.pieces))
        return found

    def _labelled_examples(self, windowed: WindowedDocument) -> list[Example]:
        found = []
        for window, asked, relation in zip(
            self.windows(windowed), self.rows(windowed), windowed.document.relations or (), strict=True
        ):
            if relation.label:
                target = Target(units=1, gold=self._gold(windowed.document, relation))
                found.append(Example(task=self.name, window=window, asked=asked, target=target))
        return found

    def _marked(self, windowed: WindowedDocument) -> Iterator[tuple[IntArray, list[int]]]:
        """The marked pieces of each pair: see `marking.marked`."""
        assert isinstance(windowed, WindowedRelations)
        for relation, entities in zip(windowed.document.relations or (), windowed.entities, strict=True):
            markers = [
                self._markers_of(side, entity, windowed.document)
                for side, entity in zip(SIDES, (relation.head, relation.tail), strict=True)
            ]
            yield marked(windowed.pieces.ids, entities, markers, self._limit)

    def knows(self, entity: Span) -> bool:
        """Whether entities of this type, or without one, were seen in training."""
        return self.untyped or f"[E1:{entity.label}]" in self.markers

    @property
    def known_types(self) -> frozenset[str]:
        """The types of entities that have markers."""
        return frozenset(name.rstrip("]").partition(":")[2] for name in self.markers) - {""}

    @override
    def remarks(self, others: Sequence[TextTask]) -> Iterator[str]:
        """Which of the entities that the others find will not be related."""
        found: frozenset[str] = frozenset().union(*(task.entity_types for task in others))
        if not self.untyped and found - self.known_types:
            strange, known = (", ".join(sorted(one)) for one in (found - self.known_types, self.known_types))
            yield f"{self.name}: knows entities of the types {known}; in raw text {strange} will not be related"

    def _require_known(self, entity: Span, document: Document) -> None:
        if not self.knows(entity):
            raise InputError(
                f"task {self.name}: a type of entity that it has not seen",
                where=document.place,
                got=repr(entity.label) if entity.label is not None else "an entity without a type",
                expected=", ".join(sorted(self.known_types)),
            )

    def _markers_of(self, side: str, entity: Span, document: Document) -> tuple[int, int]:
        self._require_known(entity, document)
        return marker_pair(self.markers, side, entity.label)

    def _gold(self, document: Document, relation: Relation) -> int:
        check_labels(document, self.labels)
        return self._number[relation.label]

    @override
    def build_head(self, context: HeadContext) -> RelationHead:
        from spanbert.tasks.relation.head import RelationHead

        return RelationHead(context.encoder, len(self.labels), 2 if self.config.pool == "start" else 1)

    @override
    def decode(self, windowed: WindowedDocument, outputs: Sequence[OutputArray]) -> RelationExtraction:
        """The most probable label of each pair."""
        relations = []
        for relation, logits_L in zip(windowed.document.relations or (), outputs, strict=True):
            shifted_L = np.exp(logits_L.astype(np.float64) - logits_L.max())
            best = int(logits_L.argmax())
            score = float(shifted_L[best] / shifted_L.sum())
            relations.append(Relation(head=relation.head, tail=relation.tail, label=self.labels[best], score=score))
        return RelationExtraction(relations=tuple(relations))

    def pairs(
        self, entities: Sequence[Span], stretches: Sequence[Stretch], sentences: Sequence[Stretch] | None = None
    ) -> AskedPairs:
        """The pairs of entities of a text that may be related: those within a stretch, of too many the nearest.

        Where types are known, only pairs of types that were related in training, and only in the orders from which
        training could learn. Where labels have directions each pair occurs once, in text order unless only the other
        order was seen, else in both orders.

        Args:
            entities: In text order.
            stretches: Half-open stretches of the text, none of which ends inside an entity.
            sentences: Its sentences, by which distances are counted first; None: the stretches.
        """
        near_by = stretches if sentences is None else sentences
        return asked_pairs(entities, stretches, near_by, self._rules, self.config.max_pairs)

    @cached_property
    def _rules(self) -> PairRules:
        return PairRules(type_pairs=self.type_pairs, types=self.known_types, order=self.order, once=self.is_directed)

    def _known_pairs(self, entities: Sequence[Span], sentences: Sequence[Stretch]) -> tuple[Relation, ...]:
        """Those of entities that have markers: others have a type that no listed pair has."""
        return self.pairs([entity for entity in entities if self.knows(entity)], sentences).judged

    def _is_asked(self, head: Span, tail: Span) -> bool:
        """Whether a pair is asked about: its types, and the order of its entities."""
        if not self._rules.may_relate(head.label, tail.label):
            return False
        return self.order == "both" or is_forward(head, tail) == (self.order == "forward")

    def wanted(self, found: RelationExtraction, asked: AskedPairs) -> RelationExtraction:
        """Without the pairs that are not related, unless `all_pairs` asks for them; with how many were left out."""
        shown = found.relations
        if not self.config.all_pairs:
            shown = tuple(one for one in shown if relates(one.label))
        return replace(found, relations=shown, left_out=asked.left_out)

    @override
    def scorer(self, *, seed: int = 0) -> RelationDocumentScorer:
        return RelationDocumentScorer(self.labels, averaging=self.averaging, seed=seed)

    @override
    def mistakes(self, document: Document, prediction: RelationExtraction) -> Iterator[Mistake]:
        for gold, found in zip(document.relations or (), prediction.relations, strict=True):
            if gold.label and gold.label != found.label:
                text = with_brackets(document.text, gold)
                yield Mistake(
                    severity=found.score or 0.0, where=document.id, text=text, gold=gold.label, predicted=found.label
                )
