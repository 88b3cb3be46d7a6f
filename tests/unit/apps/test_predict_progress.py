"""What is said of how far `spanbert predict` is where nobody knows how much will come."""

from __future__ import annotations

from spanbert.apps.cli.predict_progress import PipeProgress, UntilWritten
from spanbert.core.reporter import SilentReporter


def test_texts_and_characters_of_a_pipe():
    said: list[str] = []
    progress = PipeProgress(said.append, every=0)
    lines = progress.lines(["x" * 999, "y" * 1999])
    results = progress.results(["a", "b"])
    next(lines)
    progress(0)
    progress(0.5)
    next(results)
    next(lines)
    progress(0)
    progress(1)
    assert said == [
        "predict: 0 texts and 0 characters done",
        "predict: 0 texts and 500 characters done",
        "predict: 1 texts and 1,000 characters done",
        "predict: 1 texts and 3,000 characters done",
    ]
    quiet: list[str] = []
    PipeProgress(quiet.append)(0)
    assert quiet == [], "not at once"


def test_a_screen_with_answers_shows_no_progress():
    class Kept(SilentReporter):
        def __init__(self) -> None:
            self.fractions: list[float] = []

        def update(self, stage: str, fraction: float, figures: object) -> None:
            self.fractions.append(fraction)

    kept = Kept()
    reporter = UntilWritten(kept)
    reporter.update("predict", 0.1, {})
    reporter.written()
    reporter.update("predict", 0.2, {})
    assert kept.fractions == [0.1]
