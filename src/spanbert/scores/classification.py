"""Classification: one label a text, or any number of them.

Streaming: texts go by; what stays are counts by label, their resamples, and how often which label is taken for which.

Shapes: L labels of the model, B resamples; sums may have any leading axes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from spanbert.core.predictions import Classification
from spanbert.core.types import FloatArray, IntArray
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.calibration import Calibration
from spanbert.scores.entities import f1_of_counts, precision_recall_f1, share_of_counts

_EXACT, _TEXTS, _UNKNOWN, _HEAD = 0, 1, 2, 3  # columns of a count; from _HEAD on right, predicted, gold of each label
_CONFUSED = 20


class LabelCounts:
    """Counts of labels that are right, predicted and gold: 3 L + 3 numbers a resample, whatever the confusions.

    Gold labels that the model does not know share a column of the bootstrap, so that any number of them fits. Figures
    of all texts count each under its own name; resamples take the mix of them as it is in all texts.

    Args:
        labels: The labels that may be predicted.
        seed: Seed of the bootstrap.
    """

    def __init__(self, labels: Sequence[str], *, seed: int) -> None:
        self.bootstrap = Bootstrap(_HEAD + 3 * len(labels), seed=seed)
        self.unknown: Counter[str] = Counter()
        self._column = {label: _HEAD + 3 * place for place, label in enumerate(labels)}

    def add(self, gold: AbstractSet[str], predicted: AbstractSet[str]) -> None:
        """Takes in one text; a predicted label that was not named is a KeyError."""
        counts = np.zeros(_HEAD + 3 * len(self._column))
        counts[_EXACT], counts[_TEXTS] = gold == predicted, 1
        for label in predicted:
            counts[self._column[label] + 1] = 1
        for label in gold:
            column = self._column.get(label)
            if column is None:
                self.unknown[label] += 1
                counts[_UNKNOWN] += 1
            else:
                counts[column], counts[column + 2] = label in predicted, 1
        self.bootstrap.add(counts)

    @staticmethod
    def exact(sums: FloatArray) -> FloatArray:
        """Share of the texts whose labels are all right and complete."""
        return share_of_counts(sums[..., [_EXACT, _TEXTS]])

    @staticmethod
    def micro_f1(sums: FloatArray) -> FloatArray:
        """F1 over all labels of all texts."""
        counts = _by_label(sums).sum(-2)
        counts[..., 2] += sums[..., _UNKNOWN]
        return f1_of_counts(counts)

    def macro_f1(self, sums: FloatArray) -> FloatArray:
        """Mean F1 of the labels that are gold or predicted anywhere."""
        by_label = _by_label(sums)
        present = (by_label[..., 1:].sum(-1) > 0).sum(-1) + len(self.unknown) * (sums[..., _UNKNOWN] > 0)
        result: FloatArray = f1_of_counts(by_label).sum(-1) / np.maximum(present, 1)
        return result

    def mcc(self, sums: FloatArray) -> FloatArray:
        """Matthews correlation of one label a text (Gorodkin 2004), from the margins; 0 where undefined."""
        right, predicted, gold = np.moveaxis(_by_label(sums), -1, 0)
        texts, unknown = sums[..., _TEXTS], sums[..., _UNKNOWN]
        names = np.array([*self.unknown.values()], dtype=np.float64)
        same_name = (names**2).sum() / max(names.sum(), 1.0) ** 2  # share of the pairs of unknown labels that are equal
        agreement = texts * right.sum(-1) - (predicted * gold).sum(-1)
        spread = (texts**2 - (predicted**2).sum(-1)) * (texts**2 - (gold**2).sum(-1) - same_name * unknown**2)
        result: FloatArray = np.divide(agreement, np.sqrt(spread), out=np.zeros_like(texts), where=spread > 0)
        return result

    def by_label(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and counts of each label, unknown ones last."""
        sums = self.bootstrap.sums_K
        counts = {label: sums[column : column + 3].tolist() for label, column in self._column.items()}
        counts |= {label: [0, 0, self.unknown[label]] for label in sorted(self.unknown)}
        return {
            label: {**precision_recall_f1(right, predicted, gold), "gold": int(gold), "predicted": int(predicted)}
            for label, (right, predicted, gold) in counts.items()
        }

    def bounds(self, statistics: dict[str, Statistic]) -> dict[str, list[float]]:
        """The interval of each figure as [low, high]."""
        return {name: self.bootstrap.interval(statistic).bounds for name, statistic in statistics.items()}


