"""Scoring a task on held-out packs: the same documents, the same masks, each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spanbert.batches.plan import Pack, PackingPlan
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.train.model import TaskModel

_HELD_OUT_PACK = 4096


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


def held_out_plan(store: TokenStore, segment_length: int) -> PackingPlan | None:
    """The held-out documents, if any, packed the same for every `pack_tokens`, so that runs can be compared.

    Args:
        store: The store.
        segment_length: Tokens of a segment, specials included.
    """
    if not store.shard_names("held_out"):
        return None
    pack_tokens = max(_HELD_OUT_PACK, segment_length)
    return PackingPlan(store, split="held_out", segment_length=segment_length, pack_tokens=pack_tokens)


def limited(plan: PackingPlan, most_tokens: int) -> Iterator[Pack]:
    """The first packs of a plan's epoch 0, up to so many tokens."""
    used = 0
    for pack in plan.epoch_packs(0):
        if used >= most_tokens:
            return
        used += pack.tokens
        yield pack
