"""Labelled windows in the order of training: every example once an epoch, resumable, one task a step."""

from __future__ import annotations

from itertools import chain, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.batches.example_plan import Drawn, ExamplePlan
from spanbert.batches.examples import (
    Example,
    Framer,
    HeadRows,
    Target,
    Window,
    batches_by_length,
    pack_windows,
    rows_of_batch,
)
from spanbert.batches.loader import Loader
from spanbert.batches.plan import PlanPosition
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.usual import in_steps


def examples_of(task: str, count: int) -> list[Example]:
    """Examples whose only id is their number; longer ones among them."""
    return [
        Example(
            task=task,
            window=Window(ids=np.full(1 + n % 3, n)),
            asked=HeadRows(rows=np.zeros(1, dtype=np.int64)),
            target=Target(units=1, gold=None),
        )
        for n in range(count)
    ]


def plan_of(sizes: dict[str, int], *, per_step: int | dict[str, int], **settings: object) -> ExamplePlan:
    examples = {name: examples_of(name, size) for name, size in sizes.items()}
    a_step = dict.fromkeys(sizes, per_step) if isinstance(per_step, int) else per_step
    return ExamplePlan(examples, per_step=a_step, **settings)


def steps_of(plan: ExamplePlan, count: int, start: int = 0) -> list[list[Drawn]]:
    return list(islice(plan.steps(PlanPosition(item=start)), count))


def names(drawn) -> list[tuple[str, int]]:
    return [(one.example.task, int(one.example.window.ids[0])) for one in drawn]


TASKS = ["ner", "pos", "topic"]
SIZES = st.dictionaries(st.sampled_from(TASKS), st.integers(1, 20), min_size=1)
PER_STEP = st.fixed_dictionaries({name: st.integers(1, 7) for name in TASKS})


