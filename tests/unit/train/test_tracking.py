"""Logs of a run: on the disk before the state that follows them, and no traceback from TensorBoard's thread."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from spanbert.train import loop
from spanbert.train.tracking import Tracker
from tests.runs import run


def test_the_log_is_on_the_disk_before_the_state(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    done: list[str] = []
    sync, save = Tracker.sync, loop.save_state
    monkeypatch.setattr(Tracker, "sync", lambda self: (done.append("log"), sync(self)))
    monkeypatch.setattr(loop, "save_state", lambda path, **state: (done.append(path.name), save(path, **state)))
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=2", "train.checkpoint_every=1steps",
        "train.evaluate_every=2steps")  # fmt: skip
    assert done == ["log", "last", "best", "log", "last", "log", "last"]


def test_both_logs_are_synchronised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/dev/fd/{descriptor}").resolve().name))
    with Tracker(tmp_path, after_step=0) as tracker:
        synced.clear()
        tracker.sync()
    assert synced == ["metrics.jsonl", "evaluations.jsonl"]


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: told.append(str(arguments.exc_value)))
    before = threading.excepthook

    def fail(error: Exception, module: str) -> None:
        kind = type("Worker", (threading.Thread,), {"__module__": module, "run": lambda self: throw(error)})
        worker = kind()
        worker.start()
        worker.join()

    def throw(error: Exception) -> None:
        raise error

    with Tracker(tmp_path, after_step=0):
        fail(OSError(28, "full"), "tensorboard.summary.writer")
        fail(ValueError("a fault"), "tensorboard.summary.writer")
        fail(OSError(28, "of another thread"), "elsewhere")
    assert told == ["a fault", "[Errno 28] of another thread"]
    assert threading.excepthook is before
