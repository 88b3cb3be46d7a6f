"""A run as lines of text, for a terminal of any width."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from spanbert.apps.watch.series import Series, sparkline
from spanbert.apps.watch.watched_run import Status, WatchedFolder, WatchedRun, clock
from spanbert.core.errors import InputError, printable
from spanbert.tasks.registry import spec_of
from spanbert.train.config import Amount

_NAMES = {
    "lr": "learning rate",
    "gradient_norm": "gradient norm",
    "tokens_per_second": "tokens/s",
    "mfu": "MFU",
}
_SHARES = ("accuracy", "f1", "exact_match", "precision", "recall", "mfu", "share")  # ends of names of 0..1
_BYTES = ("bytes", "memory")
_NAME, _VALUE, _CURVE, _BAR = 20, 10, 60, 24  # cells at most
_MOST_SCORES = 6  # of a task


def frame(folder: WatchedFolder, *, width: int, plain: bool) -> list[str]:
    """What is shown of a run now.

    Args:
        folder: What is watched.
        width: Cells of a line at most.
        plain: In ASCII, as far as names are.
    """
    run = folder.run
    status = folder.status()
    lines = [f"{printable(folder.name)}: {status.words}", _about(run), *_progress(run, status, width, plain=plain)]
    if run.figures:
        lines += ["", *_rows(_figures(run), width, plain=plain)]
    if run.scores:
        lines += ["", f"held out, after step {run.scored_at:,}", *_rows(_scores(run), width, plain=plain)]
    elif run.figures:
        lines += ["", "nothing was held out, or scored so far"]
    more = "~" if plain else "\u2026"
    return [line if cell_len(line) <= width else set_cell_size(line, width - 1) + more for line in lines]


def _about(run: WatchedRun) -> str:
    """What is trained, and from what."""
    tasks = [f"{name} ({facts['kind']})" if name != facts["kind"] else name for name, facts in _tasks(run).items()]
    what = ", ".join(tasks) or "span pre-training"
    return printable(f"{what}, {_start(run.facts.get('model'))}")


def _start(model: str | None) -> str:
    """What training began with: a model without its place, or nothing."""
    if model is None or model.startswith("from scratch"):
        return model or "from scratch"
    path = Path(model)
    return f"from {path.parent.name if path.name == 'model' else path.name}"


def _tasks(run: WatchedRun) -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = run.facts.get("tasks") or {}
    return found


def _progress(run: WatchedRun, status: Status, width: int, *, plain: bool) -> Iterator[str]:
    """Budget, time, steps and tokens."""
    progress, fraction = run.progress, run.fraction
    budget = ", ".join(map(_budget, run.limits)) or "not told by run.json"
    if fraction is None:
        yield f"budget: {budget}"
    else:
        share = f"{fraction:4.0%} of {budget}"
        cells = max(min(_BAR, width - len(share) - 1), 4)
        full, empty = "#." if plain else "\u2588\u2591"
        yield f"{full * round(cells * fraction)}{empty * (cells - round(cells * fraction))} {share}"
    if progress.step:
        yield f"step {progress.step:,}, {progress.tokens:,} tokens"
        left = "" if status.is_over or not fraction else f", {clock(progress.seconds * (1 / fraction - 1))} left"
        speed = progress.tokens / progress.seconds if progress.seconds else 0.0
        yield f"{clock(progress.seconds)} used{left}; {speed:,.0f} tokens/s"


def _budget(limit: Amount) -> str:
    if limit.unit == "seconds":
        return clock(limit.value)
    return f"{limit.value:,.0f} {limit.unit}" if limit.value == int(limit.value) else f"{limit.value:g} {limit.unit}"


def _figures(run: WatchedRun) -> dict[str, Series]:
    return {name: series for name, series in run.figures.items() if not _repeats_loss(name, run)}


def _repeats_loss(name: str, run: WatchedRun) -> bool:
    """Whether a figure is the loss of the only objective, which `loss` says too."""
    losses = [one for one in run.figures if one.endswith("_loss")]
    return [name] == losses and "loss" in run.figures


def _scores(run: WatchedRun) -> dict[str, Series]:
    """The scores of each task, the one that matters first."""
    by_task: dict[str, dict[str, Series]] = {}
    for (task, name), series in run.scores.items():
        by_task.setdefault(task, {})[name] = series
    shown: dict[str, Series] = {}
    for task, scores in by_task.items():
        main = _main_score(run, task)
        names = sorted(scores, key=lambda name: name != main)[:_MOST_SCORES]
        prefix = f"{task} " if len(by_task) > 1 and task else ""
        shown |= {f"{prefix}{name}": scores[name] for name in names}
    return shown


def _main_score(run: WatchedRun, task: str) -> str | None:
    facts = _tasks(run).get(task)
    try:
        return None if facts is None else spec_of(facts["kind"]).main_metric
    except InputError:  # a kind of a newer version: its scores stand in their order
        return None


def _rows(figures: Mapping[str, Series], width: int, *, plain: bool) -> Iterator[str]:
    """A line for each figure: name, last value, curve."""
    names = {name: printable(_NAMES.get(name, name.replace("_", " "))) for name in figures}
    name_cells = min(max(map(cell_len, names.values())), _NAME, max(width - _VALUE - 10, 8))
    curve = min(width - name_cells - _VALUE - 2, _CURVE)
    for name, series in figures.items():
        points = series.points(curve) if curve > 0 else []
        bars = sparkline(points, plain=plain) if len(points) > 1 else ""
        shown = set_cell_size(names[name], name_cells)
        yield f"{shown} {number(name, series.last):>{_VALUE}} {bars}".rstrip()


def number(name: str, value: float | None) -> str:
    """A figure for people: shares as percents, bytes as gigabytes, what is not finite as a dash."""
    if value is None or not math.isfinite(value):
        return "-"
    if name.endswith(_SHARES) and 0 <= value <= 1:
        return f"{value:.1%}"
    if name.endswith(_BYTES):
        return f"{value / 1e9:.2f} GB"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{value:.4g}"
