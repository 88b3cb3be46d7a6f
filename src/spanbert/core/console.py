"""How progress is shown: a live bar on a terminal, plain lines in logs and notebooks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from spanbert.core.errors import printable
from spanbert.core.reporter import Reporter, SilentReporter

_BESIDE = 48  # characters of bar, share, time left and blanks


class LiveReporter:
    """A bar a stage with its figures and the time left, redrawn in place.

    Args:
        console: Where to draw.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[figures]}"),
            console=console,
            speed_estimate_period=120,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, message: str) -> None:
        """Prints a line above the bars."""
        self._progress.console.print(printable(message), markup=False, highlight=False)

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Moves the stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=1.0, figures="")
        text = _fitting(figures, self._progress.console.width - len(stage) - _BESIDE)
        self._progress.update(self._tasks[stage], completed=fraction, figures=text)

    def finish(self, stage: str) -> None:
        """Leaves the finished bar on the screen."""
        if stage in self._tasks:
            self._progress.update(self._tasks.pop(stage), completed=1.0)


def _fitting(figures: Mapping[str, str], width: int) -> str:
    """The first figures that fit, each whole."""
    text = ""
    for name, value in figures.items():
        longer = f"{text}  {name} {value}".lstrip()
        if len(longer) > width:
            break
        text = longer
    return text


class PlainReporter:
    """A plain line every few seconds, for logs and pipes.

    Args:
        console: Where to print.
        every: Seconds between two lines of a stage.
    """

    def __init__(self, console: Console, every: float = 10.0) -> None:
        self._console, self._every = console, every
        self._begun: dict[str, tuple[float, float]] = {}
        self._printed: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def say(self, message: str) -> None:
        """Prints a line."""
        self._console.print(printable(message), markup=False, highlight=False, soft_wrap=True)

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Prints the stage's figures if the last line is old enough."""
        now = time.monotonic()
        begun, first = self._begun.setdefault(stage, (now, fraction))
        if now - self._printed.get(stage, begun) < self._every:
            return
        self._printed[stage] = now
        left = (now - begun) / (fraction - first) * (1 - fraction) if fraction > first else 0.0
        text = "  ".join(f"{name} {value}" for name, value in figures.items())
        self.say(f"{stage} {fraction:4.0%}  {text}  ETA {_clock(left)}")

    def finish(self, stage: str) -> None:
        """Forgets the stage."""
        self._begun.pop(stage, None)
        self._printed.pop(stage, None)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def shown_by_default() -> AbstractContextManager[Reporter]:
    """What shows the progress of a Python function that was given no reporter.

    A bar on a terminal, lines in a notebook, nothing elsewhere.
    """
    console = Console(stderr=True)
    if console.is_jupyter:
        return PlainReporter(Console(), every=5.0)
    return LiveReporter(console) if console.is_terminal else nullcontext(SilentReporter())
