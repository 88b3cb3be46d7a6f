"""Text that is learned beside labelled tasks: blanks stay filled, runs go on bit for bit, what cannot work is refused."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import spanbert
from spanbert.batches.plan import PackingPlan
from spanbert.core.errors import InputError
from spanbert.core.reporter import SilentReporter
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.pretrain_evaluation import evaluate
from spanbert.train.run_directory import run_directory
from spanbert.train.spikes import SpikeGuard
from spanbert.train.task_data import TaskData
from spanbert.train.tracking import read_log
from tests.labelled import data, relation_file, single_file, tune
from tests.runs import losses
from tests.unit.train.test_finetune import stopped_after

TEXT = ("text.segment_length=32", "text.pack_tokens=256")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TaskData]:
    return {"kind": data("classify", single_file, tmp_path_factory.mktemp("files") / "kind")}


def held_out_loss(store: Path, bundle: Path) -> float:
    tokens, config = TokenStore(store), PretrainConfig.assemble(overrides=["batch.segment_length=32"])
    adapter = tokens.tokenizer()
    task = PretrainTask(adapter, tokens.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0)
    model = build_model(task, adapter, tokens, model=bundle, size=None, config=config, reporter=SilentReporter())
    plan = PackingPlan(tokens, split="held_out", segment_length=32, pack_tokens=256)
    return float(evaluate(task, model, plan, most_tokens=2000)["mlm_loss"])


def test_the_heads_of_pretraining_stay_with_the_encoder(files, trained_bundle: Path, store_path: Path, tmp_path: Path):
    settings = ("train.max_steps=40", "optim.lr=1e-3")
    tune(files, trained_bundle, tmp_path / "kept", *settings, "keep_heads=true")
    with_text = tune(
        files, trained_bundle, tmp_path / "text", *settings, f"text.store={store_path}", "text.share=0.5", *TEXT
    )
    kept, learned = (held_out_loss(store_path, tmp_path / name) for name in ("kept", "text"))
    assert learned < min(kept, held_out_loss(store_path, trained_bundle)) - 0.2
    assert with_text.scores["pretrain"]["mlm_loss"] == pytest.approx(learned, rel=0.2)
    manifest = json.loads((tmp_path / "text" / "spanbert.json").read_text())
    assert manifest["tasks"]["pretrain"]["scores"]["mlm_loss"] == with_text.scores["pretrain"]["mlm_loss"]
    assert manifest["data"]["text"]["name"]
    nlp = spanbert.load(tmp_path / "text")
    assert nlp("the fox").labels
    assert nlp.fill("the quick [MASK:1-2] jumps")
    assert any("text:" in line for line in with_text.lines)


def test_text_beside_a_task_with_markers_of_its_own(trained_bundle: Path, store_path: Path, tmp_path: Path):
    """Markers of entities are new pieces of the model, not of the text."""
    files = {"related": data("relation", relation_file, tmp_path / "related", suffix=".jsonl")}
    tune(files, trained_bundle, tmp_path / "out", "train.max_steps=8", f"text.store={store_path}", *TEXT)
    nlp = spanbert.load(tmp_path / "out")
    assert nlp.fill("the quick [MASK:1-2] jumps")
    assert json.loads((tmp_path / "out" / "spanbert.json").read_text())["tasks"].keys() == {"pretrain", "related"}


def test_it_goes_on_bit_for_bit(files, trained_bundle: Path, store_path: Path, tmp_path: Path, monkeypatch):
    settings = ("train.max_steps=12", "hidden_dropout=0.1", "train.checkpoint_every=5steps",
                f"text.store={store_path}", "text.share=0.4", *TEXT)  # fmt: skip
    tune(files, trained_bundle, tmp_path / "whole", *settings)
    with stopped_after(7, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGTERM)):
        tune(files, trained_bundle, tmp_path / "out", *settings)
    tune(files, trained_bundle, tmp_path / "out", *settings, resume=True)
    assert losses(tmp_path / "out") == losses(tmp_path / "whole")
    for file in ("model.safetensors", "heads.safetensors"):
        one, two = load_file(tmp_path / "whole" / file), load_file(tmp_path / "out" / file)
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one), file
    assert any(name.startswith("tasks.pretrain.sbo.") for name in one)


def test_gradients_are_compared_with_those_of_the_same_task(
    files, trained_bundle: Path, store_path: Path, tmp_path, monkeypatch
):
    """Text and labels differ in size; one must not make the other look too large."""
    asked: list[str] = []
    whether = SpikeGuard.skips

    def noted(self, norm, *, of):
        asked.append(of)
        return whether(self, norm, of=of)

    monkeypatch.setattr(SpikeGuard, "skips", noted)
    tune(
        files,
        trained_bundle,
        tmp_path / "out",
        "train.max_steps=12",
        f"text.store={store_path}",
        "text.share=0.4",
        *TEXT,
    )
    learned = [
        ",".join(name.removesuffix("_loss") for name in line if name.endswith("_loss"))
        for line in read_log(run_directory(tmp_path / "out") / "metrics.jsonl")
    ]
    assert asked == learned
    assert set(asked) == {"kind", "mlm,sbo"}


def test_text_that_cannot_be_read_is_refused(files, trained_bundle: Path, store_path: Path, tmp_path: Path):
    (tmp_path / "a.txt").write_text("the quick brown fox jumps\n\n" * 20)
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "fox"]))
    prepare([tmp_path / "a.txt"], tokenizer=tmp_path / "vocab.txt", out=tmp_path / "other")
    for settings, message in (
        ((f"text.store={tmp_path / 'other'}",), "made with another tokenizer than the model's"),
        ((f"text.store={tmp_path / 'none'}",), "not a token store"),
        ((f"text.store={store_path}", "text.segment_length=4000"), "longer than the encoder's positions"),
    ):
        with pytest.raises(InputError, match=message):
            tune(files, trained_bundle, tmp_path / "out", *settings)
        assert not (tmp_path / "out").exists()
        assert not (tmp_path / "out.run").exists()
