"""Figures that stay on the device for some steps: the same log, and nothing that is not finite is saved."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from spanbert.core.errors import SpanbertError
from spanbert.tasks.pretrain.heads import PretrainHead
from spanbert.train.figures import StepFigures
from spanbert.train.loop import Trainer
from spanbert.train.run_directory import run_directory
from spanbert.train.runtime import Runtime
from spanbert.train.tracking import read_log
from tests.runs import assert_same_weights, run

TIMES = ("seconds", "tokens_per_second", "data_wait_share", "memory_bytes", "mfu")


def wait_for(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "steps_between_reads", steps)


def log(out: Path, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [
        {key: value for key, value in line.items() if key not in TIMES} for line in read_log(run_directory(out) / name)
    ]


def test_the_log_is_the_same_whenever_the_device_is_asked(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = ("train.max_steps=15", "train.evaluate_every=6steps", "train.checkpoint_every=5steps", "batch.packs=2",
                "train.accumulation=2")  # fmt: skip
    for steps in (1, 4):
        wait_for(steps, monkeypatch)
        run(store_path, tmp_path / str(steps), hugging_face_model, *settings)
    one, four = tmp_path / "1", tmp_path / "4"
    assert [line["step"] for line in log(one)] == list(range(1, 16))
    assert [list(line.items()) for line in log(four)] == [list(line.items()) for line in log(one)]
    assert log(four, "evaluations.jsonl") == log(one, "evaluations.jsonl")
    assert_same_weights(one, four)


def test_numbers_are_asked_for_when_steps_are_read(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, by_step = [0], []

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: torch.Tensor) -> Any:
            asked[0] += 1
            return method(self)

        return call

    step = Trainer._step

    def watched(*given: Any) -> None:
        before = asked[0]
        step(*given)
        by_step.append(asked[0] - before)

    monkeypatch.setattr(Trainer, "_step", watched)
    for name in ("item", "tolist", "__float__", "__int__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, counted(getattr(torch.Tensor, name)))
    wait_for(4, monkeypatch)
    settings = ("train.max_steps=10", "train.checkpoint_every=6steps")
    run(store_path, tmp_path / "out", hugging_face_model, *settings, "train.evaluate_every=100%")
    assert by_step == [0, 0, 0, 1, 0, 0, 0, 0, 0, 1], "at step 6 they are read for the state"


@pytest.mark.parametrize(
    ("every", "checkpoints", "saved"), [(1, "4steps", 4), (4, "4steps", 4), (4, "7steps", 7), (4, "3steps", 6)]
)
def test_steps_that_are_no_numbers_are_left_out_and_end_the_run_before_anything_of_them_is_saved(
    every: int, checkpoints: str, saved: int, store_path: Path, hugging_face_model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    before, calls = PretrainHead.losses, [0]

    def broken(self: PretrainHead, *given: Any) -> dict[str, torch.Tensor]:
        calls[0] += self.training
        found = before(self, *given)
        return {**found, "sbo": found["sbo"] * float("nan")} if calls[0] in (3, 7, 8) else found

    monkeypatch.setattr(PretrainHead, "losses", broken)
    wait_for(every, monkeypatch)
    out = tmp_path / "out"
    with pytest.raises(
        SpanbertError, match=r"^step 8: .* 2 steps in a row were left out. Start again with a lower optim"
    ):
        run(store_path, out, hugging_face_model, "train.max_steps=20", f"train.checkpoint_every={checkpoints}",
            "train.evaluate_every=100%", "optim.most_skipped=2")  # fmt: skip
    assert [line["step"] for line in log(out)] == [1, 2, 3, 4, 5, 6, 7]
    assert [line["step"] for line in log(out) if line.get("skipped")] == [3, 7]
    assert "loss" not in log(out)[2]
    assert "mlm_loss" in log(out)[2]
    state = run_directory(out) / "training" / "last"
    assert json.loads((state / "state.json").read_text())["progress"]["step"] == saved
    assert all(torch.isfinite(one).all() for one in load_file(state / "model.safetensors").values())


def test_a_run_that_is_stopped_while_steps_wait_goes_on_bit_for_bit(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wait_for(4, monkeypatch)
    whole, parts, settings = tmp_path / "whole", tmp_path / "parts", ("train.max_steps=10", "train.evaluate_every=100%")
    run(store_path, whole, hugging_face_model, *settings)
    step = Trainer._step

    def signalled(self: Trainer, *given: Any) -> None:
        step(self, *given)
        if self.progress.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", signalled)
        outcome = run(store_path, parts, hugging_face_model, *settings).outcome
    assert (outcome.stopped_by, outcome.progress.step) == ("SIGTERM", 6)
    assert [line["step"] for line in log(parts)] == [1, 2, 3, 4, 5, 6]
    run(store_path, parts, hugging_face_model, *settings, resume=True)
    assert log(parts) == log(whole)
    assert_same_weights(parts, whole)


def test_steps_are_noted_in_order_once_they_are_read_and_done(tmp_path: Path):
    noted: list[tuple[int, dict[str, float]]] = []
    figures = StepFigures(
        {"a": 1.0, "b": 0.5}, most=2, note=lambda *one: noted.append(one), directory=tmp_path, most_skipped=5,
        say=pytest.fail,
    )  # fmt: skip
    figures.read()
    for number in (1, 2, 3):
        losses = {"a": torch.tensor(2.0), "b": torch.tensor(float(number))}
        figures.measured(number, losses, gradient_norm=torch.tensor(0.25), skipped=torch.tensor(0.0), lr=0.1)
        assert len(noted) == (0, 1, 2)[number - 1], "of two steps that were read the second is not done"
        figures.done(tokens=7)
        assert len(noted) == (0, 2, 2)[number - 1]
    figures.read()
    assert [number for number, _ in noted] == [1, 2, 3]
    line = {"loss": 3.5, "a_loss": 2.0, "b_loss": 3.0, "lr": 0.1, "gradient_norm": 0.25, "tokens": 7}
    assert noted[2][1] == line
