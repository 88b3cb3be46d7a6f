"""What training data says of a task on relations: labels, types, orders, and what becomes a negative beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spanbert.core.types import Document, Span
from spanbert.scores.relations import Averaging, is_directed, relates
from spanbert.tasks.relation.config import Order, RelationConfig
from spanbert.tasks.relation.nearest import PairRules
from spanbert.tasks.relation.negatives import (
    NO_RELATION,
    ListedPairs,
    Negatives,
    Orders,
    is_forward,
    wanted_kinds,
)


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
        orders: Of the pairs that the data says are not related.
        kinds: Which pairs become negatives: see `wanted_kinds`.
        offered: Which could.
        negatives: Makes pairs that are not related; None: none are.
    """

    labels: tuple[str, ...]
    types: tuple[str, ...]
    type_pairs: frozenset[tuple[str, str]]
    untyped: bool
    averaging: Averaging
    order: Order
    orders: Orders
    kinds: frozenset[str]
    offered: frozenset[str]
    negatives: Negatives | None

    @classmethod
    def of(cls, documents: Iterable[Document], config: RelationConfig) -> RelationData:
        """Reads the documents once.

        Args:
            documents: Those to train on.
            config: The settings.
        """
        pairs = TrainingPairs()
        for document in documents:
            pairs.add(document)
        return pairs.data(config)


class TrainingPairs:
    """The labelled pairs of training documents, which come one by one."""

    def __init__(self) -> None:
        self._listed = ListedPairs()
        self._labels: set[str] = set()
        self._types: set[str | None] = set()
        self._related: set[tuple[str, str]] = set()
        self._placed: set[tuple[Order, str | None, str | None]] = set()  # the order of a pair, its types

    def add(self, document: Document) -> None:
        """Takes in a document."""
        self._listed.add(document)
        for relation in document.relations or ():
            if not relation.label:
                continue
            self._labels.add(relation.label)
            head, tail = relation.head.label, relation.tail.label
            self._types |= {head, tail}
            self._placed.add(("forward" if is_forward(relation.head, relation.tail) else "backward", head, tail))
            if relates(relation.label) and head is not None and tail is not None:
                self._related.add((head, tail))

    def data(self, config: RelationConfig) -> RelationData:
        """What they say together.

        Args:
            config: The settings.
        """
        named = frozenset(one for one in self._types if one is not None)
        is_typed = len(named) > 1 if config.typed == "auto" else config.typed == "yes"
        types, type_pairs = (named, frozenset(self._related)) if is_typed else (frozenset[str](), frozenset())
        untyped = not is_typed or None in self._types
        directed = any(map(is_directed, self._labels))
        rules = PairRules(type_pairs=type_pairs, types=types, order="both", once=directed)

        def is_asked(head: Span, tail: Span) -> bool:
            known = untyped or {head.label, tail.label} <= types
            return known and rules.may_relate(head.label, tail.label)

        orders, offered = self._listed.orders, self._listed.offered(is_asked)
        kinds = wanted_kinds(config.negatives, orders, directed=directed) & offered
        none = next((label for label in sorted(self._labels) if not relates(label)), NO_RELATION)
        usual: Averaging = "semeval" if directed and "Other" in self._labels else "micro"
        return RelationData(
            labels=tuple(sorted({*self._labels, none} if kinds else self._labels)),
            types=tuple(sorted(types)),
            type_pairs=type_pairs,
            untyped=untyped,
            averaging=usual if config.averaging == "auto" else config.averaging,
            order="both" if directed or kinds else self._order(rules, offered),
            orders=orders,
            kinds=kinds,
            offered=offered,
            negatives=Negatives(self._listed, kinds, none) if kinds else None,
        )

    def _order(self, rules: PairRules, offered: frozenset[str]) -> Order:
        """The order that is asked about where no negatives are made.

        It is that of the pairs that are not related, unless labelled pairs of types that are asked about, related or
        not, stand in the other alone, or in both and there is none that could be made.
        """
        seen = self._listed.orders.seen
        placed = {order for order, head, tail in self._placed if rules.may_relate(head, tail)}
        if seen == "both" or (len(placed) > 1 and "reversed" not in offered):
            return "both"
        return seen if seen in placed or not placed else placed.pop()
