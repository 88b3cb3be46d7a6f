"""What `spanbert predict` says of how far it is where a bar cannot: of a pipe, and on the screen that answers go to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from spanbert.core.reporter import Reporter

ResultT = TypeVar("ResultT")


class PipeProgress:
    """Says from time to time how many texts and characters of a pipe are done; nobody knows how many will come.

    Args:
        say: Receives the lines.
        every: Seconds between two of them.
    """

    def __init__(self, say: Callable[[str], None], every: float = 10.0) -> None:
        self._say, self._every, self._said = say, every, time.monotonic()
        self._low = self._high = self._read = self._texts = 0

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines, counted as they are read."""
        for line in lines:
            self._read += len(line) + 1
            yield line

    def results(self, results: Iterable[ResultT]) -> Iterator[ResultT]:
        """The results, counted as they come."""
        for result in results:
            self._texts += 1
            yield result

    def __call__(self, share: float) -> None:
        """Takes in the share of the chunk of texts that is done, 0 when it begins."""
        if not share:
            self._low, self._high = self._high, self._read
        now = time.monotonic()
        if now - self._said >= self._every:
            self._said = now
            characters = round(self._low + share * (self._high - self._low))
            self._say(f"predict: {self._texts:,} texts and {characters:,} characters done")


class UntilWritten:
    """A reporter that falls silent when the first answer is written to the screen that it reports on.

    Args:
        reporter: The reporter.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter, self._is_written = reporter, False

    def written(self) -> None:
        """Something was written."""
        self._is_written = True

    def say(self, message: str) -> None:
        """Prints one finished line."""
        self._reporter.say(message)

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Shows how far a stage is until something is written."""
        if not self._is_written:
            self._reporter.update(stage, fraction, figures)

    def finish(self, stage: str) -> None:
        """The stage is over."""
        self._reporter.finish(stage)
