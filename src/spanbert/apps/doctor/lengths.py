"""Lengths of texts as counts of each length: quantiles and a histogram in letters."""

from __future__ import annotations

from collections import Counter
from typing import Any

_BAR = 30
_BINS = 8
_QUANTILES = {"median": 0.5, "90%": 0.9, "99%": 0.99}


def summary(lengths: Counter[int]) -> dict[str, Any]:
    """Mean, quantiles, longest, and a histogram of at most eight bins as [from, to, count].

    Args:
        lengths: How many texts are of each length; not empty.
    """
    total = lengths.total()
    ordered = sorted(lengths)
    figures: dict[str, Any] = {"mean": sum(length * count for length, count in lengths.items()) / total}
    for name, share in _QUANTILES.items():
        passed = 0
        for length in ordered:
            passed += lengths[length]
            if passed >= share * total:
                figures[name] = length
                break
    width = _bin_width(ordered[-1] + 1)
    bins = Counter[int]()
    for length, count in lengths.items():
        bins[length // width] += count
    histogram = [[one * width, one * width + width - 1, bins[one]] for one in range(ordered[-1] // width + 1)]
    return {**figures, "longest": ordered[-1], "histogram": histogram}


def _bin_width(upper: int) -> int:
    """The smallest of 1, 2, 4, 8, ... for which eight bins reach."""
    width = 1
    while width * _BINS < upper:
        width *= 2
    return width


def histogram_lines(histogram: list[list[int]]) -> list[str]:
    """A line a bin, with a bar in proportion; bins that are not empty get at least one mark."""
    most = max(count for _, _, count in histogram)
    lines = []
    for low, high, count in histogram:
        bar = "#" * max(round(_BAR * count / most), int(count > 0))
        lines.append(f"{f'{low:,}-{high:,}':>15} {count:>9,} {bar}".rstrip())
    return lines
