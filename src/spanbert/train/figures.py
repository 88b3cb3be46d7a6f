"""Figures of training steps on their way from the device to the log.

A device works through a queue; reading a number from it waits until the queue is empty. Losses and norms therefore
stay on the device until they are read, those of several steps in one transfer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from spanbert.core.errors import SpanbertError


class NotFiniteError(SpanbertError):
    """A loss, a norm or a score that is infinite or not a number: mostly of too high a rate."""


def require_finite(directory: Path, step: int, **figures: float) -> None:
    """Ends the run before non-finite values are saved.

    Args:
        directory: The run's.
        step: The step that they belong to.
        figures: By name.

    Raises:
        NotFiniteError: One is not finite.
    """
    for name, value in figures.items():
        if not math.isfinite(value):
            raise not_finite(directory, step, f"{name.replace('_', ' ')} is {value}")


def not_finite(directory: Path, step: int, what: str) -> NotFiniteError:
    """The error that ends a run whose weights have grown too large.

    Args:
        directory: The run's.
        step: When it was seen.
        what: What was seen.
    """
    return NotFiniteError(
        f"step {step}: {what}. Start again with a lower optim.lr and another --out; {directory} keeps the state that "
        "was saved last"
    )


@dataclass(kw_only=True, eq=False)
class _Step:
    """A step whose line is not written yet.

    Attributes:
        number: Which.
        losses: Mean loss of each objective, on the device.
        gradient_norm: On the device.
        skipped: How many steps up to this one were left out in a row, on the device; 0: it was not.
        lr: Its learning rate.
        read: What the line says of all these; None: not read yet.
        done: What else it says; None: the step is not done yet.
    """

    number: int
    losses: Mapping[str, Tensor]
    gradient_norm: Tensor
    skipped: Tensor
    lr: float
    read: dict[str, float] | None = None
    done: dict[str, float] | None = None


class StepFigures:
    """Reads the figures of steps when enough of them wait, and notes each step, in order, that is read and done.

    Args:
        objectives: Weight of each objective in the loss.
        most: How many steps may wait.
        note: Takes a step's number and its figures.
        directory: The run's.
        most_skipped: How many steps may be left out in a row.
        say: Is told of steps that were left out.
    """

    def __init__(
        self,
        objectives: Mapping[str, float],
        *,
        most: int,
        note: Callable[[int, dict[str, float]], None],
        directory: Path,
        most_skipped: int,
        say: Callable[[str], None],
    ) -> None:
        self._objectives, self._most, self._note, self._directory = objectives, most, note, directory
        self._most_skipped, self._say = most_skipped, say
        self._steps: list[_Step] = []

    def measured(
        self, number: int, losses: Mapping[str, Tensor], *, gradient_norm: Tensor, skipped: Tensor, lr: float
    ) -> None:
        """Takes in what is known of a step before the optimiser moves the weights.

        Raises:
            SpanbertError: See `read`.
        """
        self._steps.append(_Step(number=number, losses=losses, gradient_norm=gradient_norm, skipped=skipped, lr=lr))
        if len(self._steps) >= self._most:
            self.read()

    def done(self, **figures: float) -> None:
        """Takes in what is known of the same step when it is done."""
        self._steps[-1].done = figures
        self._write()

    def read(self) -> None:
        """Reads all that waits, in one transfer.

        Raises:
            NotFiniteError: Too many steps in a row were left out; the steps before it are noted.
        """
        waiting = [step for step in self._steps if step.read is None]
        if not waiting:
            return
        kept = [one for step in waiting for one in (*step.losses.values(), step.gradient_norm, step.skipped)]
        tensors = [one.float() if one.device.type == "mps" else one.double() for one in kept]
        values = iter(torch.stack(tensors).tolist())
        for step in waiting:
            means = {name: next(values) for name in step.losses}
            loss = sum(self._objectives[name] * value for name, value in means.items())
            norm, skipped = next(values), int(next(values))
            losses = {f"{name}_loss": value for name, value in means.items()}
            found = {"loss": loss, **losses, "lr": step.lr, "gradient_norm": norm}
            if skipped:
                self._tell_skipped(step.number, skipped, loss, norm)
                found = {name: value for name, value in found.items() if math.isfinite(value)} | {"skipped": 1.0}
            step.read = found
            self._write()

    def _tell_skipped(self, number: int, in_a_row: int, loss: float, norm: float) -> None:
        what = f"the gradient's norm is {norm:.4g}, the loss {loss:.4g}"
        if in_a_row >= min(self._most_skipped, number):  # of a run that begins so the first is one too many
            before = f", and {in_a_row} steps in a row were left out" if in_a_row > 1 else ""
            raise not_finite(self._directory, number, f"{what}{before}")
        self._say(f"step {number}: {what}: left out")

    def _write(self) -> None:
        while self._steps and (first := self._steps[0]).read is not None and first.done is not None:
            self._note(first.number, {**first.read, **first.done})
            del self._steps[0]
