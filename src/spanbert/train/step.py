"""The gradients of one optimiser step: what the loop and its benchmark share."""

from __future__ import annotations

from typing import Any

import torch

from spanbert.batches.loader import Step
from spanbert.core.seeding import keyed_seed
from spanbert.tasks.protocol import Encoded, Task
from spanbert.train.config import Precision
from spanbert.train.model import TaskModel
from spanbert.train.runtime import matrix_precision


def backward(
    task: Task[Any, Any],
    model: TaskModel,
    step: Step[Encoded[Any]],
    *,
    number: int,
    seed: int,
    precision: Precision,
) -> dict[str, float]:
    """Adds the gradients of the weighted mean losses over all micro-batches of a step.

    Each objective is a sum over its units divided by their number in the whole step, so that accumulation changes
    rounding alone. Dropout is keyed by seed, step and micro-batch.

    Args:
        task: Gives losses and weights.
        model: In training mode.
        step: Its micro-batches.
        number: Steps done before.
        seed: The run's seed.
        precision: Of the matrix products.

    Returns:
        The mean loss of each objective that the step has units of.
    """
    totals = {name: sum(micro.counts.get(name, 0) for micro in step.micro_batches) for name in task.objectives}
    sums = {name: 0.0 for name, total in totals.items() if total}
    for micro in step.micro_batches:
        torch.manual_seed(keyed_seed(seed, "dropout", number, *micro.key))
        with matrix_precision(precision, model.encoder.device):
            with torch.set_grad_enabled(not model.freeze_encoder):
                hidden_RD = model.encoder(micro.inputs, rows=micro.rows)
            losses = task.loss(model.encoder, model.head, hidden_RD, micro.targets)
        parts = [task.objectives[name] * losses[name] / totals[name] for name in sums if name in losses]
        if parts:
            torch.autograd.backward(torch.stack(parts).sum())
        for name in sums.keys() & losses.keys():
            sums[name] += losses[name].item()
    return {name: value / totals[name] for name, value in sums.items()}
