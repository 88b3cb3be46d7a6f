"""The gradients of one optimiser step: what the loop and its benchmark share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spanbert.batches.loader import Step
from spanbert.core.seeding import keyed_seed
from spanbert.tasks.protocol import MicroBatch
from spanbert.train.parallel import OneProcess
from spanbert.train.runtime import Runtime


def backward(model: OneProcess, step: Step[MicroBatch[Any]], *, number: int, runtime: Runtime) -> dict[str, Tensor]:
    """Adds the gradients of the weighted mean losses over all micro-batches of a step, those of other ranks too.

    Each objective is a sum over its units divided by their number in the whole step, so that accumulation and ranks
    change only rounding. Dropout is keyed by seed, step and micro-batch. Nothing here waits for the device.

    Args:
        model: In training mode, on the runtime's device.
        step: Its micro-batches.
        number: Steps done before.
        runtime: Precision, ranks and seed.

    Returns:
        The mean loss of each objective that the step has units of: float64 scalars (see `Runtime.sum_dtype`) on the
        device, without a graph.
    """
    objectives = model.model.task.objectives
    own = [float(sum(micro.counts.get(name, 0) for micro in step.micro_batches)) for name in objectives]
    totals = {name: total for name, total in zip(objectives, runtime.ranks.sums(own), strict=True) if total}
    sums = {name: torch.zeros((), dtype=runtime.sum_dtype, device=runtime.device) for name in totals}
    if runtime.ranks.size > 1 and not totals:
        return {}
    micro_batches = step.micro_batches if step.stand_in is None else [step.stand_in]
    for place, micro in enumerate(micro_batches, start=1):
        torch.manual_seed(keyed_seed(runtime.seed, "dropout", number, *micro.key))
        with model.gradients(last=place == len(micro_batches)):
            with runtime.autocast():
                losses = model.losses(micro)
            if step.stand_in is not None:
                losses = {name: loss * 0 for name, loss in losses.items()}
            parts = [objectives[name] * losses[name] / totals[name] for name in totals if name in losses]
            if runtime.ranks.size > 1:  # which average gradients, and need some of every parameter
                parts = [runtime.ranks.size * part for part in parts]
                parts += [loss * 0 for name, loss in losses.items() if name not in totals]
            if parts:
                torch.autograd.backward(torch.stack(parts).sum())
        for name in sums.keys() & losses.keys():
            sums[name] += losses[name].detach()
    if runtime.ranks.size > 1:
        every = runtime.ranks.sum_on_device(torch.stack(list(sums.values())))
        sums = dict(zip(sums, every.unbind(), strict=True))
    return {name: value / totals[name] for name, value in sums.items()}
