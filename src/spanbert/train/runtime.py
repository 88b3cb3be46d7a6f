"""What a run computes on, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Self

import torch

from spanbert.core.ranks import rank_on_machine, world_size
from spanbert.encoder.config import Precision
from spanbert.encoder.hardware import described_device, prepare_process, resolved_device, resolved_precision
from spanbert.train.config import TrainConfig
from spanbert.train.ranks import Ranks, joined_ranks

_STEPS_AHEAD = 16


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Created once at the start of a run and passed to everything that needs it; nothing else chooses a device.

    Attributes:
        device: Where the model is, and what it is fed.
        precision: Of the matrix products of a forward pass; weights and sums are float32.
        threads: CPU threads; None: torch's choice.
        ranks: This process among those that train together.
        seed: Seed of everything random.
    """

    device: torch.device
    precision: Precision
    threads: int | None
    ranks: Ranks
    seed: int

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """That of the settings on this machine.

        Raises:
            InputError: A device that there is not.
        """
        several = rank_on_machine() if world_size() > 1 else None
        device = resolved_device(config.device, "train.device", rank=several)
        return cls(
            device=device,
            precision=resolved_precision(config.precision, device),
            threads=config.threads,
            ranks=joined_ranks(device),
            seed=config.seed,
        )

    @property
    def steps_between_reads(self) -> int:
        """After how many steps the loop reads losses from the device; a CPU computes synchronously anyway."""
        return 1 if self.device.type == "cpu" else _STEPS_AHEAD

    def prepare_process(self) -> None:
        """Sets what holds for the whole process: see `encoder.hardware.prepare_process`, and the threads."""
        prepare_process(self.device)
        if self.threads is not None:
            torch.set_num_threads(self.threads)

    @property
    def sum_dtype(self) -> torch.dtype:
        """The widest type of numbers that the device adds; Apple's graphics processors have no float64."""
        return torch.float32 if self.device.type == "mps" else torch.float64

    @property
    def line(self) -> str:
        """What the first line of a run says of it."""
        return f"computing on {described_device(self.device)}, {self.precision}"

    def autocast(self) -> AbstractContextManager[object]:
        """Where the products of a forward pass are taken in the run's precision."""
        if self.precision == "bfloat16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()
