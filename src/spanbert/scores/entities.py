"""Entity precision, recall and F1 (exact spans and labels, as CoNLL-2003 and seqscore count), and tag accuracy.

Streaming: sentences go by, counts and their resamples stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from spanbert.core.tagging import WordSpan
from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import Bootstrap, Interval


class EntityScorer:
    """Counts of predicted and gold entities.

    Args:
        seed: Seed of the bootstrap.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.bootstrap = Bootstrap(3, seed=seed)  # right, predicted, gold
        self.right: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.gold: Counter[str] = Counter()

    def add(self, gold: Iterable[WordSpan], predicted: Iterable[WordSpan]) -> None:
        """Takes in one sentence: half-open spans of words with labels; a span named twice counts once."""
        gold_set, predicted_set = set(gold), set(predicted)
        right = gold_set & predicted_set
        self.bootstrap.add([[len(right), len(predicted_set), len(gold_set)]])
        self.right.update(label for _, _, label in right)
        self.predicted.update(label for _, _, label in predicted_set)
        self.gold.update(label for _, _, label in gold_set)

    def scores(self) -> dict[str, Any]:
        """`f1`, `precision`, `recall` over all labels, the interval of f1, and the same of each label."""
        right, predicted, gold = self.bootstrap.sums_K
        by_label = {
            label: {
                **_prf(self.right[label], self.predicted[label], self.gold[label]),
                "gold": self.gold[label],
                "predicted": self.predicted[label],
            }
            for label in sorted(self.gold | self.predicted)
        }
        interval: Interval = self.bootstrap.interval(f1_of_counts)
        return {
            **_prf(right, predicted, gold),
            "interval": {"f1": [interval.low, interval.high]},
            "entities": int(gold),
            "by_label": by_label,
        }


def f1_of_counts(sums: FloatArray) -> FloatArray:
    """F1 of (right, predicted, gold) in the last axis; 0 where there is nothing to find or found."""
    right, predicted, gold = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    total = predicted + gold
    result: FloatArray = np.divide(2 * right, total, out=np.zeros_like(total), where=total > 0)
    return result


def _prf(right: float, predicted: float, gold: float) -> dict[str, float]:
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

    def __init__(self, *, seed: int = 0) -> None:
        self.bootstrap = Bootstrap(2, seed=seed)  # right, words
        self.confusion: Counter[tuple[str, str]] = Counter()

    def add(self, gold: Sequence[str], predicted: Sequence[str]) -> None:
        """Takes in one sentence.

        Raises:
            ValueError: Another number of tags.
        """
        if len(gold) != len(predicted):
            raise ValueError(f"{len(predicted)} tags for {len(gold)} words")
        pairs = list(zip(gold, predicted, strict=True))
        self.bootstrap.add([[sum(a == b for a, b in pairs), len(pairs)]])
        self.confusion.update(pairs)

    def scores(self) -> dict[str, Any]:
        """`accuracy` with its interval, words, and the most frequent confusions (gold, predicted, count)."""
        interval = self.bootstrap.interval(share_of_counts)
        wrong = Counter({pair: count for pair, count in self.confusion.items() if pair[0] != pair[1]})
        return {
            "accuracy": interval.value,
            "interval": {"accuracy": [interval.low, interval.high]},
            "words": int(self.bootstrap.sums_K[1]),
            "confusions": [[*pair, count] for pair, count in wrong.most_common(10)],
        }


def share_of_counts(sums: FloatArray) -> FloatArray:
    """The first of two counts over the second, in the last axis; 0 where the second is 0."""
    part, whole = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    result: FloatArray = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return result
