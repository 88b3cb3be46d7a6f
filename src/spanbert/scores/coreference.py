"""Coreference: how well predicted clusters of mentions are the gold ones.

MUC (Vilain et al. 1995), B-cubed (Bagga and Baldwin 1998), CEAF with the entity similarity phi4 (Luo 2005), their mean
(the CoNLL score of the shared tasks of 2011 and 2012), LEA (Moosavi and Strube 2016), and mention detection. Mentions
that are only on one side are counted as in the reference scorer's version 8 (Pradhan et al. 2014). Figures of
several documents are those of summed counts.

All four read how many mentions each gold cluster shares with each predicted one; no more is kept of a document.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np

from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import Bootstrap, Statistic

Singletons = Literal["keep", "drop"]
Cluster = Collection[Hashable]
ClusterT = TypeVar("ClusterT", bound=Cluster)
Counts = tuple[float, float, float, float]  # of recall: numerator and denominator; of precision: the same
_METRICS = ("muc", "b_cubed", "ceaf", "lea", "mention")
_CONLL = ("muc", "b_cubed", "ceaf")


class Overlaps:
    """How gold and predicted clusters of a document share their mentions.

    Args:
        gold: Clusters of mentions; a mention is anything that can be compared.
        predicted: The same.

    Attributes:
        gold: Mentions of each gold cluster.
        predicted: Mentions of each predicted cluster.
        shared: Mentions that gold cluster g and predicted cluster p share, by (g, p), where there are any.

    Raises:
        ValueError: A mention in two clusters of one side.
    """

    def __init__(self, gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> None:
        of_gold, of_predicted = _owners(gold, "gold"), _owners(predicted, "predicted")
        self.gold = [len(set(cluster)) for cluster in gold]
        self.predicted = [len(set(cluster)) for cluster in predicted]
        self.shared: Mapping[tuple[int, int], int] = Counter(
            (number, of_predicted[mention]) for mention, number in of_gold.items() if mention in of_predicted
        )

    def turned(self) -> Overlaps:
        """The same with gold and predicted in each other's place: precision is recall turned."""
        other = Overlaps((), ())
        other.gold, other.predicted = self.predicted, self.gold
        other.shared = {(second, first): count for (first, second), count in self.shared.items()}
        return other


def _owners(clusters: Sequence[Cluster], side: str) -> dict[Hashable, int]:
    owners: dict[Hashable, int] = {}
    for number, cluster in enumerate(clusters):
        for mention in set(cluster):
            if mention in owners:
                raise ValueError(f"{side} mention {mention!r} is in two clusters")
            owners[mention] = number
    return owners


def muc(overlaps: Overlaps) -> tuple[float, float]:
    """Links of the gold clusters that survive in the predicted ones, and all of them (Vilain et al. 1995)."""
    kept = sum(overlaps.shared.values()) - len(
        overlaps.shared
    )  # each part of a cluster keeps one link less than mentions
    return kept, sum(size - 1 for size in overlaps.gold)


def b_cubed(overlaps: Overlaps) -> tuple[float, float]:
    """Summed share of each mention's gold cluster that its predicted cluster holds, and the mentions."""
    return sum(count**2 / overlaps.gold[g] for (g, _), count in overlaps.shared.items()), sum(overlaps.gold)


def ceaf(overlaps: Overlaps) -> tuple[float, float]:
    """Summed phi4 of the best one-to-one alignment of clusters, and the gold clusters (Luo 2005, section 3.2).

    Clusters without a mention in common add nothing to each other, so the assignment is solved for each group of
    clusters that share mentions, directly or by others.
    """
    from scipy.optimize import linear_sum_assignment

    total = 0.0
    for pairs in _groups(overlaps.shared):
        rows, columns = sorted({g for g, _ in pairs}), sorted({p for _, p in pairs})
        similarity = np.zeros((len(rows), len(columns)))
        for g, p in pairs:
            similarity[rows.index(g), columns.index(p)] = (
                2 * overlaps.shared[g, p] / (overlaps.gold[g] + overlaps.predicted[p])
            )
        total += float(similarity[linear_sum_assignment(similarity, maximize=True)].sum())
    return total, len(overlaps.gold)


