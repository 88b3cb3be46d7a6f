"""Gradients that are no numbers or far too large do not move the weights."""

from __future__ import annotations

import math

import pytest
import torch

from spanbert.train.spikes import SpikeGuard

CPU = torch.device("cpu")


def skipped(guard: SpikeGuard, *norms: float) -> list[int]:
    return [int(guard.skips(torch.tensor(norm), of="mlm")) for norm in norms]


def test_what_is_no_number_is_left_out_at_any_time():
    guard = SpikeGuard(None, CPU)
    assert skipped(guard, math.nan, 1.0, math.inf, math.nan, 1e30) == [1, 0, 1, 1, 0]
    skipped(guard, math.nan, math.nan)
    assert guard.in_a_row.item() == 2


def test_what_is_far_larger_than_usual_is_left_out_once_it_is_known_what_is_usual():
    guard = SpikeGuard(20.0, CPU)
    assert skipped(guard, 1.0, 100.0, *[1.0] * 97) == [0] * 99, "too early to say"
    assert skipped(guard, 1.0, 15.0, 1.0, 1000.0, 1.0) == [0, 0, 0, 1, 0]
    assert skipped(guard, *[3.0] * 300, 50.0) == [0] * 301, "what is usual grows"


def test_norms_that_were_left_out_do_not_count_as_usual():
    guard = SpikeGuard(20.0, CPU)
    skipped(guard, *[1.0] * 100)
    assert skipped(guard, *[1000.0] * 50) == [1] * 50


def test_what_is_usual_for_one_task_is_not_for_another():
    guard = SpikeGuard(20.0, CPU)
    for _ in range(300):
        assert not guard.skips(torch.tensor(1.0), of="tags")
        assert not guard.skips(torch.tensor(700.0), of="clusters")
    assert guard.skips(torch.tensor(30.0), of="tags")
    assert not guard.skips(torch.tensor(1400.0), of="clusters")
    other = SpikeGuard(20.0, CPU)
    other.restore(guard.facts())
    assert other.skips(torch.tensor(30.0), of="tags")
    assert not other.skips(torch.tensor(30.0), of="clusters")


def test_a_state_of_earlier_versions_says_nothing_of_what_is_usual():
    guard = SpikeGuard(20.0, CPU)
    guard.restore({"mean": 1.0, "steps": 500.0, "in_a_row": 1.0})
    assert guard.in_a_row.item() == 1
    assert skipped(guard, 1000.0) == [0]


@pytest.mark.parametrize("norms", [[1.0, math.nan, 2.0], [1.0] * 150 + [40.0]])
def test_a_state_goes_on(norms: list[float]):
    whole, parts = SpikeGuard(20.0, CPU), SpikeGuard(20.0, CPU)
    first = skipped(whole, *norms)
    assert skipped(parts, *norms[:2]) == first[:2]
    other = SpikeGuard(20.0, CPU)
    other.restore(parts.facts())
    assert skipped(other, *norms[2:]) == first[2:]
    assert other.facts() == whole.facts()


def test_the_weights_and_moments_stay_where_a_step_is_left_out():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    weight.grad = torch.ones(3)
    optimizer.found_inf = torch.tensor(0.0)
    optimizer.step()
    before = weight.detach().clone(), optimizer.state[weight]["exp_avg"].clone()
    weight.grad = torch.full((3,), math.nan)
    optimizer.found_inf = SpikeGuard(None, CPU).skips(torch.tensor(math.nan), of="mlm")
    optimizer.step()
    assert torch.equal(weight, before[0])
    assert torch.equal(optimizer.state[weight]["exp_avg"], before[1])
    assert optimizer.state[weight]["step"].item() == 1
