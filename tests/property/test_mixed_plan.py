"""Steps of examples and of text in turn: the share is kept, and the order goes on from any step."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from spanbert.batches.example_plan import ExamplePlan
from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.batches.mixed_plan import MixedPlan
from spanbert.batches.plan import Pack, PackingPlan, PlanPosition
from spanbert.tokens.store import TokenStore


def plan(store: Path, share: float) -> MixedPlan:
    own = [
        Example(task="t", window=Window(ids=np.full(4, number)), asked=HeadRows(rows=np.arange(1)),
                target=Target(units=1, gold=number))
        for number in range(7)
    ]  # fmt: skip
    text = PackingPlan(TokenStore(store), segment_length=32, pack_tokens=256, packs=2)
    return MixedPlan(ExamplePlan({"t": own}, per_step={"t": 3}, seed=0), text, share=share)


def named(step: list) -> list:
    return [
        ([segment.key for segment in item.segments] if isinstance(item, Pack) else item.key, item.after)
        for item in step
    ]


@pytest.mark.parametrize("share", [0.1, 0.25, 1 / 3, 0.5, 0.9])
def test_the_share_is_kept_and_any_step_can_be_the_first(store_path: Path, share: float):
    made = plan(store_path, share)
    steps = list(islice(made.steps(PlanPosition()), 40))
    of_text = [isinstance(step[0], Pack) for step in steps]
    for end in range(1, 41):
        assert abs(sum(of_text[:end]) - share * end) < 1 + 1e-9, "spread evenly"
    assert made.steps_an_epoch == pytest.approx(7 / 3 / (1 - share))
    assert made.step_sizes == {2, 3}
    for after in range(1, 30, 4):
        position = PlanPosition.of_state(steps[after - 1][-1].after.as_dict())
        rest = list(islice(plan(store_path, share).steps(position), 5))
        assert [named(step) for step in rest] == [named(step) for step in steps[after : after + 5]]
