"""Confidence intervals by the bootstrap, in one pass and bounded memory.

Each unit (a sentence, a question, a text) brings counts; a score is a function of their sums. The Poisson bootstrap
(Chamandy et al. 2012) gives every unit a weight drawn from Poisson(1) in each resample, so that the resampled sums grow
while the units stream by. Two systems that are scored with the same seed on the same units see the same weights: the
difference of their resampled scores is the paired bootstrap (Koehn 2004).

Shapes: N units of one call, K counts a unit, B resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanbert.core.seeding import keyed_generator
from spanbert.core.types import FloatArray, IntArray

Statistic = Callable[[FloatArray], FloatArray]
RESAMPLES = 1000
CHUNK = 256  # units that are weighted at once: the cost of a call is shared, 2 MB of weights are held


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A score with the bounds between which a share of its resamples lies."""

    value: float
    low: float
    high: float
    level: float = 0.95

    @property
    def bounds(self) -> list[float]:
        """[low, high], as reports hold it."""
        return [self.low, self.high]

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.level:.0%} interval {self.low:.4f} to {self.high:.4f})"


class Weights:
    """Weights of units in resamples, drawn from Poisson(1) one unit after the other.

    How many are drawn at once changes nothing, so equal seeds pair systems whose units arrive in other portions.

    Args:
        seed: Seed of the weights.
        resamples: B.
    """

    def __init__(self, *, seed: int, resamples: int = RESAMPLES) -> None:
        self.resamples = resamples
        self._generator = keyed_generator(seed, "bootstrap")

    def draw(self, units: int) -> IntArray:
        """The weights of the next units, (N, B)."""
        return self._generator.poisson(1.0, (units, self.resamples))


class Bootstrap:
    """Sums of counts and of their resamples.

    Units wait until `CHUNK` of them are weighted at once, at the same places however they were grouped into calls, so
    that the sums are the same to the last bit. WindowedDocument sums takes in those that wait.

    Args:
        width: K.
        resamples: B.
        seed: Seed of the weights; equal seeds pair systems that are scored on the same units in the same order.
    """

    def __init__(self, width: int, *, resamples: int = RESAMPLES, seed: int = 0) -> None:
        self.units = 0
        self._sums_K: FloatArray = np.zeros(width)
        self._resampled_BK: FloatArray = np.zeros((resamples, width))
        self._waiting_CK: FloatArray = np.empty((CHUNK, width))
        self._waiting = 0
        self._weights = Weights(seed=seed, resamples=resamples)

    @property
    def sums_K(self) -> FloatArray:
        """The sums of all units, (K,)."""
        self._take_in()
        return self._sums_K

    @property
    def resampled_BK(self) -> FloatArray:
        """The sums of each resample, (B, K)."""
        self._take_in()
        return self._resampled_BK

    def add(self, counts_NK: npt.ArrayLike) -> None:
        """Takes in the counts of some units, (N, K)."""
        counts = np.asarray(counts_NK, dtype=np.float64).reshape(-1, len(self._sums_K))
        self.units += len(counts)
        while len(counts):
            now, counts = np.split(counts, [CHUNK - self._waiting])
            self._waiting_CK[self._waiting : self._waiting + len(now)] = now
            self._waiting += len(now)
            if self._waiting == CHUNK:
                self._take_in()

    def _take_in(self) -> None:
        counts_NK = self._waiting_CK[: self._waiting]
        self._waiting = 0
        self._sums_K += counts_NK.sum(0)
        self._resampled_BK += self._weights.draw(len(counts_NK)).T.astype(np.float64) @ counts_NK

    def interval(self, statistic: Statistic, *, level: float = 0.95) -> Interval:
        """The score and its percentile interval.

        Args:
            statistic: Maps sums (..., K) to scores (...).
            level: Share of the resamples between the bounds.
        """
        low, high = np.quantile(statistic(self.resampled_BK), [(1 - level) / 2, (1 + level) / 2])
        return Interval(value=float(statistic(self.sums_K)), low=float(low), high=float(high), level=level)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """System A against system B on the same units.

    Attributes:
        difference: Score of A minus score of B, with its interval.
        p_value: Two-sided: how often the resampled difference has the other sign, doubled; at most 1.
    """

    difference: Interval
    p_value: float


def compare(
    a: Bootstrap, b: Bootstrap, statistic: Statistic, *, other: Statistic | None = None, level: float = 0.95
) -> Comparison:
    """The paired bootstrap test of two systems.

    They may count other things in addition to what the statistic reads (say, the labels that each of them knows).

    Args:
        a: One system's counts.
        b: The other's.
        statistic: The score.
        other: How the score is computed from the other's counts; None: in the same way.
        level: Of the interval.

    Raises:
        ValueError: They were not scored on equally many units and resamples.
    """
    if a.units != b.units or len(a.resampled_BK) != len(b.resampled_BK):
        raise ValueError(f"not paired: {a.units} and {b.units} units")
    other = other or statistic
    differences_B = statistic(a.resampled_BK) - other(b.resampled_BK)
    low, high = np.quantile(differences_B, [(1 - level) / 2, (1 + level) / 2])
    value = float(statistic(a.sums_K)) - float(other(b.sums_K))
    opposite = min(float((differences_B <= 0).mean()), float((differences_B >= 0).mean()))
    return Comparison(
        difference=Interval(value=value, low=float(low), high=float(high), level=level),
        p_value=min(1.0, 2 * opposite),
    )
