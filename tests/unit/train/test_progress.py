from __future__ import annotations

import pytest

from spanbert.core.errors import InputError
from spanbert.train.budget import Budget, Progress, is_due, schedule_factor
from spanbert.train.config import Amount, OptimConfig, TrainConfig, budget_overrides


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("500steps", "steps", 500), ("1step", "steps", 1), ("20Mtok", "tokens", 2e7), ("5ktok", "tokens", 5e3),
     ("90s", "seconds", 90), ("10m", "seconds", 600), ("1.5h", "seconds", 5400), ("10%", "share", 0.1)],
)  # fmt: skip
def test_amounts(text: str, unit: str, value: float):
    assert Amount.parse(text, where="--budget") == Amount(unit=unit, value=value)


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "0steps", "-5m", "5 parsecs"])
def test_bad_amounts(text: str):
    with pytest.raises(InputError, match="--budget: not an amount of training"):
        budget_overrides(text)


def test_budget_options_become_settings():
    assert budget_overrides("500steps") == ["train.max_steps=500"]
    assert budget_overrides("20Mtok") == ["train.max_tokens=20000000"]
    assert budget_overrides("90s") == ["train.max_minutes=1.5"]
    with pytest.raises(InputError, match="--budget: not a whole number"):
        budget_overrides("1.9steps")
    with pytest.raises(InputError, match="cannot be a share"):
        budget_overrides("10%")
    with pytest.raises(InputError, match="no budget"):
        Budget.of(TrainConfig())


def test_the_first_limit_ends_the_run():
    budget = Budget.of(TrainConfig(max_steps=10, max_minutes=1))
    assert budget.fraction(Progress(step=5, seconds=6)) == 0.5
    assert budget.fraction(Progress(step=5, seconds=45)) == 0.75
    assert budget.fraction(Progress(step=5, seconds=99)) == 1.0


def test_every_tenth_is_due_exactly_ten_times():
    budget = Budget.of(TrainConfig(max_steps=70))
    every = Amount.parse("10%", where="test")
    due = [n for n in range(1, 71) if is_due(every, Progress(step=n - 1), Progress(step=n), budget)]
    assert due == [7, 14, 21, 28, 35, 42, 49, 56, 63, 70]
    steps = [
        n for n in range(1, 11) if is_due(Amount(unit="steps", value=4), Progress(step=n - 1), Progress(step=n), budget)
    ]
    assert steps == [4, 8]


def test_schedules():
    linear = OptimConfig(schedule="linear", warmup=0.1)
    assert [schedule_factor(linear, f) for f in (0, 0.05, 0.1, 0.55, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    wsd = OptimConfig(schedule="wsd", warmup=0.1, decay=0.2)
    assert [schedule_factor(wsd, f) for f in (0.05, 0.1, 0.5, 0.8, 0.9, 1)] == pytest.approx([0.5, 1, 1, 1, 0.5, 0])
    assert schedule_factor(OptimConfig(warmup=0), 0) == 1
