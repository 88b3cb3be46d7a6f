"""How progress is shown: a live bar on a terminal, a line that changes in notebooks, plain lines in logs."""

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
        self._show(f"{stage} {fraction:4.0%}  {text}  ETA {_clock(left)}")

    def _show(self, line: str) -> None:
        self.say(line)

    def finish(self, stage: str) -> None:
        """Forgets the stage."""
        self._begun.pop(stage, None)
        self._printed.pop(stage, None)


class NotebookReporter(PlainReporter):
    """The line of a stage, written anew in place; finished lines stay above it.

    Notebooks take a carriage return as terminals do, and keep what the line said last.

    Args:
        console: Where to print.
        every: Seconds between two states of the line.
    """

    def __init__(self, console: Console, every: float = 1.0) -> None:
        super().__init__(console, every)
        self._width = 0  # of the line that may still change

    def say(self, message: str) -> None:
        """Prints a finished line in place of that of the stage."""
        self._show(message)
        self._end_line()

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Writes the stage's figures if the line is old enough, and the last ones in any case."""
        if fraction >= 1:
            self._printed.pop(stage, None)
        super().update(stage, fraction, figures)

    def finish(self, stage: str) -> None:
        """Lets the line of the stage stand."""
        super().finish(stage)
        if self._width:
            self._end_line()

    def _show(self, line: str) -> None:
        shown = printable(line)
        self._write("\r" * bool(self._width) + shown.ljust(self._width))
        self._width = len(shown)

    def _end_line(self) -> None:
        self._write("\n")
        self._width = 0

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def shown_by_default() -> AbstractContextManager[Reporter]:
    """What shows the progress of a Python function that was given no reporter.

    A bar on a terminal, a line that changes in a notebook, nothing elsewhere.
    """
    console = Console(stderr=True)
    if console.is_jupyter:
        return NotebookReporter(Console(force_jupyter=False))  # rich shows each line as an output of its own, in HTML
    return LiveReporter(console) if console.is_terminal else nullcontext(SilentReporter())
