"""Whether one more step, or one more evaluation, fits into a budget of time together with what must come after it.

used | a step | the last evaluation | the last checkpoint, the bundle | scoring of the bundle | the limit

How long these take is measured as they come; before the first evaluation it is guessed from the speed of training.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_LATEST = 8  # steps; the longest of them is what the next may take
_READING, _WRITING = 2.0, 0.25  # tokens a second against those of training: guesses on the safe side
_MOST_EVALUATING = 0.2  # of the time so far
_MOST_RESERVED = 0.5  # of a budget: a run trains, however long its scoring takes


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What scoring on held-out data is.

    Attributes:
        tokens: About how many are read each time.
        writes: The model writes, which takes longer than to read.
        after: How often that data is read again after the last evaluation: to tune thresholds, to score the bundle.
    """

    tokens: int = 0
    writes: bool = False
    after: int = 0


class Timetable:
    """How long the parts of a run take.

    Args:
        limit: Seconds of the budget; None: it is none of time, and everything fits.
        scoring: What scoring is; None: nothing is scored.
    """

    def __init__(self, limit: float | None, scoring: Scoring | None) -> None:
        self._limit, self._scoring = limit, scoring
        self._steps: deque[float] = deque(maxlen=_LATEST)
        self._evaluation: float | None = None
        self._evaluating = self._guess = self._checkpoint = 0.0

    def made_step(self, seconds: float, tokens: int) -> None:
        """Takes in a step."""
        self._steps.append(seconds)
        if self._scoring is not None:
            faster = _WRITING if self._scoring.writes else _READING
            self._guess = seconds * self._scoring.tokens / (tokens * faster)

    def expect_evaluation(self, seconds: float) -> None:
        """Takes in how long an evaluation took before the clock of the budget was started."""
        self._evaluation = seconds

    def made_evaluation(self, seconds: float) -> None:
        """Takes in an evaluation."""
        self._evaluation = seconds
        self._evaluating += seconds

    def made_checkpoint(self, seconds: float) -> None:
        """Takes in a checkpoint."""
        self._checkpoint = max(self._checkpoint, seconds)

    @property
    def evaluation(self) -> float:
        """About how many seconds an evaluation takes."""
        if self._scoring is None:
            return 0.0
        return self._guess if self._evaluation is None else self._evaluation

    @property
    def after(self) -> float:
        """About how many seconds pass between the last step and the end of the run."""
        times = 0 if self._scoring is None else 1 + self._scoring.after
        return times * self.evaluation + 2 * self._checkpoint

    @property
    def reserved(self) -> float:
        """Seconds of the budget that are kept for this; half of it at most."""
        return 0.0 if self._limit is None else min(self.after, _MOST_RESERVED * self._limit)

    @property
    def is_too_short(self) -> bool:
        """Whether the budget is too short for what comes after the last step."""
        return self._limit is not None and self.after > _MOST_RESERVED * self._limit

    def fits_step(self, used: float) -> bool:
        """Whether one more step fits.

        Args:
            used: Seconds so far.
        """
        return self._fits(used, max(self._steps, default=0.0))

    def fits_evaluation(self, used: float) -> bool:
        """Whether an evaluation fits that is not the last, and a step after it."""
        return self._fits(used, self.evaluation + max(self._steps, default=0.0))

    def has_evaluated_much(self, used: float) -> bool:
        """Whether evaluations took more than a fifth of the time so far: a short budget is for training."""
        return self._limit is not None and self._evaluating > _MOST_EVALUATING * used

    def _fits(self, used: float, seconds: float) -> bool:
        return self._limit is None or used + seconds <= self._limit - self.reserved
