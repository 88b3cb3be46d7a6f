"""The values of a figure over a run of any length, in bounded memory, and as a line of bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

_MOST = 2048  # more than a terminal has columns
_FAR = 1e300  # sums and differences of such are numbers too
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


class Series:
    """Means of equal stretches of the values so far; where there would be too many, neighbours become one.

    Attributes:
        last: The last value; None: there is none yet.
    """

    def __init__(self) -> None:
        self.last: float | None = None
        self._means: list[float] = []
        self._stretch = 1
        self._open: list[float] = []

    def add(self, value: float) -> None:
        """Takes in a value; one that is not finite is no point of the curve."""
        self.last = value
        if not math.isfinite(value):
            return
        self._open.append(max(-_FAR, min(value, _FAR)))
        if len(self._open) < self._stretch:
            return
        self._means.append(fmean(self._open))
        self._open = []
        if len(self._means) == _MOST:
            self._means = [fmean(self._means[first : first + 2]) for first in range(0, _MOST, 2)]
            self._stretch *= 2

    def points(self, most: int) -> list[float]:
        """At most so many points, the means of stretches of about equal length."""
        means = [*self._means, fmean(self._open)] if self._open else self._means
        count = min(most, len(means))
        cuts = [round(number * len(means) / count) for number in range(count + 1)] if count else []
        return [fmean(means[first:last]) for first, last in pairwise(cuts)]


def sparkline(values: Sequence[float], *, plain: bool) -> str:
    """A bar for each value, from the least to the greatest of them; level values lie in the middle.

    Args:
        values: Finite.
        plain: With characters of ASCII.
    """
    bars = _PLAIN_BARS if plain else _BARS
    if not values:
        return ""
    low, high = min(values), max(values)
    if not high > low:
        return bars[len(bars) // 2 - 1] * len(values)
    return "".join(bars[min(int((value - low) / (high - low) * len(bars)), len(bars) - 1)] for value in values)
