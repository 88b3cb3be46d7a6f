"""Relations between two entities: micro F1 without `no_relation` (TACRED), SemEval-2010 Task 8's official macro F1.

SemEval's scorer (Hendrickx et al. 2010) takes nine relations with two directions each and `Other`. Right is what has
relation and direction; what has the relation alone is counted among the predicted of that relation all the same, so
that it costs precision. The macro F1 is the mean over the nine relations, both directions of one taken together;
`Other` is not among them, but predicting a relation where there is none costs precision.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.calibration import Calibration
from spanbert.scores.entities import f1_of_counts, precision_recall_f1

Averaging = Literal["micro", "semeval"]
_NO_RELATION = ("no_relation", "none", "other", "na", "n/a")
_DIRECTED = re.compile(r"(.+)\((e1,e2|e2,e1)\)")


def relates(label: str) -> bool:
    """Whether a label names a relation: all but `no_relation`, `None`, `Other` and `NA`, however they are spelt."""
    return re.sub(r"[\s_-]+", "_", label.lower()) not in _NO_RELATION


def is_directed(label: str) -> bool:
    """Whether a label says which entity is which, as `Cause-Effect(e2,e1)` does."""
    return _DIRECTED.fullmatch(label) is not None


def undirected(label: str) -> str:
    """`Cause-Effect(e2,e1)` without its direction."""
    match = _DIRECTED.fullmatch(label)
    return match[1] if match else label


class RelationScorer:
    """Counts of right, predicted and gold relations, by label.

    Args:
        labels: The model's labels.
        averaging: What `main` is: micro F1 over all relations, or SemEval's macro F1 over undirected ones.
        seed: Seed of the bootstrap.
    """

    def __init__(self, labels: Sequence[str], *, averaging: Averaging, seed: int = 0) -> None:
        self.main_metric = "micro_f1" if averaging == "micro" else "macro_f1"
        named = [undirected(label) if averaging == "semeval" else label for label in labels if relates(label)]
        self._averaging = averaging
        self.none_labels = frozenset(label for label in labels if not relates(label))
        self._relations = list(dict.fromkeys(named))
        self._column = {relation: 3 * place for place, relation in enumerate(self._relations)}
        self.bootstrap = Bootstrap(3 * len(self._relations), seed=seed)  # right, predicted, gold of each
        self.calibration = Calibration()
        self.confusion: Counter[tuple[str, str]] = Counter()

    def add(self, gold: str, predicted: str, confidence: float | None = None) -> None:
        """Takes in one pair of entities, whose labels are among the model's."""
        counts = np.zeros(3 * len(self._relations))
        self._count(counts, predicted, 1)
        self._count(counts, gold, 2)
        if gold == predicted:
            self._count(counts, gold, 0)
        self.bootstrap.add(counts)
        self.confusion[gold, predicted] += 1
        if confidence is not None:
            self.calibration.add([confidence], [gold == predicted])

    def _count(self, counts: FloatArray, label: str, kind: int) -> None:
        if not relates(label):
            return
        counts[self._column[undirected(label) if self._averaging == "semeval" else label] + kind] += 1

    def scores(self) -> dict[str, Any]:
        """Figures over all pairs.

        Returns:
            `micro_f1`, `precision`, `recall` over all relations but none, `macro_f1` (mean over relations), `accuracy`
            of the labels as they are, with intervals but for the last; `by_label`; the 10 most frequent `confusions`;
            `pairs`; `ece` and `reliability`.
        """
        sums = self.bootstrap.sums_K
        total = sum(self.confusion.values())
        statistics: dict[str, Statistic] = {
            "micro_f1": self.micro_f1, "macro_f1": self.macro_f1, "precision": self._precision, "recall": self._recall,
        }  # fmt: skip
        by_label = {
            relation: {
                **precision_recall_f1(*sums[column : column + 3]),
                "gold": int(sums[column + 2]),
                "predicted": int(sums[column + 1]),
            }
            for relation, column in self._column.items()
        }
        wrong = Counter({pair: count for pair, count in self.confusion.items() if pair[0] != pair[1]})
        return {
            **{name: float(statistic(sums)) for name, statistic in statistics.items()},
            "accuracy": (total - sum(wrong.values())) / total if total else 0.0,
            "interval": {name: self.bootstrap.interval(statistic).bounds for name, statistic in statistics.items()},
            "pairs": total,
            "by_label": by_label,
            "confusions": [[*pair, count] for pair, count in wrong.most_common(10)],
            "ece": self.calibration.ece(),
            "reliability": self.calibration.diagram(),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main score."""
        return self.bootstrap, self.micro_f1 if self.main_metric == "micro_f1" else self.macro_f1

    def _by_relation(self, sums: FloatArray) -> FloatArray:
        return sums.reshape(*sums.shape[:-1], len(self._relations), 3)

    def _all(self, sums: FloatArray) -> FloatArray:
        counts: FloatArray = self._by_relation(sums).sum(-2)
        return counts

    def micro_f1(self, sums: FloatArray) -> FloatArray:
        """F1 over all relations but none, from sums in the last axis."""
        return f1_of_counts(self._all(sums))

    def macro_f1(self, sums: FloatArray) -> FloatArray:
        """Mean F1 over the relations that the gold has, from sums in the last axis."""
        counts = self._by_relation(sums)
        present = counts[..., 2] > 0
        return _share((f1_of_counts(counts) * present).sum(-1), present.sum(-1).astype(np.float64))

    def _precision(self, sums: FloatArray) -> FloatArray:
        counts = self._all(sums)
        return _share(counts[..., 0], counts[..., 1])

    def _recall(self, sums: FloatArray) -> FloatArray:
        counts = self._all(sums)
        return _share(counts[..., 0], counts[..., 2])


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    result: FloatArray = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return result