@settings(max_examples=150, deadline=None)
@given(sizes=SIZES, per_step=PER_STEP, seed=st.integers(0, 9))
def test_every_example_once_an_epoch_of_its_task(sizes: dict[str, int], per_step: dict[str, int], seed: int):
    plan = plan_of(sizes, per_step=per_step, seed=seed, temperature=2.0)
    drawn = list(chain.from_iterable(steps_of(plan, 60)))
    for name, size in sizes.items():
        own = [number for task, number in names(drawn) if task == name]
        for epoch in range(len(own) // size):
            assert sorted(own[epoch * size : (epoch + 1) * size]) == list(range(size))
    keys = [one.key for one in drawn]
    assert len(set(keys)) == len(keys), "a key names one reading of one example"
    assert [one.after.item for one in drawn] == list(range(1, len(drawn) + 1))


@settings(max_examples=150, deadline=None)
@given(sizes=SIZES, per_step=PER_STEP, seed=st.integers(0, 9), step=st.integers(0, 40))
def test_the_steps_go_on_from_any_of_them(sizes: dict[str, int], per_step: dict[str, int], seed: int, step: int):
    first = steps_of(plan_of(sizes, per_step=per_step, seed=seed), 50)
    start = first[step][0].after.item - 1
    rest = steps_of(plan_of(sizes, per_step=per_step, seed=seed), 50 - step, start)
    assert [names(items) for items in rest] == [names(items) for items in first[step:]]
    assert [[one.key for one in items] for items in rest] == [[one.key for one in items] for items in first[step:]]


def test_steps_never_mix_tasks_and_seeds_differ():
    plan = plan_of({"ner": 30, "topic": 11}, per_step={"ner": 4, "topic": 3}, seed=3)
    drawn = [names(items) for items in steps_of(plan, 100)]
    assert {(step[0][0], len(step)) for step in drawn} == {("ner", 4), ("topic", 3)}
    assert all(len({task for task, _ in step}) == 1 for step in drawn)
    assert [step[0][0] for step in drawn] == [plan.task_of_step(number) for number in range(100)]
    assert plan.step_sizes == {3, 4}
    other = plan_of({"ner": 30, "topic": 11}, per_step={"ner": 4, "topic": 3}, seed=4)
    assert [names(items) for items in steps_of(other, 100)] != drawn
    first, second = [[names(items) for items in part] for part in batched_steps(plan_of({"a": 30}, per_step=5, seed=0))]
    assert first != second, "every epoch has an order of its own"


def batched_steps(plan: ExamplePlan) -> tuple[list[list[Drawn]], list[list[Drawn]]]:
    """The steps of two epochs of 30 examples."""
    steps = steps_of(plan, 12)
    return steps[:6], steps[6:]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_tasks_are_drawn_by_their_steps_to_the_inverse_temperature(temperature: float):
    sizes, per_step = {"large": 900, "middle": 100, "small": 10}, {"large": 1, "middle": 4, "small": 2}
    plan = plan_of(sizes, per_step=per_step, seed=0, temperature=temperature)
    drawn = [plan.task_of_step(step) for step in range(4000)]
    weights = {name: (size / per_step[name]) ** (1 / temperature) for name, size in sizes.items()}
    for name, weight in weights.items():
        assert drawn.count(name) / 4000 == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_epochs_are_the_steps_of_all_tasks():
    plan = plan_of({"ner": 30, "docs": 7}, per_step={"ner": 16, "docs": 2}, seed=0)
    assert plan.steps_an_epoch == 1.875 + 3.5

    def steps(plan: ExamplePlan, epochs: float) -> int | None:
        config = FinetuneConfig().with_train(max_epochs=epochs)
        return in_steps(config, plan.steps_an_epoch).train.max_steps

    assert steps(plan, 1.0) == 6
    assert steps(plan, 0.001) == 1
    assert steps(plan_of({"a": 3, "b": 7}, per_step=5, seed=0), 3.0) == 6, "no step for a rounding error"


def test_a_position_inside_a_step_is_a_programmer_error():
    with pytest.raises(AssertionError, match="inside a step"):
        next(plan_of({"a": 5}, per_step=4, seed=0).steps(PlanPosition(item=3)))
    with pytest.raises(AssertionError, match="inside a step"):
        next(plan_of({"a": 5, "b": 5}, per_step=4, seed=0).steps(PlanPosition(item=3)))
    with pytest.raises(AssertionError, match="without examples"):
        plan_of({"a": 5, "b": 0}, per_step=4, seed=0)


@pytest.mark.parametrize("accumulation", [1, 2, 4])
def test_the_loader_reads_steps_of_the_plan_and_resumes(accumulation: int):
    plan = plan_of({"ner": 9, "topic": 5}, per_step={"ner": 4, "topic": 8}, seed=1)

    def loaded(start: PlanPosition, count: int):
        return list(islice(Loader(plan, names, accumulation=accumulation, start=start), count))

    whole = loaded(PlanPosition(), 20)
    assert [[one for micro in step.micro_batches for one in micro] for step in whole] == [
        names(items) for items in steps_of(plan, 20)
    ]
    assert all(len(step.micro_batches) == accumulation for step in whole)
    rest = loaded(whole[11].after, 8)
    assert [step.micro_batches for step in rest] == [step.micro_batches for step in whole[12:]]
    assert [step.tokens for step in rest] == [step.tokens for step in whole[12:]]


@settings(max_examples=100, deadline=None)
@given(lengths=st.lists(st.integers(1, 50), max_size=60), most=st.integers(1, 120))
def test_prediction_batches_hold_every_window_once_longest_first(lengths: list[int], most: int):
    batches = list(batches_by_length(lengths, most))
    flat = [index for batch in batches for index in batch]
    assert sorted(flat) == list(range(len(lengths)))
    assert [lengths[index] for index in flat] == sorted(lengths, reverse=True)
    assert all(len(batch) == 1 or sum(lengths[index] for index in batch) <= most for batch in batches)


def test_frames_are_those_of_the_tokenizer_itself(tokenizer):
    """The reference is the post-processor of the `tokenizers` library."""
    framer = Framer(tokenizer)
    assert framer.specials == (2, 3)
    one, two = "the quick fox", "jumps over the dog"
    first, second = (np.array(tokenizer.backend.encode(text, add_special_tokens=False).ids) for text in (one, two))
    alone = tokenizer.backend.encode(one)
    assert framer.one(first).ids.tolist() == alone.ids
    both = tokenizer.backend.encode(one, two)
    framed = framer.two(first, second)
    assert framed.ids.tolist() == both.ids
    assert framed.token_types.tolist() == both.type_ids
    assert framed.ids[framer.second_row(len(first)) : -1].tolist() == second.tolist()


def test_roberta_puts_two_separators_between_texts_and_has_no_types():
    from tokenizers import Tokenizer, models

    from spanbert.tokens.tokenizer import TokenizerAdapter

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b"]
    backend = Tokenizer(models.WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="<unk>"))
    framer = Framer(TokenizerAdapter(backend, "roberta"))
    assert framer.specials == (2, 4)
    framed = framer.two(np.array([5, 5]), np.array([6]))
    assert (framed.ids.tolist(), framed.token_types, framer.second_row(2)) == ([0, 5, 5, 2, 2, 6, 2], None, 5)


def test_rows_and_types_of_packed_examples():
    plain, none = Window(ids=np.array([1, 2, 3])), Window(ids=np.array([7]))
    pair = Window(ids=np.array([1, 4]), token_types=np.array([0, 1]))
    asked = [HeadRows(rows=np.array(rows, dtype=np.int64)) for rows in ([0, 2], [], [1])]
    batch = pack_windows([plain, none, pair])
    assert batch.token_types_T.tolist() == [0, 0, 0, 0, 0, 1]
    assert rows_of_batch([plain, none, pair], asked).tolist() == [0, 2, 5]
    assert pack_windows([plain, none]).token_types_T is None
