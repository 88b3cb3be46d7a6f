"""Settings that are tried in a tuning, what they reached, and how their progress is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spanbert.core.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a trial had reached when a share of its budget was used.

    Attributes:
        share: The share.
        step: The step after which that was; None where the loss was no longer finite.
        score: The best so far on the dev data, as runs choose their weights; None the same.
    """

    share: float
    step: int | None
    score: float | None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Settings that are tried.

    Attributes:
        name: Of its directory.
        settings: What is its own, by dotted key.
        scores: After a share of the budget, and at the end if it got there.
    """

    name: str
    settings: Mapping[str, float]
    scores: tuple[Score, ...] = ()

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Trial:
        """Reads what `asdict` wrote."""
        return cls(**{**record, "scores": tuple(Score(**one) for one in record["scores"])})

    def has(self, share: float) -> bool:
        """Whether it got so far."""
        return any(one.share == share for one in self.scores)

    def score_at(self, share: float) -> str:
        """Its score after a share, for a table; empty if it did not get there."""
        found = [one.score for one in self.scores if one.share == share]
        return "" if not found else "diverged" if found[0] is None else f"{found[0]:.4f}"

    @property
    def rank(self) -> float:
        """What trials are ordered by, higher is better."""
        score = self.scores[-1].score
        return float("-inf") if score is None else score

    @property
    def in_words(self) -> str:
        """Its settings for people."""
        return ", ".join(f"{key.rpartition('.')[2]} {value:g}" for key, value in self.settings.items())


@dataclass(frozen=True, kw_only=True)
class TrialTable:
    """Trials as a table.

    Attributes:
        settings: Dotted keys of their settings, a column each.
        shares: Shares of the budget, a column each.
        rows: Of each trial, the value of each setting and its score after each share.
    """

    settings: Sequence[str]
    shares: Sequence[float]
    rows: Sequence[tuple[Sequence[float], Sequence[str]]]

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> TrialTable:
        """The table of trials, in their order."""
        settings = sorted({key for trial in trials for key in trial.settings}, reverse=True)
        shares = sorted({score.share for trial in trials for score in trial.scores})
        rows = [
            ([trial.settings[key] for key in settings], [trial.score_at(share) for share in shares]) for trial in trials
        ]
        return cls(settings=settings, shares=shares, rows=rows)


class TrialReporter:
    """Shows the progress of a trial under its name.

    Args:
        reporter: Where.
        label: The name.
        talks: Pass on what the run says; of what all would say alike, one trial is enough.
    """

    def __init__(self, reporter: Reporter, label: str, *, talks: bool) -> None:
        self._reporter, self._label, self._talks = reporter, label, talks

    def say(self, message: str) -> None:
        """Passes a line on, or drops it."""
        if self._talks:
            self._reporter.say(message)

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Moves the trial's bar."""
        self._reporter.update(self._label, fraction, figures)

    def finish(self, stage: str) -> None:
        """The trial is over, or pauses."""
        self._reporter.finish(self._label)
