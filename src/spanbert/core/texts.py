"""What Python programs hand over: texts of whole characters, many of them, counts. Anything else is refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened

_LONGEST = 40  # of a value in a message


def require_text(value: object, where: str) -> None:
    """Refuses what is no text.

    Args:
        value: What the user handed over.
        where: Its place, for messages.

    Raises:
        InputError: Not a string, or half of a surrogate pair in it.
    """
    if not isinstance(value, str):
        remedy = "Decode it: value.decode('utf-8')" if isinstance(value, bytes | bytearray) else None
        raise InputError("not a text", where=where, got=described(value), expected="a str", remedy=remedy)
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "half of a surrogate pair, which is not a character",
            where=where,
            got=f"{value[error.start]!r} at character {error.start}",
            expected="valid Unicode",
        ) from None


def require_many(values: object, where: str) -> None:
    """Refuses what is no sequence or stream of texts, or one without an order of its own.

    Args:
        values: What the user handed over.
        where: Its place, for messages.

    Raises:
        InputError: Not an iterable, one text, a mapping, a set, or a table of several columns.
    """
    is_flat = getattr(values, "ndim", 1) == 1
    unordered = isinstance(values, Mapping | Set)
    if isinstance(values, str | bytes | bytearray) or unordered or not is_flat or not isinstance(values, Iterable):
        raise InputError(
            "not texts", where=where, got=described(values), expected="a str, or a list or another sequence of them"
        )


def require_count(value: object, where: str) -> None:
    """Refuses what is no whole number from 1 on.

    Args:
        value: What the user handed over.
        where: Its name, for messages.

    Raises:
        InputError: Something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError("not a count", where=where, got=described(value), expected="a whole number, at least 1")


def described(value: object) -> str:
    """A value in a message: its type, and what it is where that is short."""
    name = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, int | float | str | bytes):
        return f"{name} {shortened(repr(value), _LONGEST)}"
    return name
