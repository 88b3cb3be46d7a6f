"""Errors that people read: what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpanbertError(Exception):
    """A failure that spanbert foresaw; the command line prints it in one line and exits with `exit_code`."""

    exit_code = 1


class InputError(SpanbertError, ValueError):
    """The user's input, settings or files are not usable as they are.

    Args:
        what: What is wrong, in one clause.
        where: File and line (`a.txt:12`), directory or option that it was found in.
        got: What was found there.
        expected: What would have been right.
        remedy: What the user can do now.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        got: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.where, self.got, self.expected, self.remedy = what, where, got, expected, remedy
        message = f"{where}: {what}" if where else what
        if got is not None:
            message += f"; got {got}"
        if expected is not None:
            message += f"; expected {expected}"
        if remedy is not None:
            message += f". {remedy}"
        super().__init__(message)


def nearest(name: str, choices: Iterable[str]) -> str:
    """Words a hint such as `did you mean 'lr'?`, or lists the choices where none is near.

    Args:
        name: What the user wrote.
        choices: The names that would have been right.

    Returns:
        A sentence without a full stop at its end.
    """
    known = sorted(choices)
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {match[0]!r}?" if match else f"choose from {', '.join(known)}"
