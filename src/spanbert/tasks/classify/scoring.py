"""Documents and their classifications to the scorers of `scores`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spanbert.core.errors import InputError
from spanbert.core.predictions import Classification
from spanbert.core.types import Document, Record
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.classification import ClassificationScorer, MultiLabelScorer, ThresholdSearch
from spanbert.scores.regression import RegressionScorer
from spanbert.scores.signature import signature
from spanbert.tasks.classify.config import Mode

_LARGEST_NUMBER = 1e30


class ClassifyScorer:
    """A `DocumentScorer` of classifications.

    Args:
        mode: What a text gets.
        labels: The model's.
        threshold: With several labels a text.
        seed: Seed of the bootstrap.
    """

    def __init__(self, mode: Mode, labels: Sequence[str], threshold: float, *, seed: int = 0) -> None:
        self.mode, self.threshold = mode, threshold
        self._scorer: ClassificationScorer | MultiLabelScorer | RegressionScorer
        if mode == "single":
            self._scorer = ClassificationScorer(labels, seed=seed)
        elif mode == "multi":
            self._scorer = MultiLabelScorer(labels, threshold=threshold, seed=seed)
        else:
            self._scorer = RegressionScorer(seed=seed)
        self.main_metric = self._scorer.main_metric

    def add(self, document: Document, prediction: Classification) -> None:
        """Counts what was predicted for a document against its gold.

        Raises:
            InputError: Another number of labels than one, or no number, where the model gives one.
        """
        labels = document.labels
        if labels is None:
            return
        if isinstance(self._scorer, MultiLabelScorer):
            self._scorer.add(labels, prediction)
            return
        gold = single_gold(document, self.mode)
        if isinstance(self._scorer, ClassificationScorer):
            self._scorer.add(str(gold), prediction)
            return
        assert prediction.value is not None
        self._scorer.add(float(gold), prediction.value)

    def scores(self) -> Record:
        """Figures as fractions, `interval` and `signature` among them."""
        threshold = f"{self.threshold:.4g}" if self.mode == "multi" else None
        return {**self._scorer.scores(), "signature": signature(task="classify", mode=self.mode, threshold=threshold)}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test."""
        return self._scorer.paired()


class ThresholdTuner:
    """Finds the probability from which one of several labels should be given."""

    def __init__(self) -> None:
        self._search = ThresholdSearch()

    def add(self, document: Document, prediction: Classification) -> None:
        """Takes in one dev document."""
        if document.labels is not None:
            self._search.add(document.labels, prediction)

    def best(self) -> float:
        """The threshold."""
        return self._search.best()[0]


def single_gold(document: Document, mode: Mode) -> str | float:
    """The one label of a text, as a number for a regression.

    Raises:
        InputError: No label or several, or no number where one is needed.
    """
    labels = document.labels or ()
    if len(labels) != 1:
        raise InputError(
            "not one label",
            where=document.place,
            got=", ".join(labels) or "none",
            expected=f"one, as the model is {mode}",
        )
    if mode == "single":
        return labels[0]
    number = number_of(labels[0])
    if math.isnan(number):
        raise InputError("not a number", where=document.place, got=repr(labels[0]))
    return number


def number_of(label: str) -> float:
    """A label as a number; NaN if it is not one, or is too large for a model's float32."""
    try:
        number = float(label)
    except ValueError:
        return math.nan
    return number if abs(number) <= _LARGEST_NUMBER else math.nan


def natural_order(label: str) -> tuple[bool, float, str]:
    """By which labels are sorted: numbers by size before words by letters."""
    number = number_of(label)
    return math.isnan(number), 0.0 if math.isnan(number) else number, label
