"""Regression (a number a text): correlations and errors.

Shapes: N texts, B resamples.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from spanbert.core.types import FloatArray, IntArray
from spanbert.scores.bootstrap import CHUNK, RESAMPLES, Bootstrap, Statistic, Weights
from spanbert.scores.entities import share_of_counts

_WEIGHTS = 10**8  # weights held at once for the interval of the rank correlation, a byte each


class RegressionScorer:
    """Correlations and errors of predicted numbers.

    Pearson's correlation and its resamples need six sums. Spearman's needs the ranks, so two floats a text are kept (16
    bytes). For its interval every resample is ranked again, in O(N) each; beyond 100,000 texts fewer resamples are
    ranked (never under 100), so that their weights fit in memory.

    A correlation is 0.0 where either side has fewer than two different values: nothing can go with what never changes.

    Args:
        seed: Seed of the bootstrap.
    """

    main_metric = "pearson"

    def __init__(self, *, seed: int = 0) -> None:
        self.bootstrap = Bootstrap(8, seed=seed)  # 1, x, y, xx, yy, xy, squared and absolute error
        self._seed = seed
        self._gold = array("d")
        self._predicted = array("d")

    def add(self, gold: float, predicted: float) -> None:
        """Takes in one text."""
        self._gold.append(gold)
        self._predicted.append(predicted)
        # Differences from the first text: correlations stay as they are, sums of values far from 0 keep their digits.
        sums = _sums(np.array([gold - self._gold[0]]), np.array([predicted - self._predicted[0]]))
        self.bootstrap.add([*sums[0], (predicted - gold) ** 2, abs(predicted - gold)])

    def scores(self) -> dict[str, Any]:
        """`pearson`, `spearman`, `mse` and `mae` (means over texts) with the `interval` of each; `examples`."""
        gold_N, predicted_N = np.array(self._gold), np.array(self._predicted)
        error_N = predicted_N - gold_N
        texts = max(len(error_N), 1)
        return {
            **_correlations(gold_N, predicted_N),
            "mse": float((error_N**2).sum() / texts),
            "mae": float(np.abs(error_N).sum() / texts),
            "interval": {
                "pearson": self.bootstrap.interval(_pearson).bounds,
                "spearman": self._spearman_bounds(gold_N, predicted_N),
                "mse": self.bootstrap.interval(lambda sums: share_of_counts(sums[..., [6, 0]])).bounds,
                "mae": self.bootstrap.interval(lambda sums: share_of_counts(sums[..., [7, 0]])).bounds,
            },
            "examples": len(error_N),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The sums behind Pearson's correlation."""
        return self.bootstrap, _pearson

    def _spearman_bounds(self, gold_N: FloatArray, predicted_N: FloatArray) -> list[float]:
        texts = len(gold_N)
        resamples = min(RESAMPLES, max(100, _WEIGHTS // max(texts, 1)))
        weights = Weights(seed=self._seed)
        weights_BN = np.empty((resamples, texts), dtype=np.uint8)
        for start in range(0, texts, CHUNK):
            chunk = weights_BN[:, start : start + CHUNK]
            chunk[:] = weights.draw(chunk.shape[1])[:, :resamples].T
        sides = [np.unique(values, return_inverse=True)[1] for values in (gold_N, predicted_N)]
        sums_B6 = np.zeros((resamples, 6))
        for place, weights_N in enumerate(weights_BN):
            ranks = [_centred_ranks(places_N, weights_N) for places_N in sides]
            sums_B6[place] = weights_N @ _sums(*ranks)
        low, high = np.quantile(pearson_of_sums(sums_B6), [0.025, 0.975])
        return [float(low), float(high)]


def _pearson(sums: FloatArray) -> FloatArray:
    return pearson_of_sums(sums[..., :6])


def pearson_of_sums(sums: FloatArray) -> FloatArray:
    """Pearson's correlation of (1, x, y, xx, yy, xy), each summed over texts, in the last axis; 0 of what is constant.

    A variance below 1e-12 of the mean square is rounding and counts as none.
    """
    count, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    spread_x, spread_y = count * xx - x * x, count * yy - y * y
    varied = (spread_x > 1e-12 * count * xx) & (spread_y > 1e-12 * count * yy)
    root = np.sqrt(np.where(varied, spread_x, 1.0)) * np.sqrt(np.where(varied, spread_y, 1.0))
    result: FloatArray = np.clip(np.where(varied, (count * xy - x * y) / root, 0.0), -1.0, 1.0)
    return result


def _sums(x_N: FloatArray, y_N: FloatArray) -> FloatArray:
    return np.stack([np.ones_like(x_N), x_N, y_N, x_N * x_N, y_N * y_N, x_N * y_N], axis=1)


def _centred_ranks(places_N: IntArray, weights_N: npt.NDArray[np.uint8]) -> FloatArray:
    """Rank of each text in a resample that holds it `weight` times, ties at their mean rank, minus the mean rank."""
    held = np.bincount(places_N, weights=weights_N)
    ranks: FloatArray = np.cumsum(held) - (held + held.sum()) / 2
    return ranks[places_N]


def _correlations(gold_N: FloatArray, predicted_N: FloatArray) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr

    if len(np.unique(gold_N)) < 2 or len(np.unique(predicted_N)) < 2:
        return {"pearson": 0.0, "spearman": 0.0}
    return {
        "pearson": float(pearsonr(gold_N, predicted_N).statistic),
        "spearman": float(spearmanr(gold_N, predicted_N).statistic),
    }
