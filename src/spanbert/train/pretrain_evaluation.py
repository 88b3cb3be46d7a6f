"""Scoring a task on held-out packs: the same documents, the same masks, each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spanbert.batches.plan import Pack, PackingPlan
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.train.model import TaskModel


def evaluate(task: PretrainTask, model: TaskModel, plan: PackingPlan, *, most_tokens: int) -> dict[str, Any]:
    """Runs the model over packs of a plan's epoch 0 and scores it; memory does not grow with the packs.

    Args:
        task: What to score.
        model: Put into eval mode for the time.
        plan: Packs of held-out documents.
        most_tokens: Stops after so many tokens.

    Returns:
        The task's figures.
    """
    was_training = model.training
    model.eval()
    try:
        return task.score(
            task.decode(model.encoder, model.head, task.collate([pack])) for pack in limited(plan, most_tokens)
        )
    finally:
        model.train(was_training)


def limited(plan: PackingPlan, most_tokens: int) -> Iterator[Pack]:
    """The first packs of a plan's epoch 0, up to so many tokens."""
    used = 0
    for pack in plan.epoch_packs(0):
        if used >= most_tokens:
            return
        used += pack.tokens
        yield pack
