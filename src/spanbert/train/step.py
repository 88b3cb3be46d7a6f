"""The gradients of one optimiser step: what the loop and its benchmark share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spanbert.batches.loader import Step
from spanbert.core.seeding import keyed_seed
from spanbert.tasks.protocol import MicroBatch
from spanbert.train.model import TaskModel
from spanbert.train.runtime import Runtime


def backward(model: TaskModel, step: Step[MicroBatch[Any]], *, number: int, runtime: Runtime) -> dict[str, Tensor]:
    """Adds the gradients of the weighted mean losses over all micro-batches of a step.

    Each objective is a sum over its units divided by their number in the whole step, so that accumulation changes
    only rounding. Dropout is keyed by seed, step and micro-batch. Nothing here waits for the device.

    Args:
        model: In training mode, on the runtime's device.
        step: Its micro-batches.
        number: Steps done before.
        runtime: Precision and seed.

    Returns:
        The mean loss of each objective that the step has units of: float64 scalars (see `Runtime.sum_dtype`) on the
        device, without a graph.
    """
    objectives = model.task.objectives
    totals = {name: sum(micro.counts.get(name, 0) for micro in step.micro_batches) for name in objectives}
    sums = {
        name: torch.zeros((), dtype=runtime.sum_dtype, device=runtime.device) for name, total in totals.items() if total
    }
    for micro in step.micro_batches:
        torch.manual_seed(keyed_seed(runtime.seed, "dropout", number, *micro.key))
        with runtime.autocast():
            losses = model(micro)
        parts = [objectives[name] * losses[name] / totals[name] for name in sums if name in losses]
        if parts:
            torch.autograd.backward(torch.stack(parts).sum())
        for name in sums.keys() & losses.keys():
            sums[name] += losses[name].detach()
    return {name: value / totals[name] for name, value in sums.items()}
