"""Which columns of a table, or fields of lines of JSON, hold a text and its translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ParallelColumns:
    """Which columns (JSON fields, languages of a memory) of a file hold what.

    Attributes:
        text: The text.
        target: Its translation; None where nothing is translated.
        header: The columns have names; else they are named "1", "2", ... from the left.
        guessed: What the columns that the user did not name were guessed from; None where nothing was.
    """

    text: str
    target: str | None = None
    header: bool = True
    guessed: Literal["header", "places"] | None = None

    def __str__(self) -> str:
        def shown(name: str) -> str:
            return repr(name) if self.header else f"column {name}"

        parts = f"text: {shown(self.text)}, " + (
            "no translation" if self.target is None else f"translation: {shown(self.target)}"
        )
        remarks = [] if self.header else ["no header"]
        remarks += [f"guessed from the {self.guessed}"] if self.guessed else []
        return parts + (f" ({', '.join(remarks)})" if remarks else "")
