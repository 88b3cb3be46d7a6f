"""A run of training as its files show it: how far it is, how it goes, whether it still goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spanbert.apps.watch.log_tail import LogTail
from spanbert.apps.watch.series import Series
from spanbert.checkpoint.manifest import Manifest
from spanbert.core.errors import InputError
from spanbert.core.files import is_being_written
from spanbert.core.schema import read_checked
from spanbert.train.budget import Budget, Progress
from spanbert.train.config import Amount
from spanbert.train.run_schemas import LogLine, MetricsLine, RunFacts

RUN_FILE, SUFFIX = "run.json", ".run"
_PARTS = ("seeds", "tuning")  # folders of a run that is made of several
_SILENCE = 120.0  # seconds after which a run that holds no lock here is no longer taken for one of another machine
_PROGRESS = ("step", "tokens", "seconds")
_UNITS: Mapping[str, Literal["steps", "tokens", "epochs", "seconds"]] = {
    "max_steps": "steps",
    "max_tokens": "tokens",
    "max_epochs": "epochs",
    "max_minutes": "seconds",
}
_WAITING = "not begun yet: no step so far"
State = Literal["waiting", "running", "silent", "stopped", "finished"]


@dataclass(frozen=True, kw_only=True)
class Status:
    """Whether a run goes on.

    Attributes:
        state: `waiting` for its first step; `running`; `silent`, with a lock that nobody on this machine holds and no
            sign of life; `stopped` before its end; `finished`.
        words: The same for people.
    """

    state: State
    words: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("silent", "stopped", "finished")


class WatchedRun:
    """One run, its logs read as far as they go.

    Args:
        directory: With its run.json.

    Attributes:
        facts: What run.json says.
        progress: Of its last step.
        figures: Of metrics.jsonl, by name, in the order in which they stand there.
        scores: Of evaluations.jsonl, by task (empty for pre-training) and name.
        scored_at: Step of the last evaluation; None: there was none.

    Raises:
        InputError: run.json or a line of a log is not what it should be.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.facts = read_checked(RunFacts, directory / RUN_FILE)
        self._begin()
        self.update()

    def _begin(self) -> None:
        self._metrics = LogTail(self.directory / "metrics.jsonl", MetricsLine)
        self._evaluations = LogTail(self.directory / "evaluations.jsonl", LogLine)
        self.progress = Progress()
        self.figures: dict[str, Series] = {}
        self.scores: dict[tuple[str, str], Series] = {}
        self.scored_at: int | None = None
        self._highest_rate = 0.0

    def update(self) -> None:
        """Reads what has come since."""
        if self._metrics.was_replaced() or self._evaluations.was_replaced():
            if (self.directory / RUN_FILE).is_file():
                self.facts = read_checked(RunFacts, self.directory / RUN_FILE)
            self._begin()
        for line in self._metrics.new_lines():
            self._take_step(line)
        for line in self._evaluations.new_lines():
            self.scored_at = line["step"]
            for key, value in _scores_of(line, self.facts.get("tasks") or {}):
                self.scores.setdefault(key, Series()).add(value)

    def _take_step(self, line: Mapping[str, Any]) -> None:
        self.progress = Progress(
            step=line["step"], tokens=int(line.get("tokens", 0)), seconds=float(line.get("seconds", 0.0))
        )
        for name, value in line.items():
            if name not in _PROGRESS:
                self.figures.setdefault(name, Series()).add(value)
        self._highest_rate = max(self._highest_rate, line.get("lr", 0.0))

    @property
    def bundle(self) -> Path:
        """The bundle that the run makes; earlier versions kept the run inside of it."""
        name = self.directory.name
        return self.directory.with_name(name.removesuffix(SUFFIX)) if name.endswith(SUFFIX) else self.directory

    @property
    def limits(self) -> tuple[Amount, ...]:
        """The budget, as run.json has it."""
        train = self.facts["settings"]["train"]
        amounts = {key: _amount(train.get(key)) for key in _UNITS}
        return tuple(
            Amount(unit=unit, value=value * (60 if key == "max_minutes" else 1))
            for key, unit in _UNITS.items()
            if (value := amounts[key]) is not None
        )

    @property
    def fraction(self) -> float | None:
        """The used share of the budget, 0..1; None: it cannot be told."""
        limits = self.limits
        if not limits or not self.progress.step:
            return None
        if any(limit.unit == "epochs" for limit in limits):
            return self._fraction_by_rate()
        return Budget(limits=limits).fraction(self.progress)

    def _fraction_by_rate(self) -> float | None:
        """The used share of a budget in epochs, whose steps no file says: what the schedule made the rate at it."""
        optim, rate = self.facts["settings"].get("optim", {}), self.figures.get("lr")
        if not isinstance(optim, Mapping) or rate is None or rate.last is None:
            return None
        peak, warmup = _amount(optim.get("lr")), optim.get("warmup")
        if optim.get("schedule") != "linear" or peak is None or not isinstance(warmup, float):
            return None
        factor = min(rate.last / peak, 1.0)
        rises = rate.last >= self._highest_rate
        return factor * warmup if rises else 1 - factor * (1 - warmup)

    def status(self) -> Status:
        """Whether it goes on, now."""
        written = is_being_written(self.directory)
        began = self.progress.step > 0
        if written:
            return Status(state="running", words="running") if began else Status(state="waiting", words=_WAITING)
        ended = None if written is None else self._ending()
        if ended is not None:
            return ended
        silence = time.time() - self._last_sign()
        if written is None and silence < _SILENCE:
            return Status(state="running", words="running, on another machine")
        if written is None:
            return Status(
                state="silent",
                words=f"no sign of life for {clock(silence)}: killed, or on another machine; --resume continues it",
            )
        return Status(state="stopped", words="stopped; --resume continues it" if began else "stopped before a step")

    def _ending(self) -> Status | None:
        """What the bundle says of the run's end; None: there is none of the last step."""
        path = self.bundle / "spanbert.json"
        if not path.is_file():
            return None
        training = read_checked(Manifest, path).get("training") or {}
        if training.get("step") != self.progress.step or not self.progress.step:
            return None
        by = training.get("stopped_by")
        if by in ("budget", None):
            return Status(state="finished", words="finished")
        if by == "patience":
            return Status(state="finished", words="finished: no better score for a while")
        if by == "pause":
            return Status(state="finished", words="paused")
        return Status(state="stopped", words=f"stopped by {by}; --resume continues it")

    def _last_sign(self) -> float:
        names = (RUN_FILE, "metrics.jsonl", "evaluations.jsonl")
        return max((self.directory / name).stat().st_mtime for name in names if (self.directory / name).exists())


