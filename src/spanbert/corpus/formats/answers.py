"""How many texts of a file their annotators rejected or passed over, so that they are left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Counts of the texts that are left out.

    Attributes:
        rejected: The annotator rejected what was proposed.
        ignored: The annotator passed them over.
    """

    rejected: int = 0
    ignored: int = 0

    @property
    def left_out(self) -> int:
        """All of them."""
        return self.rejected + self.ignored

    def __str__(self) -> str:
        counts = {"rejected": self.rejected, "ignored": self.ignored}
        return " and ".join(f"{count:,} {name}" for name, count in counts.items() if count)
