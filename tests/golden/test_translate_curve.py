"""The losses of a fixed tiny run of translation: a change here is a change of the mathematics, and wants a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spanbert import FinetuneConfig, TaskData, finetune
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log

GOLDEN = Path(__file__).with_name("translate_curve.json")
NOUNS = ("fox", "dog", "king", "child", "bird")


def losses(model: Path, folder: Path) -> list[float]:
    """Dropout, smoothing, two micro-batches a step, steps of tokens, the encoder frozen at first."""
    pairs = [(f"the {a} sees the old {b} near the river"[: 20 + 7 * n], f"{b.upper()} ü {a}" * (1 + n % 3))
             for n, (a, b) in enumerate((a, b) for a in NOUNS for b in NOUNS)]  # fmt: skip
    train = folder / "train.tsv"
    train.write_text("".join(f"{text}\t{target}\n" for text, target in pairs))
    config = FinetuneConfig.assemble(
        overrides=["train.max_steps=12", "train.accumulation=2", "train.precision=float32", "train.threads=1",
                   "optim.frozen=0.3", "batch.tokens=150", "translate.vocabulary=300", "translate.layers=2",
                   "translate.width=24", "translate.heads=3", "hidden_dropout=0.1", "optim.lr=5e-5",
                   "optim.head_lr=5e-4"],
    )  # fmt: skip
    finetune({"de": TaskData(kind="translate", train=train)}, model=model, out=folder / "out", config=config)
    return [line["de_loss"] for line in read_log(run_directory(folder / "out") / "metrics.jsonl")]


def test_losses_are_the_golden_ones(hugging_face_model: Path, tmp_path: Path):
    golden = json.loads(GOLDEN.read_text())
    assert losses(hugging_face_model, tmp_path) == pytest.approx(golden, rel=2e-4)
    assert golden[-1] < golden[0]
