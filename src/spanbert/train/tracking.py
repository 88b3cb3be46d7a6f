"""What a run writes while it is running: `metrics.jsonl`, `evaluations.jsonl` and TensorBoard events."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch.utils.tensorboard import SummaryWriter

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json, write_atomically
from spanbert.core.schema import Schema, checked
from spanbert.train.run_schemas import LogLine, MetricsLine


class Tracker:
    """Appends a line a step to `metrics.jsonl`, a line an evaluation to `evaluations.jsonl`, and both to TensorBoard.

    Args:
        directory: The run's directory.
        after_step: Lines of later steps are dropped first (a killed run got further than its last saved state).
    """

    def __init__(self, directory: Path, *, after_step: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._metrics = _reopen(directory / "metrics.jsonl", after_step)
        self._evaluations = _reopen(directory / "evaluations.jsonl", after_step)
        self._told, threading.excepthook = threading.excepthook, self._tell  # where the next line fails, it stays
        self._board = SummaryWriter(str(directory / "tensorboard"), purge_step=after_step + 1)

    def __enter__(self) -> Self:
        return self

    def _tell(self, arguments: threading.ExceptHookArgs) -> None:
        """Leaves out the traceback of TensorBoard's thread on a full disk: the next event raises the error here."""
        of_board = type(arguments.thread).__module__.startswith("tensorboard.")
        if not (of_board and isinstance(arguments.exc_value, OSError)):
            self._told(arguments)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.close()
        self._evaluations.close()
        self._board.close()
        threading.excepthook = self._told

    def sync(self) -> None:
        """Forces what was noted to the disk: a state that is saved then has the log of all steps before it."""
        for log in (self._metrics, self._evaluations):
            os.fsync(log.fileno())

    def step(self, step: int, figures: Mapping[str, float]) -> None:
        """Notes one optimiser step."""
        self._metrics.write(json.dumps({"step": step, **figures}) + "\n")
        self._metrics.flush()
        for name, value in figures.items():
            self._board.add_scalar(f"train/{name}", value, step)

    def evaluation(self, step: int, scores: Mapping[str, Any]) -> None:
        """Notes the held-out figures at a step."""
        self._evaluations.write(json.dumps({"step": step, **scores}) + "\n")
        self._evaluations.flush()
        for name, value in scores.items():
            figures = value.items() if isinstance(value, Mapping) else [("", value)]  # of one of several tasks
            for figure, number in figures:
                if isinstance(number, float):
                    self._board.add_scalar(f"held_out/{name}/{figure}".rstrip("/"), number, step)
        self._board.flush()


def read_log(path: Path, schema: type[Schema] = LogLine) -> list[dict[str, Any]]:
    """The whole lines of a log; a last line that a kill cut short is left out.

    Args:
        path: The log; one that is not there has no lines.
        schema: What each line must hold.

    Raises:
        InputError: A line that is not JSON, or holds something else; names it.
    """
    if not path.is_file():
        return []
    try:
        lines = path.read_bytes().decode().split("\n")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(path), got=f"byte {error.start}") from None
    return [_read_line(line, f"{path}:{number}", schema) for number, line in enumerate(lines[:-1], start=1)]


def _read_line(line: str, where: str, schema: type[Schema]) -> dict[str, Any]:
    facts: dict[str, Any] = parse_json(line, where)
    checked(schema, facts, where)
    return facts


def _reopen(path: Path, after_step: int) -> Any:
    kept = [
        line
        for line in read_log(path, MetricsLine if path.name == "metrics.jsonl" else LogLine)
        if line["step"] <= after_step
    ]
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
    return path.open("a", encoding="utf-8")