def _by_label(sums: FloatArray) -> FloatArray:
    return sums[..., _HEAD:].reshape(*sums.shape[:-1], -1, 3)


class ClassificationScorer:
    """Scores of one label a text.

    A gold label that the model does not know counts under its own name, as always wrong.

    Args:
        labels: The labels that may be predicted.
        seed: Seed of the bootstrap.
    """

    main_metric = "accuracy"

    def __init__(self, labels: Sequence[str], *, seed: int = 0) -> None:
        self.calibration = Calibration()
        self._counts = LabelCounts(labels, seed=seed)
        self._cells: Counter[tuple[str, str]] = Counter()
        self._order = {label: place for place, label in enumerate(labels)}

    def add(self, gold: str, predicted: Classification) -> None:
        """Takes in one text.

        Raises:
            ValueError: Not exactly one label is predicted.
        """
        (label,) = predicted.labels
        self._counts.add({gold}, {label})
        self._cells[gold, label] += 1
        self.calibration.add([predicted.scores[label]], [label == gold])

    def scores(self) -> dict[str, Any]:
        """Figures over all texts.

        Returns:
            `accuracy`, `macro_f1` (over the labels that are gold or predicted), `micro_f1`, `mcc` (Matthews
            correlation), as scikit-learn computes them; the `interval` of each; `examples`;
            `by_label`; `confusion` (a row for each gold label and a column for each predicted one, the 20 most frequent
            labels); `ece` and `reliability` of the probability of the predicted label.
        """
        counts = self._counts
        statistics: dict[str, Statistic] = {
            "accuracy": counts.exact,
            "macro_f1": counts.macro_f1,
            "micro_f1": counts.exact,  # the same where every text has one label
            "mcc": counts.mcc,
        }
        return {
            **self._figures(),
            "interval": counts.bounds(statistics),
            "examples": counts.bootstrap.units,
            "by_label": counts.by_label(),
            "confusion": self._confusion(),
            "ece": self.calibration.ece(),
            "reliability": self.calibration.diagram(),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the accuracy."""
        return self._counts.bootstrap, self._counts.exact

    def _figures(self) -> dict[str, float]:
        from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

        if not self._cells:
            return dict.fromkeys(("accuracy", "macro_f1", "micro_f1", "mcc"), 0.0)
        gold, predicted = zip(*self._cells, strict=True)
        weights = [*self._cells.values()]
        several = len({*gold, *predicted}) > 1  # else scikit-learn warns that one label correlates with nothing
        return {
            "accuracy": float(accuracy_score(gold, predicted, sample_weight=weights)),
            "macro_f1": float(f1_score(gold, predicted, average="macro", sample_weight=weights)),
            "micro_f1": float(f1_score(gold, predicted, average="micro", sample_weight=weights)),
            "mcc": float(matthews_corrcoef(gold, predicted, sample_weight=weights)) if several else 0.0,
        }

    def _confusion(self) -> dict[str, Any]:
        frequency: Counter[str] = Counter()
        for (gold, predicted), count in self._cells.items():
            frequency[gold] += count
            frequency[predicted] += count

        def place(label: str) -> tuple[int, str]:
            return self._order.get(label, len(self._order)), label

        chosen = sorted(frequency, key=lambda label: (-frequency[label], place(label)))[:_CONFUSED]
        labels = sorted(chosen, key=place)
        return {"labels": labels, "matrix": [[self._cells[row, column] for column in labels] for row in labels]}


class MultiLabelScorer:
    """Scores of any number of labels a text.

    A gold label that the model does not know counts under its own name, as never found.

    Args:
        labels: The labels that may be predicted.
        threshold: A label is given from this probability on, whatever labels the prediction names.
        seed: Seed of the bootstrap.
    """

    main_metric = "micro_f1"

    def __init__(self, labels: Sequence[str], *, threshold: float, seed: int = 0) -> None:
        self.threshold = threshold
        self.calibration = Calibration()
        self._counts = LabelCounts(labels, seed=seed)
        self._search = ThresholdSearch()

    def add(self, gold: Collection[str], predicted: Classification) -> None:
        """Takes in one text."""
        self._search.add(gold, predicted)
        self.calibration.add([*predicted.scores.values()], [label in gold for label in predicted.scores])
        self._counts.add(set(gold), {label for label, score in predicted.scores.items() if score >= self.threshold})

    def scores(self) -> dict[str, Any]:
        """Figures over all texts.

        Returns:
            `micro_f1`, `macro_f1` (over the labels that are gold or predicted), `exact_match` (texts whose labels are
            all right and complete), the `interval` of each; what the best threshold would give: `best_micro_f1` and
            `best_threshold`; `examples`, `threshold`, `by_label`; `ece` and `reliability` of the probability of every
            label of every text.
        """
        counts = self._counts
        figures: dict[str, Statistic] = {
            "micro_f1": counts.micro_f1,
            "macro_f1": counts.macro_f1,
            "exact_match": counts.exact,
        }
        best, best_micro_f1 = self._search.best()
        return {
            **{name: float(statistic(counts.bootstrap.sums_K)) for name, statistic in figures.items()},
            "interval": counts.bounds(figures),
            "best_threshold": best,
            "best_micro_f1": best_micro_f1,
            "examples": counts.bootstrap.units,
            "threshold": self.threshold,
            "ece": self.calibration.ece(),
            "reliability": self.calibration.diagram(),
            "by_label": counts.by_label(),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the micro F1."""
        return self._counts.bootstrap, self._counts.micro_f1


class ThresholdSearch:
    """The probability from which labels are best given: the threshold with the highest micro F1.

    Probabilities are counted in bins, so the threshold is a multiple of 1 / bins; the counts are exact.

    Args:
        bins: Into how many bins the probabilities from 0 to 1 fall.
    """

    def __init__(self, bins: int = 1000) -> None:
        self._edges: FloatArray = np.arange(bins + 1) / bins
        self._right: IntArray = np.zeros(bins + 1, dtype=np.int64)  # the last bin holds a probability of 1
        self._predicted: IntArray = np.zeros(bins + 1, dtype=np.int64)
        self._gold = 0

    def add(self, gold: Collection[str], predicted: Classification) -> None:
        """Takes in one text."""
        named = set(gold)
        bins = np.searchsorted(self._edges, [*predicted.scores.values()], side="right") - 1
        self._gold += len(named)
        self._predicted += np.bincount(bins, minlength=len(self._edges))
        right = [label in named for label in predicted.scores]
        self._right += np.bincount(bins[right], minlength=len(self._edges))

    def best(self) -> tuple[float, float]:
        """The best threshold in (0, 1) and its micro F1; of equally good ones that nearest 0.5, then the lower."""
        right, predicted = (np.cumsum(counts[::-1])[::-1] for counts in (self._right, self._predicted))
        counts = np.stack([right, predicted, np.full_like(right, self._gold)], -1)[1:-1]
        f1 = f1_of_counts(counts.astype(np.float64))
        bins = len(self._edges) - 1
        from_half = np.abs(2 * np.arange(1, bins) - bins)
        best = int(np.lexsort((from_half, -f1))[0])
        return float(self._edges[best + 1]), float(f1[best])
