"""Runs on a device lose what they lose on the CPU, and go on elsewhere."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import spanbert
from spanbert.core.files import read_json
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log
from tests.labelled import PLANS, data, tune, write_table
from tests.runs import losses, run

STEPS = "train.max_steps=4"
TASKS = ("single", "multi", "regression", "pair", "bio", "nested", "qa", "coref", "relation", "joint")


@pytest.mark.parametrize(("precision", "most"), [("float32", 2e-3), ("bfloat16", 2e-2)])
def test_pre_training(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, device: torch.device, precision: str, most: float
):
    settings = (STEPS, "encoder.hidden_dropout=0", "batch.packs=2", "train.evaluate_every=50%")
    run(store_path, tmp_path / "cpu", hugging_face_model, *settings, device="cpu")
    run(store_path, tmp_path / "device", hugging_face_model, *settings, f"train.precision={precision}",
        "train.accumulation=auto", device=device)  # fmt: skip
    assert losses(tmp_path / "device") == pytest.approx(losses(tmp_path / "cpu"), rel=most)
    train = read_json(run_directory(tmp_path / "device") / "run.json")["settings"]["train"]
    assert train["device"] == str(device)
    assert train["compile"] == ("on" if device.type == "cuda" else "off")
    assert train["accumulation"] == (1 if device.type == "cuda" else 2), "two small packs fit together"
    for path in (tmp_path / "cpu", tmp_path / "device"):
        assert spanbert.load(path, device=device).fill("The quick [MASK] fox", top_k=1)


def test_pre_training_without_the_compiler_and_with_dropout(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, device: torch.device
):
    more = ("train.compile=off", "train.gradient_checkpointing=true", "train.precision=auto")
    run(store_path, tmp_path / "out", hugging_face_model, STEPS, *more, device=device)
    assert all(math.isfinite(one) for one in losses(tmp_path / "out"))


def test_a_run_goes_on_elsewhere_and_comes_back(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, device: torch.device
):
    out = tmp_path / "out"
    for steps, where in ((2, device), (4, "cpu"), (6, device)):
        settings = (f"train.max_steps={steps}", "train.precision=auto")
        run(store_path, out, hugging_face_model, *settings, resume=True, device=where)
    found = losses(out)
    assert len(found) == 6
    assert all(math.isfinite(one) for one in found)


@pytest.mark.parametrize("name", TASKS)
def test_every_kind_of_task(hugging_face_model: Path, tmp_path: Path, device: torch.device, name: str):
    tasks = {
        task: data(kind, writer, tmp_path / task, options, suffix=suffix)
        for task, (kind, writer, options, suffix) in PLANS[name].items()
    }
    _compare(tasks, hugging_face_model, tmp_path, device)


def test_translation(hugging_face_model: Path, tmp_path: Path, device: torch.device):
    rows = [(f"the {a} sees the {b}", f"{b} {a}") for a in ("fox", "dog", "king") for b in ("child", "bird", "queen")]
    file = write_table(tmp_path / "train.tsv", ("text", "target"), rows)
    tasks = {"de": spanbert.TaskData(kind="translate", train=file, dev=file)}
    more = ("translate.vocabulary=300", "translate.layers=1", "translate.width=32", "translate.heads=4")
    _compare(tasks, hugging_face_model, tmp_path, device, *more)


def _compare(tasks: dict, model: Path, folder: Path, device: torch.device, *more: str) -> None:
    """Losses of some steps in float32, and that bfloat16 trains, is scored and predicts."""
    settings = (STEPS, "train.evaluate_every=100%", *more)
    found = {}
    for where in ("cpu", device):
        out = folder / f"out-{str(where).partition(':')[0]}-{where == 'cpu'}"
        found[where == "cpu"] = tune(tasks, model, out, *settings, device=where).scores
        found[where == "cpu", "losses"] = [one["loss"] for one in read_log(run_directory(out) / "metrics.jsonl")]
    assert found[False, "losses"] == pytest.approx(found[True, "losses"], rel=5e-3)
    assert found[False].keys() == found[True].keys()
    half = tune(tasks, model, folder / "half", *settings, "train.precision=auto", device=device)
    assert half.scores.keys() == found[True].keys()
    assert half.outcome.progress.step == 4
