"""How well a run uses its machine: operations against what it could do, waiting for data, memory.

Model-FLOP utilisation (Chowdhery et al. 2022, appendix B): the operations that a step's tokens cost by the dimensions
of the model, whatever was computed for them, against the peak of the device in the run's precision.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import torch

from spanbert.batches.loader import Step
from spanbert.core.memory import resident_bytes
from spanbert.encoder.cards import peak_flops
from spanbert.encoder.config import Precision
from spanbert.encoder.costs import FORWARD_AND_BACKWARD, encoder_flops
from spanbert.tasks.protocol import MicroBatch
from spanbert.train.model import TaskModel

_SETTLED = 10.0  # seconds of a run before the device is measured: what is over sooner is not worth it
_ROWS, _WIDTH, _TIMES = 2048, 1024, 3


class Telemetry:
    """Figures of a rank's own steps.

    Args:
        model: What is trained.
        device: On what.
        precision: Of its products.
    """

    def __init__(self, model: TaskModel, device: torch.device, precision: Precision) -> None:
        self._model, self._device, self._precision = model, device, precision
        self._begun = time.monotonic()

    def figures(self, step: Step[MicroBatch[Any]], seconds: float, waited: float) -> dict[str, float]:
        """Of a step: the share of its time that it waited for data, memory, and utilisation where the peak is known.

        Args:
            step: Its micro-batches.
            seconds: What it took in all.
            waited: Of these, for the loader.
        """
        found = {"data_wait_share": waited / max(seconds, 1e-9)}
        memory = self._memory()
        if memory is not None:
            found["memory_bytes"] = float(memory)
        if time.monotonic() - self._begun > _SETTLED:
            found["mfu"] = self._operations(step) / max(seconds, 1e-9) / peak(self._device, self._precision)
        return found

    def _memory(self) -> int | None:
        """Most that the device held, or what the process holds now."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return resident_bytes()

    def _operations(self, step: Step[MicroBatch[Any]]) -> float:
        config, task = self._model.encoder.config, self._model.task
        times = 1 if self._model.freeze_encoder else FORWARD_AND_BACKWARD
        total = 0.0
        for micro in step.micro_batches:
            lengths = (micro.inputs.cu_seqlens[1:] - micro.inputs.cu_seqlens[:-1]).tolist()
            total += times * encoder_flops(config, lengths)
            total += FORWARD_AND_BACKWARD * task.head_flops(config, micro.counts)
        return total


@functools.cache
def peak(device: torch.device, precision: Precision) -> float:
    """Operations a second that a device can do: as its maker states, else those of one large product, measured once."""
    if device.type == "cuda":
        stated = peak_flops(torch.cuda.get_device_name(device), precision)
        if stated is not None:
            return stated
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = (torch.randn(_ROWS, _WIDTH, device=device).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(_TIMES):
        begun = time.perf_counter()
        product = left @ right.T
        if device.type != "cpu":
            product.sum().item()
        best = min(best, time.perf_counter() - begun)
    return 2 * _ROWS * _ROWS * _WIDTH / best
