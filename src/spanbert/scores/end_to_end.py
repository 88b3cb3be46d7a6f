"""Entities and relations found in raw text, against all that the gold names (Zhong and Chen 2021, section 4.1).

    entities    boundary: the places are right; strict: the type is too
    relations   boundary: the places of both entities and the label are right; strict: the types of both entities too

Where the gold has no types, there is nothing strict to compare.

Unlike the scores of listed pairs, a relation costs precision wherever it was found: between entities that are none, in
the other order, in a pair that the gold does not list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from typing import Any

from spanbert.core.types import FloatArray, Relation, Span
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.entities import f1_of_counts, precision_recall_f1
from spanbert.scores.relations import relates

_OF_RELATIONS = ("relation_strict", "relation_boundary")
LEVELS = (*_OF_RELATIONS, "entity_strict", "entity_boundary")
_COUNTS = 3  # right, predicted, gold


class EndToEndScorer:
    """Counts of right, predicted and gold entities and relations of whole texts.

    Args:
        levels: Those of `LEVELS` that the gold allows to score, one of relations among them; the first is the main one.
        seed: Seed of the bootstrap over texts.
    """

    def __init__(self, levels: Collection[str] = LEVELS, *, seed: int = 0) -> None:
        self._levels = [level for level in LEVELS if level in levels]
        self.main_metric = f"{self._levels[0]}_f1"
        self._bootstrap = Bootstrap(_COUNTS * len(self._levels), seed=seed)
        self._by_label: dict[str, Counter[str]] = {"right": Counter(), "predicted": Counter(), "gold": Counter()}

    def add(
        self,
        gold: Iterable[Relation],
        predicted: Iterable[Relation],
        *,
        gold_entities: Iterable[Span] = (),
        entities: Iterable[Span] = (),
    ) -> None:
        """Takes in one text; pairs that are not related count on neither side, and what is named twice counts once.

        Args:
            gold: Its relations.
            predicted: Those that were found.
            gold_entities: Its entities.
            entities: Those that were found.
        """
        counts: list[int] = []
        related = [one for one in gold if relates(one.label)], [one for one in predicted if relates(one.label)]
        spans = [*gold_entities], [*entities]
        for level in self._levels:
            typed = level.endswith("strict")
            if level in _OF_RELATIONS:
                of_gold, found = ({_relation(one, typed) for one in side} for side in related)
            else:
                of_gold, found = ({_entity(one, typed) for one in side} for side in spans)
            counts += [len(of_gold & found), len(found), len(of_gold)]
            if level == self._levels[0]:
                for name, keys in (("right", of_gold & found), ("predicted", found), ("gold", of_gold)):
                    self._by_label[name].update(str(key[0]) for key in keys)
        self._bootstrap.add([counts])

    def scores(self) -> dict[str, Any]:
        """Figures as fractions.

        Returns:
            F1, precision and recall of each level (`relation_strict_f1` ...), with the `interval` of F1; `texts`; those
            of the main level for each relation, `by_label`.
        """
        sums, statistics = self._bootstrap.sums_K, {}
        figures: dict[str, float] = {}
        for level in self._levels:
            statistics[f"{level}_f1"] = self._f1_of(level)
            found = precision_recall_f1(*sums[self._columns(level)])
            figures |= {f"{level}_{name}": value for name, value in found.items()}
        by_label = {
            label: {
                **precision_recall_f1(*(self._by_label[name][label] for name in ("right", "predicted", "gold"))),
                **{name: self._by_label[name][label] for name in ("gold", "predicted")},
            }
            for label in sorted(self._by_label["gold"] | self._by_label["predicted"])
        }
        return {
            **figures,
            "interval": {name: self._bootstrap.interval(one).bounds for name, one in statistics.items()},
            "texts": self._bootstrap.units,
            "by_label": by_label,
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure."""
        return self._bootstrap, self._f1_of(self._levels[0])

    def _columns(self, level: str) -> slice:
        first = _COUNTS * self._levels.index(level)
        return slice(first, first + _COUNTS)

    def _f1_of(self, level: str) -> Statistic:
        columns = self._columns(level)

        def f1(sums: FloatArray) -> FloatArray:
            return f1_of_counts(sums[..., columns])

        return f1


def _entity(span: Span, typed: bool) -> tuple[Hashable, ...]:
    return (span.start, span.end, *((span.label,) if typed else ()))


def _relation(relation: Relation, typed: bool) -> tuple[Hashable, ...]:
    return relation.label, _entity(relation.head, typed), _entity(relation.tail, typed)
