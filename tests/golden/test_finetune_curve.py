"""The losses of a fixed tiny fine-tuning run: a change here is a change of the mathematics, and wants a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log
from tests.labelled import conll_file, data, regression_file, single_file, squad_file, tune

GOLDEN = Path(__file__).with_name("finetune_curve.json")


def test_losses_are_the_golden_ones(hugging_face_model: Path, tmp_path: Path):
    """Four kinds of task, dropout, two micro-batches a step, windows of long texts."""
    tasks = {
        "kind": data("classify", single_file, tmp_path / "kind"),
        "amount": data("classify", regression_file, tmp_path / "amount"),
        "ner": data("tag", conll_file, tmp_path / "ner", suffix=".conll"),
        "who": data("qa", squad_file, tmp_path / "who", suffix=".json"),
    }
    tune(tasks, hugging_face_model, tmp_path / "out", "train.max_steps=12", "train.accumulation=2",
         "hidden_dropout=0.1", "optim.layer_decay=0.9", "qa.longest_question=10", "window.length=16",
         "window.overlap=4")  # fmt: skip
    names = [f"{name}_loss" for name in tasks]
    curve = [
        {name: line[name] for name in names if name in line}
        for line in read_log(run_directory(tmp_path / "out") / "metrics.jsonl")
    ]
    golden = json.loads(GOLDEN.read_text())
    assert {name for step in golden for name in step} == set(names)
    for step, (now, before) in enumerate(zip(curve, golden, strict=True), start=1):
        assert now == pytest.approx(before, rel=2e-4), f"step {step}"
