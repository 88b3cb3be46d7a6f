"""Results that are shown as lines for people: at the prompt of Python, in notebooks, by `print`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from spanbert.core.errors import printable


class InLines(ABC):
    """Something whose `lines` say what people want to know of it."""

    @property
    @abstractmethod
    def lines(self) -> Sequence[str]:
        """The main of it for people."""

    def __repr__(self) -> str:
        """The lines, as a terminal can show them."""
        return "\n".join(map(printable, self.lines))
