"""What a run writes while it is running: `metrics.jsonl`, `evaluations.jsonl` and TensorBoard events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch.utils.tensorboard import SummaryWriter

from spanbert.core.files import write_atomically


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
        self._board = SummaryWriter(str(directory / "tensorboard"), purge_step=after_step + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.close()
        self._evaluations.close()
        self._board.close()

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


def read_log(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log; a last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def _reopen(path: Path, after_step: int) -> Any:
    kept = [line for line in read_log(path) if line["step"] <= after_step]
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
    return path.open("a", encoding="utf-8")
