"""Progress without remarks: the quick start says itself what matters of its parts."""

from __future__ import annotations

from collections.abc import Mapping

from spanbert.core.reporter import Reporter


class Bars:
    """Passes bars on, and drops lines.

    Args:
        reporter: Shows the bars.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def say(self, message: str) -> None:
        """Drops the line."""

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Moves the bar."""
        self._reporter.update(stage, fraction, figures)

    def finish(self, stage: str) -> None:
        """The stage is over."""
        self._reporter.finish(stage)
