"""Whether probabilities mean what they say: the expected calibration error and the reliability diagram.

Shapes: N predictions of one call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spanbert.core.types import FloatArray, IntArray


class Calibration:
    """Counts of predictions by confidence, in bins of equal width.

    A bin holds its upper bound and not its lower one, the first bin both. Memory is a few numbers a bin.

    Args:
        bins: Into how many bins the confidences from 0 to 1 fall.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 2.
    """

    def __init__(self, bins: int = 15) -> None:
        self.edges: FloatArray = np.linspace(0.0, 1.0, bins + 1)
        self.counts: IntArray = np.zeros(bins, dtype=np.int64)
        self._confidence: FloatArray = np.zeros(bins)
        self._right: FloatArray = np.zeros(bins)

    def add(self, confidences: npt.ArrayLike, right: npt.ArrayLike) -> None:
        """Takes in some predictions.

        Args:
            confidences: Their probabilities, (N,), each from 0 to 1.
            right: Whether they were right, (N,).

        Raises:
            ValueError: Not as many of one as of the other.
        """
        confidences_N, right_N = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
        if confidences_N.shape != right_N.shape:
            raise ValueError(f"{confidences_N.shape} confidences for {right_N.shape} predictions")
        bins = len(self.counts)
        bin_N = np.clip(np.searchsorted(self.edges, confidences_N) - 1, 0, bins - 1)
        self.counts += np.bincount(bin_N, minlength=bins)
        self._confidence += np.bincount(bin_N, weights=confidences_N, minlength=bins)
        self._right += np.bincount(bin_N, weights=right_N, minlength=bins)

    def ece(self) -> float:
        """Mean distance between confidence and accuracy of the bins, weighted by their counts; 0 of nothing."""
        distance = float(np.abs(self._right - self._confidence).sum())
        return distance / max(int(self.counts.sum()), 1)

    def diagram(self) -> list[dict[str, Any]]:
        """Bounds, count, mean confidence and accuracy of every bin that holds anything, lowest first."""
        return [
            {
                "low": float(self.edges[place]),
                "high": float(self.edges[place + 1]),
                "count": int(self.counts[place]),
                "confidence": float(self._confidence[place] / self.counts[place]),
                "accuracy": float(self._right[place] / self.counts[place]),
            }
            for place in np.flatnonzero(self.counts).tolist()
        ]
