"""Small training runs, whole and interrupted, for the tests of training."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from spanbert.train.pretrain import pretrain
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log

SMALL = ["batch.segment_length=32", "batch.pack_tokens=256", "optim.lr=1e-3", "train.evaluate_tokens=2000",
         "train.precision=float32"]  # fmt: skip


def run(store: Path, out: Path, model: Path | None, *overrides: str, resume: bool = False, **more):
    config = PretrainConfig.assemble(overrides=[*SMALL, *overrides])
    return pretrain(store, out=out, model=model, config=config, resume=resume, **more)


def losses(out: Path) -> list[float]:
    log = read_log(run_directory(out) / "metrics.jsonl")
    assert [line["step"] for line in log] == list(range(1, len(log) + 1))
    return [line["loss"] for line in log]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(run_directory(out) / "training" / "last" / "model.safetensors") | {
        f"bundle.{name}": tensor
        for file in ("model.safetensors", "heads.safetensors")
        for name, tensor in load_file(out / file).items()
    }


def assert_same_weights(first: Path, second: Path) -> None:
    one, two = weights(first), weights(second)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


SIGNAL_AT_STEP = """
import os, signal, sys
from spanbert.train.tracking import Tracker
note, at, name = Tracker.step, int(sys.argv[1]), sys.argv[2]
def note_and_signal(self, step, figures):
    note(self, step, figures)
    if step == at:
        os.kill(os.getpid(), getattr(signal, name))
Tracker.step = note_and_signal
sys.argv = ["spanbert", *sys.argv[3:]]
from spanbert.apps.cli.main import main
main()
"""


def interrupted(step: int, signal_name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SIGNAL_AT_STEP, str(step), signal_name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def arguments(store: Path, out: Path, model: Path, *more: str) -> list[object]:
    settings = [part for setting in (*SMALL, "train.max_steps=20", "train.checkpoint_every=4steps",
                                     "train.evaluate_every=6steps") for part in ("--set", setting)]  # fmt: skip
    return ["pretrain", store, "--model", model, "--out", out, *settings, *more]


class Clock:
    """Stands in for the module `time`: a clock that goes on only while methods run that are said to last."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def lasting(self, method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        """The method, which takes so long."""

        def run_it(*given: Any, **named: Any) -> Any:
            self.now += seconds
            return method(*given, **named)

        return run_it
