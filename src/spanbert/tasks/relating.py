"""What the rest of the program knows of tasks that are asked how entities are related."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from spanbert.core.types import Relation, Span

Stretch = tuple[int, int]  # half-open, of characters


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class AskedPairs:
    """The pairs of entities of a text that a task on relations is asked about.

    Attributes:
        judged: They, without labels, in text order.
        possible: How many there would be without a limit.
    """

    judged: tuple[Relation, ...]
    possible: int

    @property
    def left_out(self) -> int | None:
        """How many pairs are not judged; None: all are."""
        return self.possible - len(self.judged) or None

    def remark(self, place: str) -> str | None:
        """What users should know of pairs that are left out; None: none are.

        Args:
            place: Where the text came from.
        """
        if self.left_out is None:
            return None
        pairs = f"{len(self.judged):,} of {self.possible:,} pairs of entities"
        return f"{place}: {pairs} are judged, the nearest; max_pairs (--max-pairs) sets how many"


@runtime_checkable
class RelatingTask(Protocol):
    """A task that is asked how entities are related."""

    def knows(self, entity: Span) -> bool:
        """Whether entities of this type, or without one, were seen in training."""

    def pairs(
        self, entities: Sequence[Span], stretches: Sequence[Stretch], sentences: Sequence[Stretch] | None = None
    ) -> AskedPairs:
        """The pairs of entities of a text that are asked about: those that may be related, of too many the nearest.

        Args:
            entities: In text order.
            stretches: Half-open stretches of the text, none of which ends inside an entity; entities of one stretch may
                be related.
            sentences: Its sentences, by which distances are counted first; None: the stretches.
        """

    def wanted(self, found: Any, asked: AskedPairs) -> Any:
        """What results show of the pairs that `pairs` made: those that are related, unless all are asked for.

        Args:
            found: What was found of them.
            asked: They, and how many there are beside them.
        """