def _groups(pairs: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Pairs that hang together by a common gold or predicted cluster."""
    by_gold: dict[int, list[tuple[int, int]]] = defaultdict(list)
    by_predicted: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in pairs:
        by_gold[pair[0]].append(pair)
        by_predicted[pair[1]].append(pair)
    groups, seen = [], set()
    for first in list(by_gold):
        waiting, group = list(by_gold[first]), []
        while waiting:
            pair = waiting.pop()
            if pair not in seen:
                seen.add(pair)
                group.append(pair)
                waiting += by_gold[pair[0]] + by_predicted[pair[1]]
        if group:
            groups.append(group)
    return groups


def lea(overlaps: Overlaps) -> tuple[float, float]:
    """Resolved links of each gold cluster, weighted by its mentions, and all mentions (Moosavi and Strube 2016).

    A singleton has one link, to itself, which a predicted singleton resolves.
    """
    total = 0.0
    for (g, p), count in overlaps.shared.items():
        size = overlaps.gold[g]
        if size == 1:
            total += overlaps.predicted[p] == 1
        else:
            total += count * (count - 1) / (size - 1)
    return total, sum(overlaps.gold)


def mentions(overlaps: Overlaps) -> tuple[float, float]:
    """Gold mentions that are in some predicted cluster, and all of them."""
    return sum(overlaps.shared.values()), sum(overlaps.gold)


_COUNTERS = dict(zip(_METRICS, (muc, b_cubed, ceaf, lea, mentions), strict=True))


def coreference_counts(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> dict[str, Counts]:
    """What the figures of a document are computed from.

    Args:
        gold: Clusters of mentions.
        predicted: The same.

    Returns:
        For `muc`, `b_cubed`, `ceaf`, `lea` and `mention`: numerator and denominator of recall, then of precision.

    Raises:
        ValueError: A mention in two clusters of one side.
    """
    overlaps = Overlaps(gold, predicted)
    turned = overlaps.turned()
    return {name: (*count(overlaps), *count(turned)) for name, count in _COUNTERS.items()}


def f1_of_ratios(sums: FloatArray) -> FloatArray:
    """F1 of recall's and precision's numerators and denominators in the last axis; 0 where nothing is right."""
    right, gold, precise, predicted = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    recall = np.divide(right, gold, out=np.zeros_like(gold), where=gold > 0)
    precision = np.divide(precise, predicted, out=np.zeros_like(predicted), where=predicted > 0)
    total = recall + precision
    result: FloatArray = np.divide(2 * recall * precision, total, out=np.zeros_like(total), where=total > 0)
    return result


class CoreferenceScorer:
    """Counts of documents' clusters.

    Args:
        singletons: Whether clusters of one mention count, on both sides; OntoNotes has none, LitBank has.
        seed: Seed of the bootstrap, whose units are documents.
    """

    main_metric = "conll_f1"

    def __init__(self, *, singletons: Singletons = "keep", seed: int = 0) -> None:
        self.singletons = singletons
        self.bootstrap = Bootstrap(4 * len(_METRICS), seed=seed)

    def add(self, gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> None:
        """Takes in one document."""
        gold, predicted = self.counted(gold), self.counted(predicted)
        counts = coreference_counts(gold, predicted)
        self.bootstrap.add([[count for name in _METRICS for count in counts[name]]])

    def counted(self, clusters: Sequence[ClusterT]) -> list[ClusterT]:
        """The clusters that count."""
        fewest = 2 if self.singletons == "drop" else 1
        return [one for one in clusters if len(set(one)) >= fewest]

    def scores(self) -> dict[str, Any]:
        """Figures over all documents.

        Returns:
            `conll_f1`, and for each of `muc`, `b_cubed`, `ceaf`, `lea` and `mention` its `_f1`, `_precision` and
            `_recall`; the `interval` of every F1; `documents`.
        """
        sums = self.bootstrap.sums_K
        found: dict[str, Any] = {"conll_f1": float(conll_f1(sums))}
        statistics: dict[str, Statistic] = {"conll_f1": conll_f1}
        for name in _METRICS:
            right, gold, precise, predicted = sums[_place(name)]
            statistics[f"{name}_f1"] = _f1_of(name)
            found |= {
                f"{name}_f1": float(f1_of_ratios(sums[_place(name)])),
                f"{name}_precision": float(precise / predicted) if predicted else 0.0,
                f"{name}_recall": float(right / gold) if gold else 0.0,
            }
        intervals = {name: self.bootstrap.interval(statistic).bounds for name, statistic in statistics.items()}
        return {**found, "interval": intervals, "documents": self.bootstrap.units}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the CoNLL score."""
        return self.bootstrap, conll_f1


def conll_f1(sums: FloatArray) -> FloatArray:
    """The mean of the F1 of MUC, B-cubed and CEAF-phi4, from a scorer's sums in the last axis."""
    mean: FloatArray = np.mean([_f1_of(name)(sums) for name in _CONLL], axis=0)
    return mean


def _place(name: str) -> slice:
    first = 4 * _METRICS.index(name)
    return slice(first, first + 4)


def _f1_of(name: str) -> Statistic:
    return lambda sums: f1_of_ratios(sums[..., _place(name)])
