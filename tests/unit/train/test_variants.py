"""Training in bfloat16, and training of the baselines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import spanbert
from spanbert.core.errors import InputError
from spanbert.encoder import hardware
from spanbert.encoder.model import Encoder
from spanbert.train.run_directory import run_directory
from tests.runs import arguments, assert_same_weights, interrupted, losses, run


def test_bfloat16_products_give_nearly_the_same_losses(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    for precision in ("float32", "bfloat16"):
        run(store_path, tmp_path / precision, hugging_face_model, "train.max_steps=6", f"train.precision={precision}")
    exact, rounded = (losses(tmp_path / precision) for precision in ("float32", "bfloat16"))
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=5e-3)
    state = load_file(run_directory(tmp_path / "bfloat16") / "training" / "last" / "model.safetensors")
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.parametrize("kind", ["bilstm", "cnn"])
def test_baselines_train_and_reload(store_path: Path, tmp_path: Path, kind: str):
    more = (f"encoder.kind={kind}", "batch.segment_length=100", "train.evaluate_every=100%")
    trained = run(store_path, tmp_path / "whole", None, "train.max_steps=40", *more, size="tiny")
    assert trained.outcome.best.scores["mlm_loss"] < trained.before["mlm_loss"]
    again = run(store_path, tmp_path / "again", tmp_path / "whole", "train.max_steps=1", "batch.segment_length=100")
    assert again.before == trained.outcome.best.scores, "read back as it was, without being told the kind"
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert config["model_type"] == f"spanbert-{kind}"
    assert "architectures" not in config
    assert Encoder.from_pretrained(tmp_path / "whole").config.kind == kind
    assert spanbert.info(tmp_path / "whole")["mlm_head"]
    assert len(spanbert.load(tmp_path / "whole").fill("The quick [MASK:1-2] fox", top_k=2)) == 2


def test_attention_span_of_a_baseline_is_refused(store_path: Path, tmp_path: Path):
    settings = ("train.max_steps=1", "encoder.kind=cnn")
    run(store_path, tmp_path / "cnn", None, *settings, size="tiny")
    for model, more in ((None, "encoder.kind=cnn"), (tmp_path / "cnn", "train.seed=1")):
        with pytest.raises(InputError, match="attention_span 8 of a cnn, which has no attention"):
            run(store_path, tmp_path / "out", model, "train.max_steps=1", "encoder.attention_span=8", more,
                size=None if model else "tiny")  # fmt: skip


def test_the_card_says_what_the_encoder_is(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    run(store_path, tmp_path / "cnn", None, "train.max_steps=1", "encoder.kind=cnn", "sbo.weight=0", size="tiny")
    card = (tmp_path / "cnn" / "README.md").read_text()
    assert "A convolutional encoder with the head of span pre-training: masked language model (" in card
    assert "Only spanbert loads this directory" in card
    assert "heads.safetensors" not in card
    run(store_path, tmp_path / "wide", hugging_face_model, "train.max_steps=1", "encoder.attention_span=8")
    card = (tmp_path / "wide" / "README.md").read_text()
    assert "attends within spans of 8 tokens" in card
    assert "its hidden states differ" in card


@pytest.mark.parametrize(("capable", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_what_the_hardware_gains_by(
    capable: bool, expected: str, store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(hardware, "gains_by_bfloat16", lambda device: capable)
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=1", "train.precision=auto")
    stated = json.loads((run_directory(tmp_path / "out") / "run.json").read_text())["settings"]["train"]["precision"]
    assert stated == expected
    monkeypatch.setattr(hardware, "gains_by_bfloat16", lambda device: not capable)
    with pytest.raises(InputError, match=f"another train.precision.*expected '{expected}'"):
        run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=2", "train.precision=auto", resume=True)


def test_this_machine_says_whether_it_has_bfloat16():
    assert hardware.has_bfloat16(torch.device("cpu")) in (True, False)
    assert not hardware.has_bfloat16(torch.device("meta"))


def test_a_killed_run_in_bfloat16_resumes_bit_for_bit(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    more = ("--set", "train.precision=bfloat16", "--set", "train.max_steps=10")
    whole, parts = (arguments(store_path, tmp_path / name, hugging_face_model, *more) for name in ("whole", "parts"))
    assert interrupted(99, "SIGKILL", *whole).returncode == 0
    assert interrupted(7, "SIGKILL", *parts).returncode == -9
    assert interrupted(99, "SIGKILL", *parts, "--resume").returncode == 0
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    assert len(losses(tmp_path / "whole")) == 10
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")
