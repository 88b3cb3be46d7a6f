"""How long-running work reports its progress, whether a terminal, a log or nothing shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Reporter(Protocol):
    """What the command line, a notebook or a test passes in to follow long work."""

    def say(self, message: str) -> None:
        """Prints one finished line."""

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Moves the bar of `stage` to `fraction` (0..1) and shows `figures` next to it; called often."""

    def finish(self, stage: str) -> None:
        """The stage is over."""


class SilentReporter:
    """Says nothing."""

    def say(self, message: str) -> None:
        """Drops the line."""

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Drops the figures."""

    def finish(self, stage: str) -> None:
        """Nothing to close."""
