"""Results that are shown as lines for people: at the prompt of Python, in notebooks, by `print`."""

from __future__ import annotations

from collections.abc import Sequence

from spanbert.core.errors import printable


class InLines:
    """Something whose `lines` say what people want to know of it."""

    lines: Sequence[str]

    def __repr__(self) -> str:
        """The lines, as a terminal can show them."""
        return "\n".join(map(printable, self.lines))
