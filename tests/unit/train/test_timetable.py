"""Whether steps and evaluations fit into a budget of time: whatever they take, the run ends in time if it can."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.train import finetune as finetuning
from spanbert.train import loop
from spanbert.train.task_data import TaskData
from spanbert.train.timetable import Scoring, Timetable
from tests.labelled import multi_file, tune
from tests.runs import Clock

LENGTHS = st.floats(0.01, 30)


def test_without_a_limit_of_time_everything_fits():
    times = Timetable(None, Scoring(tokens=10**9))
    times.made_step(1e6, 1)
    times.made_evaluation(1e6)
    assert times.fits_step(1e9)
    assert times.fits_evaluation(1e9)
    assert not times.has_evaluated_much(1.0)
    assert times.reserved == 0


def test_before_the_first_evaluation_its_length_is_guessed():
    times = Timetable(1000.0, Scoring(tokens=5_000, after=2))
    assert times.reserved == 0
    times.made_step(2.0, 1_000)
    assert times.evaluation == pytest.approx(5.0), "read twice as fast as trained on"
    assert times.reserved == pytest.approx(15.0), "the last evaluation, and two more of the bundle"
    times.made_evaluation(20.0)
    times.made_step(2.0, 1_000)
    assert times.evaluation == 20.0
    times.made_checkpoint(3.0)
    assert times.reserved == pytest.approx(66.0), "and the last checkpoint, and the bundle"
    writing = Timetable(1000.0, Scoring(tokens=1_000, writes=True))
    writing.made_step(2.0, 1_000)
    assert writing.evaluation == pytest.approx(8.0)


def test_a_scoring_that_takes_longer_than_the_budget_leaves_half_of_it():
    times = Timetable(100.0, Scoring())
    times.expect_evaluation(400.0)
    assert times.reserved == 50.0
    assert times.is_too_short
    assert times.fits_step(49.0)
    assert not times.fits_evaluation(0.0)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(20, 500), LENGTHS, LENGTHS, st.floats(0, 5, allow_subnormal=False), st.integers(0, 2), st.integers(1, 9)
)
def test_runs_end_in_time(limit: float, step: float, evaluation: float, saving: float, after: int, every: int):
    """A run whose parts take the same time whenever they come."""
    times = Timetable(limit, Scoring(after=after))
    times.expect_evaluation(evaluation)
    times.made_checkpoint(saving)
    used, steps = 0.0, 0
    while not steps or times.fits_step(used):
        used += step
        steps += 1
        times.made_step(step, 100)
        if steps % every == 0 and times.fits_evaluation(used):
            used += evaluation
            times.made_evaluation(evaluation)
    whole = used + (1 + after) * evaluation + 2 * saving
    if not times.is_too_short and step <= limit - times.reserved:
        assert whole <= limit + 1e-6
        assert whole + step > limit - 1e-6, "nothing that fits is left out"
    else:
        assert used <= max(limit / 2, step) + 1e-6


def test_a_fine_tuning_ends_in_time_with_its_last_scores(
    hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Steps of 5 seconds, evaluations of 6, two of these at the end to tune thresholds and to score."""
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(loop.Trainer, "_step", clock.lasting(loop.Trainer._step, 5.0))
    monkeypatch.setattr(finetuning, "_score", clock.lasting(finetuning._score, 6.0))
    monkeypatch.setattr(finetuning, "_tuned_and_scored", clock.lasting(finetuning._tuned_and_scored, 12.0))
    monkeypatch.setattr(loop, "save_state", clock.lasting(loop.save_state, 1.0))
    train, dev = (multi_file(tmp_path / f"{count}.jsonl", count, count) for count in (96, 24))
    data = TaskData(kind="classify", train=train, dev=dev)
    result = tune({"t": data}, hugging_face_model, tmp_path / "out", f"train.max_minutes={200 / 60}")
    steps = result.outcome.progress.step
    assert result.outcome.stopped_by == "budget"
    assert result.scores
    assert clock.now <= 200
    assert steps * 5 > 200 / 2, "and most of it was training"
