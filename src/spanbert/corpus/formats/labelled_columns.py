"""Which columns of a table, or fields of lines of JSON, hold a text and its label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class LabelledColumns:
    """Which columns (or JSON fields) of a file hold what.

    Attributes:
        text: The text, or the first of two.
        pair: The second text.
        label: The label; None where nothing is labelled.
        header: The columns have names; else they are named "1", "2", ... from the left.
        separator: The text between several labels in one cell; None if a cell is one label.
        guessed: What the columns that the user did not name were guessed from; None where nothing was.
    """

    text: str
    pair: str | None = None
    label: str | None = None
    header: bool = True
    separator: str | None = None
    guessed: Literal["header", "content"] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(name for name in (self.text, self.pair, self.label) if name is not None)

    def __str__(self) -> str:
        def shown(name: str) -> str:
            return repr(name) if self.header else f"column {name}"

        parts = [f"text: {shown(self.text)}"]
        parts += [f"pair: {shown(self.pair)}"] if self.pair is not None else []
        parts += [f"label: {shown(self.label)}" if self.label is not None else "no label"]
        remarks = [] if self.header else ["no header"]
        remarks += [f"guessed from the {self.guessed}"] if self.guessed else []
        return ", ".join(parts) + (f" ({', '.join(remarks)})" if remarks else "")
