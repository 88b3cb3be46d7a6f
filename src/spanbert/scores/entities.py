"""Entity precision, recall and F1 (exact spans and labels, as CoNLL-2003 and seqscore count), and tag accuracy.

Streaming: sentences go by, counts and their resamples stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from spanbert.core.tagging import WordSpan
from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.calibration import Calibration

_NONE = "-"


class EntityScorer:
    """Counts of predicted and gold entities, and which labels are taken for which.

    Args:
        seed: Seed of the bootstrap.
    """

    main_metric = "f1"

    def __init__(self, *, seed: int = 0) -> None:
        self.bootstrap = Bootstrap(3, seed=seed)  # right, predicted, gold
        self.right: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.gold: Counter[str] = Counter()
        self.confusion: Counter[tuple[str, str]] = Counter()  # labels of spans that are not right; _NONE: no such span

    def add(self, gold: Iterable[WordSpan], predicted: Iterable[WordSpan]) -> None:
        """Takes in one sentence: half-open spans of words with labels; a span named twice counts once."""
        gold_set, predicted_set = set(gold), set(predicted)
        right = gold_set & predicted_set
        self.bootstrap.add([[len(right), len(predicted_set), len(gold_set)]])
        self.right.update(label for _, _, label in right)
        self.predicted.update(label for _, _, label in predicted_set)
        self.gold.update(label for _, _, label in gold_set)
        self.confusion.update(_confused(gold_set - right, predicted_set - right))

    def scores(self) -> dict[str, Any]:
        """Figures over all labels.

        Returns:
            `f1`, `precision` and `recall` with the `interval` of each; `entities`; the figures `by_label`;
            `confusions`, the 10 most frequent as (gold, predicted, count) of spans with the same boundaries, "-" where
            the other side has no such span; `missed` gold spans and `spurious` predicted ones, those that have no
            counterpart with the same boundaries.
        """
        right, predicted, gold = self.bootstrap.sums_K
        by_label = {
            label: {
                **precision_recall_f1(self.right[label], self.predicted[label], self.gold[label]),
                "gold": self.gold[label],
                "predicted": self.predicted[label],
            }
            for label in sorted(self.gold | self.predicted)
        }
        statistics: dict[str, Statistic] = {
            "f1": f1_of_counts,
            "precision": lambda sums: share_of_counts(sums[..., [0, 1]]),
            "recall": lambda sums: share_of_counts(sums[..., [0, 2]]),
        }
        return {
            **precision_recall_f1(right, predicted, gold),
            "interval": {name: self.bootstrap.interval(statistic).bounds for name, statistic in statistics.items()},
            "entities": int(gold),
            "by_label": by_label,
            "confusions": _most_frequent(self.confusion, 10),
            "missed": sum(count for (_, label), count in self.confusion.items() if label == _NONE),
            "spurious": sum(count for (label, _), count in self.confusion.items() if label == _NONE),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind F1."""
        return self.bootstrap, f1_of_counts


def _confused(gold: Iterable[WordSpan], predicted: Iterable[WordSpan]) -> Iterator[tuple[str, str]]:
    """Pairs of labels at each place, in alphabetical order where one place has several labels."""
    labels: dict[tuple[int, int], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, spans in enumerate((gold, predicted)):
        for start, end, label in spans:
            labels[start, end][side].append(label)
    for of_gold, of_predicted in labels.values():
        yield from zip_longest(sorted(of_gold), sorted(of_predicted), fillvalue=_NONE)


def _most_frequent(confusion: Counter[tuple[str, str]], most: int) -> list[list[Any]]:
    return [[*pair, confusion[pair]] for pair in sorted(confusion, key=lambda pair: (-confusion[pair], pair))[:most]]


def f1_of_counts(sums: FloatArray) -> FloatArray:
    """F1 of (right, predicted, gold) in the last axis; 0 where there is nothing to find or found."""
    right, predicted, gold = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    total = predicted + gold
    result: FloatArray = np.divide(2 * right, total, out=np.zeros_like(total), where=total > 0)
    return result


def precision_recall_f1(right: float, predicted: float, gold: float) -> dict[str, float]:
    """`f1`, `precision` and `recall` of counts; 0 where a denominator is 0."""
    return {
        "f1": float(2 * right / (predicted + gold)) if predicted + gold else 0.0,
        "precision": float(right / predicted) if predicted else 0.0,
        "recall": float(right / gold) if gold else 0.0,
    }


class TagScorer:
    """Accuracy of one tag a word (parts of speech), and which tags are taken for which.

    Args:
        seed: Seed of the bootstrap.
    """

    main_metric = "accuracy"

    def __init__(self, *, seed: int = 0) -> None:
        self.bootstrap = Bootstrap(2, seed=seed)  # right, words
        self.calibration = Calibration()
        self.confusion: Counter[tuple[str, str]] = Counter()

    def add(self, gold: Sequence[str], predicted: Sequence[str], confidences: Sequence[float] | None = None) -> None:
        """Takes in one sentence.

        Args:
            gold: A tag a word.
            predicted: The same.
            confidences: The probability of each predicted tag, for the calibration.

        Raises:
            ValueError: Another number of tags or of confidences.
        """
        if len(gold) != len(predicted):
            raise ValueError(f"{len(predicted)} tags for {len(gold)} words")
        right = [a == b for a, b in zip(gold, predicted, strict=True)]
        self.bootstrap.add([[sum(right), len(right)]])
        self.confusion.update(zip(gold, predicted, strict=True))
        if confidences is not None:
            self.calibration.add(confidences, right)

    def scores(self) -> dict[str, Any]:
        """Figures over all words.

        Returns:
            `accuracy` with its `interval`; `words`; the 10 most frequent `confusions` (gold, predicted, count); F1,
            precision and recall `by_tag` of the 20 most frequent tags; `ece` and `reliability` where confidences were
            given.
        """
        interval = self.bootstrap.interval(share_of_counts)
        wrong = Counter({pair: count for pair, count in self.confusion.items() if pair[0] != pair[1]})
        calibrated = {"ece": self.calibration.ece(), "reliability": self.calibration.diagram()}
        return {
            "accuracy": interval.value,
            "interval": {"accuracy": interval.bounds},
            "words": int(self.bootstrap.sums_K[1]),
            "confusions": _most_frequent(wrong, 10),
            "by_tag": self._by_tag(),
            **(calibrated if self.calibration.counts.any() else {}),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the accuracy."""
        return self.bootstrap, share_of_counts

    def _by_tag(self) -> dict[str, dict[str, float]]:
        gold: Counter[str] = Counter()
        predicted: Counter[str] = Counter()
        for (of_gold, of_predicted), count in self.confusion.items():
            gold[of_gold] += count
            predicted[of_predicted] += count
        tags = sorted(gold | predicted, key=lambda tag: (-gold[tag], -predicted[tag], tag))[:20]
        return {
            tag: {
                **precision_recall_f1(self.confusion[tag, tag], predicted[tag], gold[tag]),
                "gold": gold[tag],
                "predicted": predicted[tag],
            }
            for tag in tags
        }


def share_of_counts(sums: FloatArray) -> FloatArray:
    """The first of two counts over the second, in the last axis; 0 where the second is 0."""
    part, whole = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    result: FloatArray = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return result
