"""How threads wait, and how many compute: what the user has set stays, small work takes one thread."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spanbert.batches.examples import HeadRows, Window
from spanbert.core import threads
from spanbert.core.threads import load_average, usable_cores, wait_briefly
from spanbert.encoder import hardware
from spanbert.encoder.hardware import threads_by_work
from spanbert.inference.torch_backend import TorchBackend
from tests.stubs import LabelTableHead, PieceEncoder

AT_ENTRY = """
import os, sys
from spanbert.apps.cli import main as entry
entry.app = lambda: print(os.environ.get("GOMP_SPINCOUNT"), "torch" in sys.modules)
entry.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP")
@pytest.mark.parametrize(
    ("stated", "expected"),
    [({}, "3000 False"), ({"OMP_WAIT_POLICY": "active"}, "None False"), ({"GOMP_SPINCOUNT": "7"}, "7 False")],
)
def test_commands_say_how_threads_wait_before_torch_is_imported(stated: dict[str, str], expected: str):
    inherited = {name: value for name, value in os.environ.items() if name not in threads._STATED}
    call = [sys.executable, "-c", AT_ENTRY]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env={**inherited, **stated})
    assert done.stdout.strip() == expected


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    for name in threads._STATED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads.sys, "platform", "darwin")
    wait_briefly()
    assert not threads._STATED & os.environ.keys()


@pytest.mark.parametrize(
    ("stated", "cores"),
    [(["150000 100000"], 2), (["50000 100000"], 1), (["max 100000"], None), (["-1", "100000"], None), ([], None)],
)
def test_a_container_may_use_the_time_of_a_few_cores(
    stated: list[str], cores: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = tuple(str(tmp_path / str(number)) for number in range(len(stated) or 1))
    for file, text in zip(files, stated, strict=False):
        Path(file).write_text(f"{text}\n", encoding="utf-8")
    monkeypatch.setattr(threads, "_QUOTAS", (("no such file",), files))
    assert threads.quota() == cores
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert usable_cores() == (cores or 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(hardware, "quota", threads.quota)
    taken = [64]
    monkeypatch.setattr(hardware.torch, "get_num_threads", lambda: taken[-1])
    monkeypatch.setattr(hardware.torch, "set_num_threads", taken.append)
    for _ in range(2):
        hardware._keep_to_quota.__wrapped__()
    assert taken == ([64] if cores is None else [64, cores])
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    taken.append(64)
    hardware._keep_to_quota.__wrapped__()
    assert taken[-1] == 64, "what the user has stated stays"


def test_the_machine_is_asked(monkeypatch: pytest.MonkeyPatch):
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    load = load_average()
    assert load is None or load >= 0

    def unknown() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr(os, "getloadavg", unknown)
    assert load_average() is None


@pytest.fixture
def several_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def test_small_work_takes_one_thread_and_gives_the_others_back(several_threads: int):
    for tokens, width, expected in (
        (16, 32, 1),
        (4096, 768, several_threads),
        (20, 384, 1),
        (400, 384, several_threads),
    ):
        with threads_by_work(tokens, width):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == several_threads
    with pytest.raises(ValueError, match="an error"), threads_by_work(1, 1):
        raise ValueError("an error")
    assert torch.get_num_threads() == several_threads


@pytest.mark.parametrize(("width", "expected"), [(32, 1), (4096, 3)])
def test_a_batch_is_predicted_by_threads_that_fit_its_size(several_threads: int, width: int, expected: int):
    seen: list[int] = []

    class Watching(PieceEncoder):
        def forward(self, batch, *, rows):
            seen.append(torch.get_num_threads())
            return super().forward(batch, rows=rows)

    encoder = Watching()
    encoder.config.hidden_size = width
    backend = TorchBackend(encoder, {"t": LabelTableHead(2)})  # type: ignore[arg-type, dict-item]
    backend.run([Window(ids=np.array([1, 2, 3]))], {"t": [HeadRows(rows=np.zeros(1, dtype=np.int64))]})
    assert seen == [expected]
    assert torch.get_num_threads() == several_threads


def test_a_step_of_a_tiny_model_is_trained_by_one_thread(
    several_threads: int, store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from spanbert.train import loop
    from tests.runs import run

    seen: list[int] = []

    def watched(*given, **named):
        seen.append(torch.get_num_threads())
        return backward(*given, **named)

    backward = loop.backward
    monkeypatch.setattr(loop, "backward", watched)
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=2")
    assert seen == [1, 1]
    assert torch.get_num_threads() == several_threads
