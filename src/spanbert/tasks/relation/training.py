"""What training data says of a task on relations: labels, types, orders, and what becomes a negative beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from spanbert.core.types import Document
from spanbert.scores.relations import Averaging, is_directed, relates
from spanbert.tasks.relation.config import Order, RelationConfig
from spanbert.tasks.relation.negatives import NO_RELATION, ListedPairs, Negatives, wanted_kinds


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class RelationData:
    """What some training documents say.

    Attributes:
        labels: Sorted; with one for pairs that are not related where such pairs are made.
        types: Of entities, sorted, where markers name them.
        type_pairs: Types of head and tail that were related, where markers name them.
        untyped: Whether there are entities whose markers name no type.
        averaging: The main score.
        order: In which pairs of raw text are asked about.
        negatives: Makes pairs that are not related; None: none are.
    """

    labels: tuple[str, ...]
    types: tuple[str, ...]
    type_pairs: frozenset[tuple[str, str]]
    untyped: bool
    averaging: Averaging
    order: Order
    negatives: Negatives | None

    @classmethod
    def of(cls, documents: Iterable[Document], config: RelationConfig) -> Self:
        """Reads the documents once.

        Args:
            documents: Those to train on.
            config: The settings.
        """
        listed = ListedPairs()
        labels: set[str] = set()
        types: set[str | None] = set()
        related: set[tuple[str, str]] = set()
        for document in documents:
            listed.add(document)
            for relation in document.relations or ():
                if not relation.label:
                    continue
                labels.add(relation.label)
                head, tail = relation.head.label, relation.tail.label
                types |= {head, tail}
                if relates(relation.label) and head is not None and tail is not None:
                    related.add((head, tail))
        named = sorted(one for one in types if one is not None)
        is_typed = len(named) > 1 if config.typed == "auto" else config.typed == "yes"
        type_pairs = frozenset(related if is_typed else ())
        directed = any(map(is_directed, labels))
        kinds = wanted_kinds(config.negatives, listed.orders, directed=directed)
        if not listed.offers(kinds, type_pairs):
            kinds = frozenset()
        none = next((label for label in sorted(labels) if not relates(label)), NO_RELATION)
        usual: Averaging = "semeval" if directed and "Other" in labels else "micro"
        return cls(
            labels=tuple(sorted({*labels, none} if kinds else labels)),
            types=tuple(named if is_typed else ()),
            type_pairs=type_pairs,
            untyped=not is_typed or None in types,
            averaging=usual if config.averaging == "auto" else config.averaging,
            order="both" if directed or "reversed" in kinds else listed.orders.seen,
            negatives=Negatives(listed, kinds, none) if kinds else None,
        )
