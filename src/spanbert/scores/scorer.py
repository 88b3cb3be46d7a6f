"""What every scorer offers: units stream in, figures with intervals come out, and two systems can be compared."""

from __future__ import annotations

from typing import Any, Protocol

from spanbert.scores.bootstrap import Bootstrap, Statistic


class Scorer(Protocol):
    """Collects counts of gold and predicted objects in bounded memory.

    Attributes:
        main: The name of the figure by which models are chosen and compared; higher is better.
    """

    main: str

    def scores(self) -> dict[str, Any]:
        """Figures as fractions, `interval` ({figure: [low, high]}) among them."""

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test (`scores.bootstrap.compare`)."""
