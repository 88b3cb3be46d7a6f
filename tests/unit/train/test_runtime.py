"""What training does to its process, and what it computes on."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import spanbert
from benchmarks.bench.common import in_fresh_process
from spanbert.core.memory import resident_memory
from spanbert.encoder import hardware
from spanbert.train.config import OptimConfig, TrainConfig
from spanbert.train.optimizer import make_optimizer, optimizer_tensors, restore_optimizer
from spanbert.train.runtime import Runtime


def grown_by_new_shapes() -> int:
    """Bytes by which products of 600 shapes let a process grow, after 200 others."""
    runtime = Runtime.of(TrainConfig())
    runtime.prepare_process()
    weights = torch.randn(64, 64)
    before = 0
    with runtime.autocast():
        for rows in range(100, 900):
            if rows == 300:
                before, _ = resident_memory()
            torch.nn.functional.linear(torch.randn(rows, 64), weights)
    return resident_memory()[0] - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc")
def test_memory_does_not_grow_with_the_shapes_of_products():
    grown, _ = in_fresh_process(grown_by_new_shapes)
    assert grown < 100e6


def held_after_freeing() -> tuple[int, int]:
    """Bytes that a process holds more after 200 MB were freed between small pieces that stay, before and after release."""
    hardware.tune_process()
    before, _ = resident_memory()
    large, small = [], []
    for _ in range(50):
        large.append(torch.ones(1 << 20))
        small.append(torch.ones(1 << 10))
    large.clear()
    kept = resident_memory()[0] - before
    hardware.release_freed_memory()
    return kept, resident_memory()[0] - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc")
def test_memory_between_pieces_that_stay_is_given_back():
    (kept, left), _ = in_fresh_process(held_after_freeing)
    assert kept > 150e6, "without it, all is kept for the next step"
    assert left < 50e6


def grown_by_new_sizes() -> int:
    """Bytes by which predicting batches of other sizes again and again lets a process grow, of 64 MB that are allowed."""
    hardware.tune_process()
    freed = hardware.FreedMemory(1 << 26)
    before, most = resident_memory()[0], 0
    draw = random.Random(0)
    for _ in range(200):
        held = [torch.ones(draw.randrange(1 << 18, 1 << 21)) for _ in range(4)]
        held.clear()
        freed.used(1 << 12)
        most = max(most, resident_memory()[0] - before)
    return most


@pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc")
def test_memory_does_not_grow_with_the_sizes_of_batches():
    grown, _ = in_fresh_process(grown_by_new_sizes)
    assert grown < 64e6 + 4 * 4 * (1 << 21) + 20e6, "what is allowed, and a batch"


def test_freed_memory_is_given_back_once_it_is_much(monkeypatch: pytest.MonkeyPatch):
    held, released = 100, []

    def release() -> None:
        released.append(held)

    monkeypatch.setattr(hardware, "resident_bytes", lambda: held)
    monkeypatch.setattr(hardware, "release_freed_memory", release)
    freed = hardware.FreedMemory(50)
    for now in (120, 150, 151, 180, 202):
        held = now
        freed.used(4096)
    assert released == [151, 202], "by more than 50 each time"
    held = 1000
    freed.used(4095)
    assert len(released) == 2, "answers to short texts are not delayed by a look"
    freed.used(1)
    assert len(released) == 3
    monkeypatch.setattr(hardware, "resident_bytes", lambda: None)
    hardware.FreedMemory(50).used(1 << 20)
    assert len(released) == 3, "a system that does not say"


@pytest.mark.parametrize(("asked", "found"), [("float32", "float32"), ("bfloat16", "bfloat16"), ("auto", "bfloat16")])
def test_a_runtime_is_what_the_settings_say_on_this_machine(monkeypatch: pytest.MonkeyPatch, asked: str, found: str):
    monkeypatch.setattr(hardware, "gains_by_bfloat16", lambda device: True)
    runtime = Runtime.of(TrainConfig(precision=asked, seed=3, threads=2))
    assert (runtime.precision, runtime.seed, runtime.threads) == (found, 3, 2)
    assert (runtime.ranks.rank, runtime.ranks.size) == (0, 1)
    product = torch.ones(2, 2, device=runtime.device)
    with runtime.autocast():
        assert (product @ product).dtype == getattr(torch, found)


def test_threads_are_set_where_they_are_asked_for():
    before = torch.get_num_threads()
    try:
        Runtime.of(TrainConfig(threads=before + 1)).prepare_process()
        assert torch.get_num_threads() == before + 1
        Runtime.of(TrainConfig()).prepare_process()
        assert torch.get_num_threads() == before + 1, "left as it is"
    finally:
        torch.set_num_threads(before)


def test_a_device_that_works_ahead_is_asked_seldom():
    runtime = Runtime.of(TrainConfig())
    assert runtime.steps_between_reads == 1
    assert replace(runtime, device=torch.device("cuda")).steps_between_reads == 16


def test_the_device_is_chosen_in_one_place():
    """Peers of benchmarks are told theirs by strings of their own; a kernel may ask where a tensor is."""
    source = Path(spanbert.__file__).parent
    found = [
        path.relative_to(source)
        for path in source.rglob("*.py")
        if re.search(r"torch\.device\(|\.cuda\(|to\(.c(pu|uda)", path.read_text())
    ]
    assert found == [Path("encoder/hardware.py")]


def test_a_state_goes_to_the_device_of_its_parameters():
    here, there = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2, device="meta")
    first, second = (make_optimizer(torch.nn.ModuleDict({"head": one}), OptimConfig()) for one in (here, there))
    here(torch.ones(1, 3)).sum().backward()
    first.step()
    state = optimizer_tensors(first, torch.nn.ModuleDict({"head": here}))
    restore_optimizer(second, torch.nn.ModuleDict({"head": there}), state)
    restored = optimizer_tensors(second, torch.nn.ModuleDict({"head": there}))
    assert restored.keys() == state.keys()
    assert {one.device.type for one in restored.values()} == {"meta"}
    restore_optimizer(first, torch.nn.ModuleDict({"head": here}), state)
    again = optimizer_tensors(first, torch.nn.ModuleDict({"head": here}))
    assert all(torch.equal(again[name], state[name]) and again[name] is not state[name] for name in state)
