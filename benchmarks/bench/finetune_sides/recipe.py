"""What both sides of the fine-tuning benchmark train with, and what a training hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RATE = 5e-5
BATCH = 16
WARM_UP = 0.1
WEIGHT_DECAY = 0.01
HIDDEN_DROPOUT = 0.1


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A training that is over; its weights lie on disk.

    Attributes:
        seconds: Wall time of tokenising, batching and all steps.
        steps: Optimiser steps.
        answers: Of the held-out examples, as `scores.score` takes them; none where it was not to answer.
    """

    seconds: float
    steps: int
    answers: list[Any]
