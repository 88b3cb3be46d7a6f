"""The losses of a fixed tiny run: a change here is a change of the mathematics, and wants a reason in the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spanbert.train.pretrain import pretrain
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log

GOLDEN = Path(__file__).with_name("pretrain_curve.json")


def test_losses_are_the_golden_ones(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    overrides = [
        "train.max_steps=10",
        "batch.segment_length=32",
        "batch.pack_tokens=256",
        "optim.lr=1e-3",
        "train.precision=float32",
    ]
    pretrain(
        store_path, out=tmp_path / "out", model=hugging_face_model, config=PretrainConfig.assemble(overrides=overrides)
    )
    curve = [
        {name: line[name] for name in ("mlm_loss", "sbo_loss")}
        for line in read_log(run_directory(tmp_path / "out") / "metrics.jsonl")
    ]
    for step, (now, golden) in enumerate(zip(curve, json.loads(GOLDEN.read_text()), strict=True), start=1):
        assert now == pytest.approx(golden, rel=2e-4), f"step {step}"
