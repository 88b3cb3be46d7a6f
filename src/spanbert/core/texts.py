"""What Python programs hand over: texts of whole characters, many of them, counts, paths; all else is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened

_DECODE = "Decode it: value.decode('utf-8')"
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
        remedy = _DECODE if isinstance(value, bytes | bytearray) else None
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


def require_many(values: object, where: str, *, things: str = "texts", or_one: str | None = None) -> None:
    """Refuses what is no sequence or stream, or one without an order of its own.

    Args:
        values: What the user handed over.
        where: Its place, for messages.
        things: What it should have, for messages.
        or_one: What would do too, for messages: `a str`.

    Raises:
        InputError: Not an iterable, one text, a mapping, a set, or a table of several columns.
    """
    is_flat = getattr(values, "ndim", 1) == 1
    unordered = isinstance(values, Mapping | Set)
    if isinstance(values, str | bytes | bytearray) or unordered or not is_flat or not isinstance(values, Iterable):
        expected = f"{'' if or_one is None else f'{or_one}, or '}a list or another sequence of {things}"
        remedy = _DECODE if isinstance(values, bytes | bytearray) and things == "texts" else None
        raise InputError(f"not {things}", where=where, got=described(values), expected=expected, remedy=remedy)


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


def require_path(value: object, where: str) -> None:
    """Refuses what is no path and no name of a model.

    Args:
        value: What the user handed over.
        where: Its name, for messages.

    Raises:
        InputError: Something else.
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError("not a path", where=where, got=described(value), expected="a str or a Path")


def described(value: object) -> str:
    """A value in a message: its type, and what it is where that is short."""
    name = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, int | float | str | bytes):
        return f"{name} {shortened(repr(value), _LONGEST)}"
    return name
