"""Progress without remarks: the quick start says itself what matters of its parts."""

from __future__ import annotations

from collections.abc import Mapping

from spanbert.core.reporter import Reporter


class Bars:
    """Passes bars on, and drops lines.

    Args:
        reporter: Shows the bars.
        part: Whose they are, as there is a bar of training in each part.
    """

    def __init__(self, reporter: Reporter, part: str) -> None:
        self._reporter, self._part = reporter, part

    def say(self, message: str) -> None:
        """Drops the line."""

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Moves the bar."""
        self._reporter.update(f"{self._part}: {stage}", fraction, figures)

    def finish(self, stage: str) -> None:
        """The stage is over."""
        self._reporter.finish(f"{self._part}: {stage}")
