"""GAP: which of two names an ambiguous pronoun refers to, by gender (Webster et al. 2018, section 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.entities import f1_of_counts, precision_recall_f1

Gender = Literal["masculine", "feminine", "other"]
_GENDERS: tuple[Gender, ...] = ("masculine", "feminine", "other")


class GapScorer:
    """Counts of names that pronouns refer to: right, predicted and gold ones, by gender.

    Args:
        seed: Seed of the bootstrap, whose units are pronouns.
    """

    main_metric = "gap_f1"

    def __init__(self, *, seed: int = 0) -> None:
        self.bootstrap = Bootstrap(3 * len(_GENDERS), seed=seed)

    def add(self, gender: Gender, names: Iterable[tuple[bool, bool]]) -> None:
        """Takes in one pronoun.

        Args:
            gender: The pronoun's.
            names: For each name: whether the pronoun refers to it, and whether that is predicted.
        """
        both = np.array([(gold and said, said, gold) for gold, said in names]).sum(0)
        counts = np.zeros((len(_GENDERS), 3))
        counts[_GENDERS.index(gender)] = both
        self.bootstrap.add(counts.ravel())

    def scores(self) -> dict[str, Any]:
        """Figures over all pronouns.

        Returns:
            `gap_f1`, `precision`, `recall`; `masculine_f1`, `feminine_f1`, and `bias`, the feminine over the masculine;
            the `interval` of each F1 and of the bias; `pronouns`.
        """
        sums = self.bootstrap.sums_K
        whole = precision_recall_f1(*sums.reshape(-1, 3).sum(0))
        statistics: dict[str, Statistic] = {
            "gap_f1": _f1, "masculine_f1": _of("masculine"), "feminine_f1": _of("feminine"), "bias": _bias,
        }  # fmt: skip
        return {
            "precision": whole["precision"],
            "recall": whole["recall"],
            **{name: float(statistic(sums)) for name, statistic in statistics.items()},
            "interval": {name: self.bootstrap.interval(statistic).bounds for name, statistic in statistics.items()},
            "pronouns": self.bootstrap.units,
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the F1 over all pronouns."""
        return self.bootstrap, _f1


def _f1(sums: FloatArray) -> FloatArray:
    return f1_of_counts(sums.reshape(*sums.shape[:-1], len(_GENDERS), 3).sum(-2))


def _of(gender: Gender) -> Statistic:
    first = 3 * _GENDERS.index(gender)
    return lambda sums: f1_of_counts(sums[..., first : first + 3])


def _bias(sums: FloatArray) -> FloatArray:
    feminine, masculine = _of("feminine")(sums), _of("masculine")(sums)
    result: FloatArray = np.divide(feminine, masculine, out=np.zeros_like(feminine), where=masculine > 0)
    return result
