"""How a run of training ended, and the best that it came by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spanbert.core.errors import Interrupted
from spanbert.train.budget import Progress


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best held-out figures of a run and the step they were reached at."""

    step: int
    selection_score: float
    scores: Mapping[str, Any]

    @classmethod
    def of_state(cls, facts: Mapping[str, Any]) -> Best:
        """Reads `asdict`, and states written when `selection_score` was called goodness."""
        return cls(**{"selection_score" if name == "goodness" else name: value for name, value in facts.items()})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        progress: What was used.
        stopped_by: `budget`, `patience`, `pause` after a share of the budget, or the name of the signal that ended it
            early.
        best: The best evaluation; None where nothing was evaluated.
        last_scores: The last evaluation.
    """

    progress: Progress
    stopped_by: str
    best: Best | None
    last_scores: Mapping[str, Any] = field(default_factory=dict)

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended it, so that `--resume` has something left to do."""
        return self.stopped_by not in ("budget", "patience", "pause")

    def require_whole(self, remedy: str) -> None:
        """Lets nothing go on that needs the whole run.

        Args:
            remedy: What the user can do where a signal ended it.

        Raises:
            Interrupted: A signal ended it.
        """
        if self.interrupted:
            raise Interrupted(self.stopped_by, remedy)
