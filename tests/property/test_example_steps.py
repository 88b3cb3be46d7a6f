"""Steps of at most so many tokens: every example once an epoch, neighbours equally long, resumable anywhere."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.batches.example_plan import ExamplePlan
from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.batches.loader import Loader
from spanbert.batches.plan import PlanPosition

LENGTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=40)


def examples(lengths: list[tuple[int, int]], name: str = "t") -> list[Example]:
    return [
        Example(task=name, window=Window(ids=np.full(size, number)), asked=HeadRows(rows=np.arange(size)),
                target=Target(units=written, gold=number), written=written)
        for number, (size, written) in enumerate(lengths)
    ]  # fmt: skip


def plan(lengths: list[tuple[int, int]], tokens: int, seed: int = 0) -> ExamplePlan:
    return ExamplePlan({"t": examples(lengths)}, per_step={"t": 16}, tokens={"t": tokens}, seed=seed)


@settings(max_examples=100, deadline=None)
@given(lengths=LENGTHS, tokens=st.integers(1, 120), seed=st.integers(0, 5))
def test_every_example_once_an_epoch(lengths, tokens, seed):
    made = plan(lengths, tokens, seed)
    count = int(made.steps_an_epoch)
    steps = list(islice(made.steps(PlanPosition()), 2 * count))
    for epoch in (steps[:count], steps[count:]):
        assert sorted(drawn.example.target.gold for step in epoch for drawn in step) == list(range(len(lengths)))
        for step in epoch:
            assert len(step) == 1 or sum(drawn.tokens for drawn in step) <= tokens
            sizes = [(len(drawn.example.window.ids), drawn.example.written) for drawn in step]
            assert sizes == sorted(sizes)
    if len(lengths) > 12 and count > 4:
        gold = [
            [drawn.example.target.gold for step in part for drawn in step] for part in (steps[:count], steps[count:])
        ]
        assert gold[0] != gold[1], "each epoch has an order of its own"


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, tokens=st.integers(1, 120), after=st.integers(0, 12))
def test_it_goes_on_from_any_step(lengths, tokens, after):
    whole = list(islice(plan(lengths, tokens).steps(PlanPosition()), after + 4))
    start = whole[after - 1][-1].after if after else PlanPosition()
    rest = list(islice(plan(lengths, tokens).steps(start), 4))
    assert [[(d.key, d.after) for d in step] for step in rest] == [
        [(d.key, d.after) for d in step] for step in whole[after:]
    ]


@settings(max_examples=40, deadline=None)
@given(lengths=LENGTHS, others=st.integers(1, 20), after=st.integers(0, 10))
def test_beside_a_task_counted_in_examples(lengths, others, after):
    def both() -> ExamplePlan:
        own = {"t": examples(lengths), "o": examples([(3, 0)] * others, "o")}
        return ExamplePlan(own, per_step={"t": 1, "o": 2}, tokens={"t": 60}, seed=1)

    assert both().step_sizes == {2}
    whole = list(islice(both().steps(PlanPosition()), after + 3))
    start = whole[after - 1][-1].after if after else PlanPosition()
    rest = list(islice(both().steps(start), 3))
    assert [[d.key for d in step] for step in rest] == [[d.key for d in step] for step in whole[after:]]


def test_micro_batches_share_a_step():
    loader = Loader(plan([(4, 4)] * 7, 40), list, accumulation=3, prefetch=1)
    stream = iter(loader)
    first = max((next(stream) for _ in range(2)), key=lambda step: step.tokens)
    stream.close()
    assert [len(micro) for micro in first.micro_batches] == [1, 2, 2]
    assert first.tokens == 40
