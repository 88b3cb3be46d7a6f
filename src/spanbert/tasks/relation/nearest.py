"""Which pairs of a text's entities are asked about; where they are too many, the nearest.

Every two entities of a sentence are looked at, some at a time, in arrays: memory grows with the pairs that are kept,
time (some nanoseconds a pair) with all. Distances are counted in sentences first, then in characters between.

Shapes: N entities of a text, n of a stretch of it, r rows of their pairs, T types of entities, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spanbert.core.types import BoolArray, IntArray, Relation, Span
from spanbert.tasks.relating import AskedPairs, Stretch
from spanbert.tasks.relation.config import Order

_PAIRS_AT_ONCE = 1 << 18
_SENTENCE = 1 << 40  # more than the characters of any text


@dataclass(frozen=True, kw_only=True)
class PairRules:
    """What pairs are asked about.

    Attributes:
        type_pairs: The types of head and tail that may be related; empty: any.
        types: The types that this concerns; pairs with others are always asked about.
        order: The order of head and tail.
        once: A pair is asked about in one order, that of the text unless only the other one is allowed.
    """

    type_pairs: frozenset[tuple[str, str]]
    types: frozenset[str]
    order: Order
    once: bool

    def may_relate(self, head: str | None, tail: str | None) -> bool:
        """Whether entities of these types are asked about."""
        known = head in self.types and tail in self.types
        return not (known and self.type_pairs) or (head, tail) in self.type_pairs


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class _Entities:
    """Entities of a text, (N,) each: places, types, sentences, and numbers that order them by start, then by end."""

    start_N: IntArray
    end_N: IntArray
    type_N: IntArray
    sentence_N: IntArray
    order_N: IntArray


class _Nearest:
    """The nearest pairs of those that come, in no order; of equally near ones those that came first.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pairs_P3 = np.zeros((0, 3), dtype=np.int64)
        self._far_P = np.zeros(0, dtype=np.int64)
        self.possible = 0

    def add(self, pairs_P3: IntArray, far_P: IntArray) -> None:
        """Takes in pairs and their distances."""
        self.possible += len(far_P)
        far_P = np.concatenate([self._far_P, far_P])
        pairs_P3 = np.concatenate([self._pairs_P3, pairs_P3])
        if len(far_P) > self._most:
            border = np.partition(far_P, self._most - 1)[self._most - 1]
            kept_P = far_P < border
            kept_P[np.flatnonzero(far_P == border)[: self._most - int(kept_P.sum())]] = True
            far_P, pairs_P3 = far_P[kept_P], pairs_P3[kept_P]
        self._far_P, self._pairs_P3 = far_P, pairs_P3

    def pairs(self) -> IntArray:
        """First entity, second entity, and whether the second is the head, (P, 3), in text order."""
        return self._pairs_P3[np.lexsort(self._pairs_P3.T[::-1])]


def asked_pairs(
    entities: Sequence[Span], stretches: Sequence[Stretch], sentences: Sequence[Stretch], rules: PairRules, most: int
) -> AskedPairs:
    """The pairs that are asked about.

    Args:
        entities: In text order, N.
        stretches: Half-open stretches of the text, none of which ends inside an entity: pairs are made within one.
        sentences: Half-open stretches of the text, by which distances are counted.
        rules: What is asked about.
        most: How many pairs are kept, the nearest.
    """
    types = list(dict.fromkeys(one.label for one in entities))
    allowed_TT = np.array([[rules.may_relate(head, tail) for tail in types] for head in types], dtype=bool)
    numbers = {label: number for number, label in enumerate(types)}
    start_N, end_N = (_numbers(getattr(one, end) for one in entities) for end in ("start", "end"))
    found = _Entities(
        start_N=start_N,
        end_N=end_N,
        type_N=_numbers(numbers[one.label] for one in entities),
        sentence_N=np.searchsorted(_numbers(start for start, _ in sentences), start_N, side="right"),
        order_N=start_N * (int(end_N.max(initial=0)) + 1) + end_N,
    )
    nearest = _Nearest(most)
    for own_n in _by_stretch(found, stretches):
        rows = max(1, _PAIRS_AT_ONCE // len(own_n))
        for row in range(0, len(own_n), rows):
            nearest.add(*_block(found, own_n[row : row + rows], own_n[row:], allowed_TT, rules))
    judged = []
    for first, second, is_reversed in nearest.pairs().tolist():
        head, tail = (second, first) if is_reversed else (first, second)
        judged.append(Relation(head=entities[head], tail=entities[tail], label=""))
    return AskedPairs(judged=tuple(judged), possible=nearest.possible)


def _numbers(values: Iterator[int]) -> IntArray:
    return np.fromiter(values, dtype=np.int64)


def _by_stretch(entities: _Entities, stretches: Sequence[Stretch]) -> Iterator[IntArray]:
    """The numbers of the entities in each stretch that has two or more."""
    low = np.searchsorted(np.maximum.accumulate(entities.end_N), [start for start, _ in stretches], side="right")
    high = np.searchsorted(entities.start_N, [end for _, end in stretches], side="left")
    for (start, _), first, after in zip(stretches, low.tolist(), high.tolist(), strict=True):
        own_n = np.arange(first, after)
        own_n = own_n[entities.end_N[own_n] > start]
        if len(own_n) > 1:
            yield own_n


def _block(
    entities: _Entities, first_r: IntArray, second_n: IntArray, allowed_TT: BoolArray, rules: PairRules
) -> tuple[IntArray, IntArray]:
    """The pairs of some entities with those that come after them: (P, 3) as in `_Nearest.pairs`, and distances (P,)."""
    one, other = first_r[:, None], second_n[None, :]
    start, end, kind, order = entities.start_N, entities.end_N, entities.type_N, entities.order_N
    is_pair = (other > one) & ((start[one] != start[other]) | (end[one] != end[other]))
    asked_rn2 = np.stack([allowed_TT[kind[one], kind[other]], allowed_TT[kind[other], kind[one]]], axis=-1)
    asked_rn2 &= is_pair[:, :, None]
    if rules.order != "both":
        is_forward = order[one] < order[other]
        asked_rn2[:, :, 0] &= is_forward == (rules.order == "forward")
        asked_rn2[:, :, 1] &= ~is_forward == (rules.order == "forward")
    if rules.once:
        asked_rn2[:, :, 1] &= ~asked_rn2[:, :, 0]
    row_P, column_P, reversed_P = np.nonzero(asked_rn2)
    first_P, second_P = first_r[row_P], second_n[column_P]
    far_P = np.abs(entities.sentence_N[second_P] - entities.sentence_N[first_P]) * _SENTENCE
    far_P += np.maximum(start[second_P] - end[first_P], 0)
    return np.stack([first_P, second_P, reversed_P], axis=-1), far_P
