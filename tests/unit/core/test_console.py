from __future__ import annotations

import io

import pytest
from rich.console import Console

from spanbert.apps.reports.curves import loss_curves
from spanbert.core.console import LiveReporter, NotebookReporter, PlainReporter


def test_plain_lines_come_now_and_then_with_the_time_left(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 1.0, 11.0, 12.0, 21.5])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    reporter = PlainReporter(Console(file=stream, width=200), every=10)
    for fraction in (0.0, 0.05, 0.25, 0.3, 0.5):
        reporter.update("train", fraction, {"loss": f"{fraction:.2f}"})
    reporter.finish("train")
    assert stream.getvalue().splitlines() == ["train  25%  loss 0.25  ETA 0:33", "train  50%  loss 0.50  ETA 0:22"]


def test_in_a_notebook_a_line_changes_in_place(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 2.0, 2.5, 4.0, 4.1])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    reporter = NotebookReporter(Console(file=stream, width=200))
    reporter.say("read a.txt")
    for fraction, loss in ((0.0, "2.5"), (0.25, "10.25"), (0.3, "2.0"), (0.5, "1.5")):
        reporter.update("train", fraction, {"loss": loss})
    reporter.say("step 5: \x1b[2J")
    reporter.update("train", 1.0, {"loss": "1.0"})
    reporter.finish("train")
    reporter.finish("score")
    first, train, last, end = stream.getvalue().split("\n")
    assert (first, end) == ("read a.txt", ""), "a stage without a line ends none"
    states = train.split("\r")
    assert states[:2] == ["train  25%  loss 10.25  ETA 0:06", "train  50%  loss 1.5  ETA 0:04".ljust(len(states[0]))]
    assert states[2:] == ["step 5: \\x1b[2J".ljust(len(states[1].rstrip()))], "nothing of the longer line is left"
    assert last == "train 100%  loss 1.0  ETA 0:00"


def test_live_bar_shows_stage_and_figures():
    stream = io.StringIO()
    with LiveReporter(Console(file=stream, force_terminal=True, width=120)) as reporter:
        reporter.update("train", 0.5, {"mlm": "6.1"})
        reporter.say("held-out [figures]")
        reporter.finish("train")
    shown = stream.getvalue()
    assert "train" in shown
    assert "mlm 6.1" in shown
    assert "held-out [figures]" in shown


def test_curves_are_a_picture():
    metrics = [{"step": n, "tokens": n * 100, "mlm_loss": 7 - n / 10, "sbo_loss": 7.0} for n in range(1, 9)]
    picture = loss_curves(metrics, [{"step": 0, "tokens": 0, "mlm_loss": 8.0}, metrics[-1]], unigram_loss=7.2)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 5000