class WatchedFolder:
    """What `spanbert watch` is given: a run, or one that is made of several, of which the newest is shown.

    Args:
        path: The folder of a run, or the bundle that it makes.

    Raises:
        InputError: No run is there, or its files are not what they should be.
    """

    def __init__(self, path: Path) -> None:
        self.directory = _folder_of_run(path)
        self.run = WatchedRun(self._newest())

    def update(self) -> None:
        """Reads what has come since; a folder that is being made anew (`--overwrite`) shows what it had."""
        if not any(_runs_in(self.directory)):
            return
        newest = self._newest()
        if newest == self.run.directory:
            self.run.update()
        else:
            self.run = WatchedRun(newest)

    @property
    def name(self) -> str:
        """What the run is called: the bundle's name, and which of several it is."""
        whole = self.directory.name.removesuffix(SUFFIX)
        if self.run.directory == self.directory:
            return whole
        part = self.run.directory.relative_to(self.directory)
        return f"{whole}, {part.parent.name} {part.name.removesuffix(SUFFIX)}"

    def status(self) -> Status:
        """Whether it goes on, now: also while the next of several is being prepared."""
        of_run = self.run.status()
        if of_run.is_over and self.run.directory != self.directory and is_being_written(self.directory):
            return Status(state="running", words=f"running; this part: {of_run.words}")
        return of_run

    def _newest(self) -> Path:
        def changed(directory: Path) -> float:
            metrics = directory / "metrics.jsonl"
            return (metrics if metrics.exists() else directory / RUN_FILE).stat().st_mtime

        return max(_runs_in(self.directory), key=changed)


def _folder_of_run(path: Path) -> Path:
    beside = path.absolute()
    for directory in (beside.with_name(f"{beside.name}{SUFFIX}"), path):
        if any(_runs_in(directory)):
            return directory
    if not path.exists():
        raise InputError(
            "no such run",
            where=str(path),
            expected="the --out of a training, or the folder OUT.run beside it",
            remedy="A training makes its folder when its data is read and checked",
        )
    raise InputError(
        "not the folder of a run",
        where=str(path),
        got=f"no {RUN_FILE} in it, and no {beside.name}{SUFFIX} beside it",
        expected="the --out of a training, or the folder OUT.run beside it",
    )


def _runs_in(directory: Path) -> Iterator[Path]:
    """The folder itself if it is that of a run, and those of the runs that it is made of."""
    if (directory / RUN_FILE).is_file():
        yield directory
    for part in _PARTS:
        yield from (found.parent for found in directory.glob(f"{part}/*/{RUN_FILE}"))


def _scores_of(line: Mapping[str, Any], tasks: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], float]]:
    """The scores of a line of evaluations.jsonl: (task, name) and value; the task is empty for pre-training."""
    for name, value in line.items():
        if isinstance(value, float) and name not in _PROGRESS:
            yield ("", name), value
        elif isinstance(value, Mapping) and name in tasks:
            yield from (((name, figure), number) for figure, number in value.items() if isinstance(number, float))


def clock(seconds: float) -> str:
    """A duration: `3:05`, `1:02:03`, `2 d 03:04:05`."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02d}:{minutes:02d}:{rest:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _amount(value: object) -> float | None:
    """A setting that is a number above 0; None: it is none."""
    return float(value) if isinstance(value, int | float) and value > 0 else None
