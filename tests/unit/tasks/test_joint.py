"""Several tasks in one training task: steps of one task, means over the whole step, names."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import pytest
import torch

from spanbert.batches.example_plan import Drawn, ExamplePlan
from spanbert.batches.examples import Example
from spanbert.batches.loader import Step
from spanbert.batches.plan import PlanPosition
from spanbert.core.errors import InputError
from spanbert.encoder.model import Encoder
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.joint import JointTask
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.registry import spec_of
from spanbert.train.config import TrainConfig
from spanbert.train.model import TaskModel
from spanbert.train.parallel import OneProcess
from spanbert.train.runtime import Runtime
from spanbert.train.step import backward
from tests.conftest import save_hugging_face_bert
from tests.labelled import conll_file, multi_file, nested_file, regression_file, single_file, squad_file

FILES = {
    "single": ("classify", single_file, ".tsv", {}),
    "weighted": ("classify", single_file, ".tsv", {"class_weights": "balanced"}),
    "multi": ("classify", multi_file, ".jsonl", {}),
    "regression": ("classify", regression_file, ".tsv", {}),
    "tag": ("tag", conll_file, ".conll", {}),
    "nested": ("tag", nested_file, ".jsonl", {"nested": True}),
    "qa": ("qa", squad_file, ".json", {"longest_question": 8}),
}


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> Path:
    return save_hugging_face_bert(
        tmp_path_factory.mktemp("joint") / "model", vocabulary_file, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tokenizer) -> dict[str, tuple[TextTask, list[Example]]]:
    """Every kind of task with its training examples, in windows so short that texts have several."""
    folder = tmp_path_factory.mktemp("tasks")
    found = {}
    for name, (kind, writer, suffix, given) in FILES.items():
        file = writer(folder / f"{name}{suffix}", 10, 1)
        options = spec_of(kind).config(**given)
        made = spec_of(kind, given).task_class()
        task = made.from_training(
            name, made.open(options, file).documents(), config=options, window=WindowConfig(length=16, overlap=4),
            tokenizer=tokenizer, positions=64,
        )  # fmt: skip
        tokenized = task.tokenize(list(task.opened(file).documents()))
        found[name] = (task, [one for windowed in tokenized for one in task.examples(windowed)])
    return found


def drawn(examples: list[Example]) -> list[Drawn]:
    return [
        Drawn(example=one, key=(one.task, 0, number), after=PlanPosition(item=number + 1))
        for number, one in enumerate(examples)
    ]


def gradients(model: TaskModel, joint: JointTask, micro_batches: list[list[Drawn]]) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    step = Step(micro_batches=[joint.collate(one) for one in micro_batches], tokens=1, after=PlanPosition())
    losses = backward(OneProcess(model), step, number=0, runtime=Runtime.of(TrainConfig(precision="float32")))
    found = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    return {**found, **{f"loss.{name}": value for name, value in losses.items()}}


@pytest.mark.parametrize("name", FILES)
def test_a_step_is_the_mean_over_its_units_however_it_is_split(made, model_path: Path, name: str):
    """Reference: every window alone, its summed loss over the units of all of them. Then one batch, two, and four."""
    task, examples = made[name]
    joint = JointTask({name: task})
    torch.manual_seed(0)
    encoder = Encoder.from_pretrained(model_path)
    model = TaskModel(joint, encoder, joint.build_head(encoder.config)).train()
    items = drawn(examples[:8])
    units = sum(one.example.target.units for one in items)
    model.zero_grad(set_to_none=True)
    total = torch.zeros(())
    for item in items:
        one = joint.collate([item])
        hidden = encoder(one.inputs, rows=one.rows)
        assert one.counts == {name: item.example.target.units}
        total = total + joint.loss(encoder, model.head, hidden, one.targets)[name] / units
    total.backward()
    expected = {key: one.grad.clone() for key, one in model.named_parameters() if one.grad is not None}
    expected[f"loss.{name}"] = total.detach()
    assert any(key.startswith("encoder.blocks") for key in expected)
    for parts in (1, 2, 4):
        size = len(items) // parts
        found = gradients(model, joint, [items[first : first + size] for first in range(0, len(items), size)])
        assert found.keys() == expected.keys()
        for key, value in found.items():
            torch.testing.assert_close(value.float(), expected[key], rtol=1e-4, atol=2e-6, msg=f"{key}, {parts} parts")


def test_a_batch_is_laid_out_longest_first_with_its_gold(made):
    task, examples = made["tag"]
    joint = JointTask({"tag": task})
    items = drawn(sorted(examples, key=lambda one: one.tokens))
    encoded = joint.collate(items)
    lengths = encoded.inputs.lengths.tolist()
    assert lengths == sorted(lengths, reverse=True)
    assert encoded.rows.tolist() == sorted(encoded.rows.tolist())
    assert sum(encoded.targets.layout.sizes) == len(encoded.rows) == encoded.counts["tag"]
    by_ids = {one.example.window.ids.tobytes(): one.example for one in items}
    bounds = encoded.inputs.cu_seqlens.tolist()
    for place, (start, end) in enumerate(pairwise(bounds)):
        example = by_ids[encoded.inputs.ids_T[start:end].tobytes()]
        assert encoded.targets.gold[place].tolist() == example.target.gold.tolist()
    keys = {item.key for item in items if item.tokens == lengths[0]}
    assert encoded.key in keys, "named after one of its longest windows"


def test_steps_of_a_plan_are_of_one_task_each(made):
    joint = JointTask({name: made[name][0] for name in ("single", "tag", "qa")})
    plan = ExamplePlan(
        {name: made[name][1] for name in joint.tasks}, per_step=dict.fromkeys(joint.tasks, 4), seed=0, temperature=2.0
    )
    seen = set()
    for items in islice(plan.steps(PlanPosition()), 30):
        encoded = joint.collate(items)
        assert encoded.counts.keys() == {encoded.targets.task}
        seen.add(encoded.targets.task)
    assert seen == {"single", "tag", "qa"}
    assert joint.objectives == {"single": 1.0, "tag": 1.0, "qa": 1.0}


def test_selection_score_is_the_mean_of_the_main_scores(made):
    joint = JointTask({name: made[name][0] for name in ("single", "tag", "qa")})
    scores = {"single": {"accuracy": 0.5}, "tag": {"f1": 1.0}, "qa": {"f1": 0.0, "em": 1.0}}
    assert joint.selection_score(scores) == 0.5
    assert joint.selection_score({"tag": {"f1": 0.25}}) == 0.25
    assert joint.headline(scores) == "single accuracy 0.5000  tag f1 1.0000  qa f1 0.0000"


@pytest.mark.parametrize("name", ["", "1a", "a.b", "a b", "ä", "_a"])
def test_names_that_tensors_cannot_have(made, name: str):
    with pytest.raises(InputError, match="not a task's name"):
        JointTask({name: made["tag"][0]})


@pytest.mark.parametrize(
    "name", ["type", "train", "keys", "forward", "training", "step", "tokens", "seconds", "pretrain"]
)
def test_names_that_are_taken(made, name: str):
    with pytest.raises(InputError, match=f"a name that no task can have; got '{name}'. Choose another: my-{name}"):
        JointTask({name: made["tag"][0]})
    JointTask({f"my-{name}": made["tag"][0]})
