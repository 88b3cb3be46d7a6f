"""Layers that torch compiles, on packs that are filled up to one size."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from spanbert.batches.plan import PackingPlan, PlanPosition
from spanbert.core.errors import InputError
from spanbert.core.reporter import SilentReporter
from spanbert.encoder import compiled, varlen
from spanbert.encoder.attention import Bounds
from spanbert.tasks.pretrain.encode import PackSize
from spanbert.tasks.pretrain.objectives import PretrainTask, SBOConfig
from spanbert.tokens.store import TokenStore
from spanbert.train.pretrain import with_compiling
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig
from tests.runs import SMALL, losses, run

SIZE = PackSize(256, 32)
CPU = torch.device("cpu")
NO_COMPILER = compiled.why_not(CPU)
compiles = pytest.mark.skipif(NO_COMPILER is not None, reason=str(NO_COMPILER))


def task_of(store: TokenStore, filled: PackSize | None) -> PretrainTask:
    config = PretrainConfig()
    return PretrainTask(
        store.tokenizer(), store.unigram_counts(), masking=config.masking, sbo=SBOConfig(), seed=0, filled=filled
    )


def packs_of(store: TokenStore, packs: int = 1) -> list[list]:
    plan = PackingPlan(store, segment_length=SIZE.longest, pack_tokens=SIZE.tokens, packs=packs)
    return list(islice(plan.steps(PlanPosition()), 60))


def test_packs_are_filled_up_to_one_size(store_path: Path):
    store = TokenStore(store_path)
    filled, bare = task_of(store, SIZE), task_of(store, None)
    pad, seen = store.tokenizer().special["pad"], set()
    for packs in (*packs_of(store), *packs_of(store, 3)):
        more, less = filled.collate(packs), bare.collate(packs)
        own = less.inputs.tokens
        assert more.inputs.tokens == len(packs) * SIZE.tokens
        assert more.inputs.longest <= SIZE.longest
        assert np.array_equal(more.inputs.ids_T[:own], less.inputs.ids_T)
        assert set(more.inputs.ids_T[own:].tolist()) <= {pad}
        assert own in more.inputs.cu_seqlens.tolist(), "filling is no part of a segment"
        assert more.counts == less.counts
        for name in ("mlm_index_K", "left_J", "right_J"):
            rows = getattr(more.targets, name)
            assert rows.max() < own
            assert np.array_equal(rows, getattr(less.targets, name))
        seen.add(own)
    assert len(seen) > 2, "packs of several sizes"


def test_filling_changes_no_loss(store_path: Path, hugging_face_model: Path):
    store = TokenStore(store_path)
    config = PretrainConfig.assemble(overrides=[*SMALL, "encoder.hidden_dropout=0"])
    filled, bare = task_of(store, SIZE), task_of(store, None)
    model = build_model(
        bare, store.tokenizer(), store, model=hugging_face_model, size=None, config=config, reporter=SilentReporter()
    ).train()
    for packs in packs_of(store)[:20]:
        wanted, found = model(bare.collate(packs)), model(filled.collate(packs))
        assert {name: float(one) for name, one in found.items()} == pytest.approx(
            {name: float(one) for name, one in wanted.items()}, rel=1e-5
        )


@compiles
def test_compiled_layers_give_the_same_losses_by_one_compilation(
    store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    torch._dynamo.reset()
    counters.clear()
    settings = ("train.max_steps=12", "encoder.hidden_dropout=0", "train.evaluate_every=50%")
    for name in ("off", "on"):
        run(store_path, tmp_path / name, hugging_face_model, *settings, f"train.compile={name}")
    assert losses(tmp_path / "on") == pytest.approx(losses(tmp_path / "off"), rel=1e-5)
    assert counters["stats"]["unique_graphs"] <= 3, "what is before, in and after attention, for all layers and steps"


@compiles
def test_compiled_layers_train_with_dropout_and_checkpointing(
    store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    settings = ("train.max_steps=3", "train.compile=on", "train.gradient_checkpointing=true")
    run(store_path, tmp_path / "one", hugging_face_model, *settings)
    run(store_path, tmp_path / "two", hugging_face_model, *settings)
    assert losses(tmp_path / "one") == losses(tmp_path / "two"), "dropout is drawn from the same seeds"


def varlen_on_cpu(query, key, value, cu_q, cu_k, most_q, most_k, *, window_size=(-1, -1)):
    """What `varlen_attn` computes, by means that a compiler knows on a CPU."""
    assert most_q == most_k == SIZE.longest
    places = torch.arange(len(query))
    owner = torch.searchsorted(cu_q.long(), places, right=True)
    mask = owner[:, None] == owner[None, :]
    given = (one.transpose(0, 1) for one in (query, key, value))
    return torch.nn.functional.scaled_dot_product_attention(*given, attn_mask=mask).transpose(0, 1)


@compiles
def test_attention_by_one_kernel_is_compiled_along(
    store_path: Path, hugging_face_model: Path, monkeypatch: pytest.MonkeyPatch
):
    """One graph a layer, whatever the number of segments: what is to be seen on CUDA, by a stand-in for its kernel."""
    monkeypatch.setattr(varlen, "varlen_attn", varlen_on_cpu)
    torch._dynamo.reset()
    counters.clear()
    store = TokenStore(store_path)
    task = task_of(store, SIZE)
    config = PretrainConfig.assemble(overrides=[*SMALL, "encoder.hidden_dropout=0"])
    model = build_model(
        task, store.tokenizer(), store, model=hugging_face_model, size=None, config=config, reporter=SilentReporter()
    ).train()
    batches = [task.collate(packs) for packs in packs_of(store)[:8]]
    assert len({len(one.inputs.cu_seqlens) for one in batches}) > 1
    wanted = [model(one) for one in batches]
    model.encoder.backend = "varlen"
    model.encoder.compile_layers(at_most=SIZE.longest)
    for batch, plain in zip(batches, wanted, strict=True):
        found = model(batch)
        torch.autograd.backward(torch.stack(list(found.values())).sum())
        for name in plain:
            assert float(found[name].detach()) == pytest.approx(float(plain[name].detach()), rel=1e-5)
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]


def test_bounds_tell_a_compiler_one_number():
    assert (Bounds([0, 3, 9]).widest, Bounds([0, 3, 9], at_most=128).widest) == (6, 128)


@pytest.mark.parametrize(
    ("asked", "device", "lacks", "found"),
    [
        ("auto", "cpu", None, "off"),
        ("auto", "cuda", None, "on"),
        ("auto", "cuda", "there is no triton", "off"),
        ("on", "cpu", None, "on"),
        ("off", "cuda", None, "off"),
        (True, "cpu", None, "on"),
        (False, "cuda", None, "off"),
    ],
)
def test_what_is_compiled_where(monkeypatch: pytest.MonkeyPatch, asked, device: str, lacks: str | None, found: str):
    monkeypatch.setattr("spanbert.train.pretrain.why_not", lambda where: lacks)
    config = PretrainConfig.of({"train": {"compile": asked}})
    said: list[str] = []

    class Told(SilentReporter):
        def say(self, message: str) -> None:
            said.append(message)

    assert with_compiling(config, torch.device(device), Told()).train.compile == found
    assert bool(said) == (found == "on" or lacks is not None)


def test_what_is_missing_to_compile_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    config = PretrainConfig.of({"train": {"compile": "on"}})
    with pytest.raises(InputError, match=r"train.compile: the layers cannot be compiled: there is no C\+\+ compiler"):
        with_compiling(config, CPU, SilentReporter())
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    assert "no triton" in str(compiled.why_not(torch.device("cuda")))
    assert "CUDA and the CPU alone" in str(compiled.why_not(torch.device("mps")))
