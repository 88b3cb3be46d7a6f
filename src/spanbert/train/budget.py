"""How far training is: the budget, the schedule that follows it, and what is due when."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from spanbert.core.errors import InputError
from spanbert.train.config import Amount, OptimConfig, TrainConfig


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What was used so far: optimiser steps, tokens, seconds (of all parts of a resumed run)."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much training there may be; the first limit that is reached ends it.

    Attributes:
        limits: Limits in steps, tokens or seconds.
        reserved: Seconds of a limit of time that are kept for what comes after the last step.
    """

    limits: tuple[Amount, ...]
    reserved: float = 0.0

    @classmethod
    def of(cls, config: TrainConfig) -> Budget:
        """The budget of the settings.

        Raises:
            InputError: None is set.
        """
        found = {"steps": config.max_steps, "tokens": config.max_tokens}
        limits = [Amount.model_validate({"unit": unit, "value": value}) for unit, value in found.items() if value]
        if config.max_minutes:
            limits.append(Amount(unit="seconds", value=config.max_minutes * 60))
        if not limits:
            raise InputError("no budget", remedy="Pass --budget 10m, 500steps or 20Mtok")
        return cls(limits=tuple(limits))

    @property
    def seconds(self) -> float | None:
        """The limit of time; None: the clock is no limit."""
        return min((limit.value for limit in self.limits if limit.unit == "seconds"), default=None)

    def reserving(self, seconds: float) -> Budget:
        """The same, with so many seconds for what comes after the last step."""
        return replace(self, reserved=seconds)

    def fraction(self, progress: Progress) -> float:
        """The used share of the budget, 0..1."""
        return self._share(progress.step, progress.tokens, progress.seconds)

    def fraction_inside_next(self, progress: Progress, tokens: int) -> float:
        """The used share in the middle of the next step, for the schedule; above 0, so that no step is wasted.

        Args:
            progress: What was used before the step.
            tokens: Tokens of the step.
        """
        seconds = progress.seconds * (1 + 0.5 / max(progress.step, 1))
        return max(1e-3, self._share(progress.step + 0.5, progress.tokens + 0.5 * tokens, seconds))

    def _share(self, steps: float, tokens: float, seconds: float) -> float:
        used = {"steps": steps, "tokens": tokens, "seconds": seconds}
        kept = {"steps": 0.0, "tokens": 0.0, "seconds": self.reserved}
        return min(1.0, max(used[limit.unit] / (limit.value - kept[limit.unit]) for limit in self.limits))


def is_due(every: Amount, before: Progress, after: Progress, budget: Budget) -> bool:
    """Whether a multiple of `every` lies after `before` and not after `after`."""

    def multiples(progress: Progress) -> int:
        counts = {"steps": progress.step, "tokens": progress.tokens, "seconds": progress.seconds}
        count = budget.fraction(progress) if every.unit == "share" else counts[every.unit]
        return math.floor(round(count / every.value, 9))

    return multiples(after) > multiples(before)


def schedule_factor(config: OptimConfig, fraction: float) -> float:
    """The share of the peak learning rate at a used share of the budget.

    Args:
        config: Schedule, warm-up and decay.
        fraction: 0..1.

    Returns:
        `linear`: up over the warm-up, then down to 0. `wsd` (warm-up, stable, decay): 1 until the last `decay`.
    """
    if fraction < config.warmup:
        return fraction / config.warmup
    if config.schedule == "linear":
        return (1 - fraction) / (1 - config.warmup)
    return min(1.0, (1 - fraction) / config.decay)
