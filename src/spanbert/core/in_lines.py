"""What is shown as lines for people: by `print`, in a notebook, at the prompt of IPython."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from spanbert.core.errors import printable


class Printer(Protocol):
    """What IPython passes in."""

    def text(self, text: str) -> None:
        """Shows a text."""


class InLines:
    """Something whose `lines` say all that people want to know of it."""

    lines: Sequence[str]

    def __str__(self) -> str:
        """The lines, as a terminal can show them."""
        return "\n".join(map(printable, self.lines))

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:
        printer.text(str(self))
