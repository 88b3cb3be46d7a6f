"""How large micro-batches may be: found once, by trial, when a run begins on a GPU.

A step always reads the same packs. Into how many micro-batches they are divided changes only rounding, memory and time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from spanbert.batches.plan import Pack, PackingPlan, PlanPosition
from spanbert.core.errors import InputError
from spanbert.encoder.hardware import wait_for
from spanbert.train.model import TaskModel
from spanbert.train.runtime import Runtime

_SHARE = 0.8  # of the largest that fits, where a larger one does not: other packs have more targets
_ROUNDS = 2  # the second finds the gradients of the first


def fitting_accumulation(model: TaskModel, plan: PackingPlan, runtime: Runtime) -> int:
    """The fewest micro-batches a step, of each process, that fit into the memory of its device; on a CPU one a pack.

    Args:
        model: On the device; keeps its weights.
        plan: Gives the packs of the first step, on which it is tried.
        runtime: What computes.

    Raises:
        InputError: Not even one pack fits.
    """
    own = max(1, plan.packs // runtime.ranks.size)
    if runtime.device.type != "cuda":
        return own
    packs = next(plan.steps(PlanPosition()))
    model.train()
    return largest_that_fits(own, lambda size: _fits(model, packs[:size], runtime))


def largest_that_fits(packs: int, fits: Callable[[int], bool]) -> int:
    """Doubles the packs of a micro-batch until they do not fit; then four fifths of the last that did.

    Args:
        packs: Of a step.
        fits: Whether a micro-batch of so many packs fits into memory.

    Returns:
        Micro-batches of a step, a divisor of its packs.

    Raises:
        InputError: Not even one pack fits.
    """
    fitting = 0
    while fitting < packs:
        size = min(max(1, 2 * fitting), packs)
        if not fits(size):
            break
        fitting = size
    if not fitting:
        raise InputError(
            "not even one pack fits into the memory of the device",
            where="batch.pack_tokens",
            remedy="Set fewer tokens and more packs (--set batch.pack_tokens=1024 --set batch.packs=2), or "
            "--set train.gradient_checkpointing=true",
        )
    most = packs if fitting == packs else max(1, int(_SHARE * fitting))
    return next(parts for parts in range(1, packs + 1) if packs % parts == 0 and packs // parts <= most)


def _fits(model: TaskModel, packs: Sequence[Pack], runtime: Runtime) -> bool:
    """Whether forward and backward pass of a micro-batch, gradients and the optimiser's moments fit together."""
    moments: list[torch.Tensor] = []
    try:
        moments += [torch.empty_like(one) for one in model.parameters() if one.requires_grad for _ in range(2)]
        micro: Any = model.task.collate(packs)
        for _ in range(_ROUNDS):
            with runtime.autocast():
                losses = model(micro)
            torch.autograd.backward(torch.stack(list(losses.values())).sum())
            del losses
        wait_for(runtime.device)
    except torch.OutOfMemoryError:
        return False
    finally:
        model.zero_grad(set_to_none=True)
        moments.clear()
        if runtime.device.type == "cuda":
            torch.cuda.empty_cache()
    return True
