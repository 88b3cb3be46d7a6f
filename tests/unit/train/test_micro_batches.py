"""Micro-batches as large as memory allows, found once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.train import micro_batches
from spanbert.train.micro_batches import largest_that_fits
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run_directory import run_directory
from tests.runs import losses, run


@given(st.integers(1, 200), st.integers(1, 300))
def test_a_divisor_that_fits(packs: int, room: int):
    tried: list[int] = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= room

    parts = largest_that_fits(packs, fits)
    assert packs % parts == 0
    assert packs // parts <= room, "never more than fits"
    assert parts == 1 if packs <= room else parts > 1
    assert len(tried) <= packs.bit_length() + 1, "by doubling"


@pytest.mark.parametrize(
    ("packs", "room", "parts"),
    [(1, 1, 1), (64, 64, 1), (64, 63, 4), (64, 20, 8), (64, 4, 32), (64, 1, 64), (7, 5, 7), (12, 9, 2)],
)
def test_four_fifths_of_the_last_that_fits(packs: int, room: int, parts: int):
    assert largest_that_fits(packs, lambda size: size <= room) == parts


def test_not_even_one():
    with pytest.raises(InputError, match=r"batch.pack_tokens: not even one pack fits.*gradient_checkpointing"):
        largest_that_fits(4, lambda size: False)


def test_on_a_cpu_a_pack_at_a_time_and_the_same_steps(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    settings = ("train.max_steps=3", "batch.packs=2", "encoder.hidden_dropout=0", "train.checkpoint_every=1steps")
    for name in ("1", "auto"):
        run(store_path, tmp_path / name, hugging_face_model, *settings, f"train.accumulation={name}")
    assert read_json(run_directory(tmp_path / "auto") / "run.json")["settings"]["train"]["accumulation"] == 2
    assert losses(tmp_path / "auto") == pytest.approx(losses(tmp_path / "1"), rel=1e-5)


def test_it_is_found_once(store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = iter([4, 1])
    monkeypatch.setattr("spanbert.train.pretrain.fitting_accumulation", lambda *given: next(found))
    settings = ("batch.packs=4", "train.accumulation=auto")
    for steps, resume in ((2, False), (4, True)):
        run(store_path, tmp_path / "out", hugging_face_model, f"train.max_steps={steps}", *settings, resume=resume)
        facts = read_json(run_directory(tmp_path / "out") / "run.json")
        assert facts["settings"]["train"]["accumulation"] == 4
    assert next(found) == 1, "not asked for again"


def test_a_trial_that_runs_out_of_memory(store_path: Path, hugging_face_model: Path, monkeypatch: pytest.MonkeyPatch):
    """On the CPU, with a device that claims to be another one and has room for three packs."""
    from spanbert.batches.plan import PackingPlan
    from spanbert.core.reporter import SilentReporter
    from spanbert.tokens.store import TokenStore
    from spanbert.train.pretrain_bundle import build_model
    from spanbert.train.runtime import Runtime
    from tests.unit.train.test_compiled import task_of

    store, config = TokenStore(store_path), PretrainConfig.assemble(overrides=["batch.segment_length=32"])
    model = build_model(
        task_of(store, None), store.tokenizer(), store, model=hugging_face_model, size=None, config=config,
        reporter=SilentReporter(),
    )  # fmt: skip
    before = {name: one.clone() for name, one in model.state_dict().items()}
    plan = PackingPlan(store, segment_length=32, pack_tokens=64, packs=8)
    collate, sizes = model.task.collate, []

    def limited(packs):
        sizes.append(len(packs))
        if len(packs) > 3:
            raise torch.OutOfMemoryError("no room")
        return collate(packs)

    monkeypatch.setattr(model.task, "collate", limited)
    runtime = Runtime.of(config.train)
    packs = next(plan.steps(micro_batches.PlanPosition()))
    assert largest_that_fits(8, lambda size: micro_batches._fits(model, packs[:size], runtime)) == 8
    assert sizes == [1, 2, 4]
    assert all(one.grad is None for one in model.parameters())
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert micro_batches.fitting_accumulation(model, plan, runtime) == 8


def test_a_run_of_another_device_is_resumed(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    """Its device and precision are this machine's then; another precision on the same device is refused as ever."""
    out = tmp_path / "out"
    run(store_path, out, hugging_face_model, "train.max_steps=2", device="cpu")
    file = run_directory(out) / "run.json"
    facts = read_json(file)
    assert (facts["settings"]["train"]["device"], facts["settings"]["train"]["compile"]) == ("cpu", "off")
    facts["settings"]["train"]["precision"] = "bfloat16"
    write_json(file, facts)
    with pytest.raises(InputError, match=r"another train.precision"):
        run(store_path, out, hugging_face_model, "train.max_steps=4", resume=True)
    facts["settings"]["train"]["device"] = "cuda:0"
    facts["settings"]["train"]["compile"] = "on"
    write_json(file, facts)
    run(store_path, out, hugging_face_model, "train.max_steps=4", resume=True)
    assert len(losses(out)) == 4
    settings = read_json(file)["settings"]["train"]
    assert (settings["device"], settings["precision"]) == ("cpu", "float32")
    for name in ("device", "compile"):
        del settings[name]
    write_json(file, {**read_json(file), "settings": {**read_json(file)["settings"], "train": settings}})
    run(store_path, out, hugging_face_model, "train.max_steps=5", resume=True)
    assert len(losses(out)) == 5, "a run of an earlier version"
