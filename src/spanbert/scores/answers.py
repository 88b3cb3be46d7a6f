"""Answers to questions about texts: exact match and F1, and from which null score on no answer is best given."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from spanbert.core.predictions import Answering
from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.calibration import Calibration
from spanbert.scores.entities import share_of_counts
from spanbert.scores.qa import Language, Threshold, answer_f1, best_over_gold, best_threshold, exact_match

_EM, _F1, _ALL, _HAS_EM, _HAS_F1, _HAS = range(6)  # columns: sums over all questions, then over the answerable ones


class AnswerScorer:
    """Scores of answers as the official scorers of SQuAD 1.1 and 2.0 and of CMRC 2018 give them.

    For the search of the threshold 25 bytes a question are kept: its null score, the figures of its best candidate, and
    whether it can be answered.

    Args:
        language: How answers are compared.
        threshold: From above which null score no answer is given; None leaves that to the predictions.
        seed: Seed of the bootstrap.
    """

    main_metric = "f1"

    def __init__(self, *, language: Language, threshold: float | None, seed: int = 0) -> None:
        self.language: Language = language
        self.threshold = threshold
        self.bootstrap = Bootstrap(6, seed=seed)
        self.calibration = Calibration()
        self._null = array("d")
        self._candidate_em = array("d")
        self._candidate_f1 = array("d")
        self._answerable = array("b")

    def add(self, gold: Sequence[str], predicted: Answering) -> None:
        """Takes in one question.

        Args:
            gold: Its right answers; none where the text does not answer it.
            predicted: No answer is given where it holds none, or where its null score is above the threshold.
        """
        given = predicted.answer
        if self.threshold is not None and predicted.null_score > self.threshold:
            given = None
        em, f1 = self._figures(given.text if given else "", gold)
        answerable = bool(gold)
        self.bootstrap.add([em, f1, 1, em * answerable, f1 * answerable, answerable])
        if given:
            self.calibration.add([given.score], [em])
        self._keep(gold, predicted)

    def scores(self) -> dict[str, Any]:
        """Figures over all questions.

        Returns:
            `em`, `f1` with the `interval` of each; `questions`; `ece` and `reliability` of the score of given answers,
            right where they match exactly. Where some question cannot be answered also `has_answer_em` and
            `has_answer_f1` over the answerable ones, `no_answer_accuracy` over the others, each with its interval, and
            what the best thresholds would give: `best_em`, `best_em_threshold`, `best_f1`, `best_f1_threshold`.
        """
        sums = self.bootstrap.sums_K
        some_unanswerable = bool(sums[_HAS] < sums[_ALL])
        statistics = {**_STATISTICS, **(_OF_UNANSWERABLE if some_unanswerable else {})}
        return {
            **{name: float(statistic(sums)) for name, statistic in statistics.items()},
            "interval": {name: self.bootstrap.interval(statistic).bounds for name, statistic in statistics.items()},
            "questions": self.bootstrap.units,
            "ece": self.calibration.ece(),
            "reliability": self.calibration.diagram(),
            **(self._best_thresholds() if some_unanswerable else {}),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The sums behind F1."""
        return self.bootstrap, _f1

    def tuned_threshold(self) -> float:
        """The null score above which no answer is best given, for F1; of use where some question has no answer."""
        return self._best(self._candidate_f1).value

    def _figures(self, answer: str, gold: Sequence[str]) -> tuple[float, float]:
        em = best_over_gold(exact_match, answer, gold, self.language)
        return em, best_over_gold(answer_f1, answer, gold, self.language)

    def _keep(self, gold: Sequence[str], predicted: Answering) -> None:
        # Without a candidate there is nothing to give at any threshold.
        best = predicted.candidates[0].text if predicted.candidates else ""
        em, f1 = self._figures(best, gold)
        self._null.append(predicted.null_score if best else math.inf)
        self._candidate_em.append(em)
        self._candidate_f1.append(f1)
        self._answerable.append(bool(gold))

    def _best(self, figures: array[float]) -> Threshold:
        kept = zip(self._null, figures, map(bool, self._answerable), strict=True)
        return best_threshold({str(place): one for place, one in enumerate(kept)})

    def _best_thresholds(self) -> dict[str, float]:
        em, f1 = self._best(self._candidate_em), self._best(self._candidate_f1)
        return {
            "best_em": em.score,
            "best_em_threshold": em.value,
            "best_f1": f1.score,
            "best_f1_threshold": f1.value,
        }


def _em(sums: FloatArray) -> FloatArray:
    return share_of_counts(sums[..., [_EM, _ALL]])


def _f1(sums: FloatArray) -> FloatArray:
    return share_of_counts(sums[..., [_F1, _ALL]])


def _no_answer_accuracy(sums: FloatArray) -> FloatArray:
    right, unanswerable = sums[..., _EM] - sums[..., _HAS_EM], sums[..., _ALL] - sums[..., _HAS]
    return share_of_counts(np.stack([right, unanswerable], axis=-1))


_STATISTICS: dict[str, Statistic] = {"em": _em, "f1": _f1}
_OF_UNANSWERABLE: dict[str, Statistic] = {
    "has_answer_em": lambda sums: share_of_counts(sums[..., [_HAS_EM, _HAS]]),
    "has_answer_f1": lambda sums: share_of_counts(sums[..., [_HAS_F1, _HAS]]),
    "no_answer_accuracy": _no_answer_accuracy,
}
