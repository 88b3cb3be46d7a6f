"""What every scorer offers: units stream in, figures with intervals come out, and two systems can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from spanbert.scores.bootstrap import Bootstrap, Statistic


class Scorer(Protocol):
    """Collects counts of gold and predicted objects in bounded memory."""

    @property
    def main_metric(self) -> str:
        """The name of the figure by which models are chosen and compared; higher is better."""

    def scores(self) -> dict[str, Any]:
        """Figures as fractions, `interval` ({figure: [low, high]}) among them."""

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test (`scores.bootstrap.compare`)."""


_LARGE = 10


@runtime_checkable
class PairedTester(Protocol):
    """A scorer whose field has a paired test of its own."""

    def compared(self, other: Any) -> dict[str, Any]:
        """The test against another system that was scored on the same units, by the name of the score.

        Args:
            other: Its scorer, of the same type.
        """


def figure_lines(scores: Mapping[str, Any]) -> list[str]:
    """Scores for people: each figure that is a fraction or a number, with its interval where there is one.

    Args:
        scores: Of a `Scorer`.
    """
    lines = []
    width = max([22, *(len(name) for name, value in scores.items() if isinstance(value, float))])
    for name, value in scores.items():
        if isinstance(value, float):
            low, high = scores.get("interval", {}).get(name, (None, None))
            between = "" if low is None else f"   95% interval {shown_figure(low)} to {shown_figure(high)}"
            lines.append(f"{name.replace('_', ' '):<{width}} {shown_figure(value):>8}{between}")
    return lines


def shown_figure(value: float) -> str:
    """A figure for people: four decimals, or two of large ones."""
    return f"{value:.2f}" if abs(value) >= _LARGE else f"{value:.4f}"
