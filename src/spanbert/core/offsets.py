"""Places in a text as clients count them: in code points, as Python does, or in UTF-16 units, as JavaScript does."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from spanbert.core.errors import InputError

OffsetUnit = Literal["code_points", "utf16"]
_PLACES = ("start", "end")
_LAST_OF_ONE_UNIT = "\uffff"


class Offsets:
    """Turns places of one text from a client's unit into code points, and back.

    Args:
        text: The text.
        unit: What the client counts.
    """

    def __init__(self, text: str, unit: OffsetUnit) -> None:
        self._units: np.ndarray[Any, np.dtype[np.int64]] | None = None  # before each code point, and all at the end
        if unit == "utf16" and not text.isascii() and max(text) > _LAST_OF_ONE_UNIT:
            wide = np.fromiter((character > _LAST_OF_ONE_UNIT for character in text), dtype=np.int64, count=len(text))
            self._units = np.concatenate([[0], np.cumsum(wide + 1)])

    def code_point(self, place: int) -> int:
        """A place of the client's in code points; one past the end stays past the end.

        Raises:
            InputError: Between the two halves of a character.
        """
        if self._units is None:
            return place
        found = int(np.searchsorted(self._units, place))
        if found == len(self._units):
            return found - 1 + place - int(self._units[-1])
        if place >= 0 and self._units[found] != place:
            raise InputError("a place inside of a character", got=f"UTF-16 unit {place}")
        return found if place >= 0 else place

    def place(self, code_point: int) -> int:
        """A place in code points as the client counts it."""
        return code_point if self._units is None else int(self._units[code_point])

    def placed(self, value: Any) -> Any:
        """A JSON value with all its `start` and `end` as the client counts them."""
        if self._units is None:
            return value
        if isinstance(value, dict):
            return {
                key: self.place(one) if key in _PLACES and type(one) is int else self.placed(one)
                for key, one in value.items()
            }
        return [self.placed(one) for one in value] if isinstance(value, list | tuple) else value
