"""Errors that people read: what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable

from spanbert.core.excerpts import beginning, ending

_LONGEST_PART = 300


class SpanbertError(Exception):
    """A failure that spanbert foresaw; the command line prints it in one line and exits with `exit_code`."""

    exit_code = 1


class Interrupted(SpanbertError):
    """A signal ended some work; the exit code is what shells expect then.

    Args:
        name: Of the signal, such as `SIGTERM`.
        remedy: What the user can do now.
    """

    def __init__(self, name: str, remedy: str) -> None:
        self.exit_code = 128 + signal.Signals[name]
        super().__init__(f"ended by {name}. {remedy}")


class InputError(SpanbertError, ValueError):
    """The user's input, settings or files are not usable as they are.

    Its message is one line, whatever the parts quote: see `in_one_line`.

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
        self.what = in_one_line(what)
        self.where, self.got, self.expected, self.remedy = (
            None if part is None else in_one_line(part) for part in (where, got, expected, remedy)
        )
        message = f"{self.where}: {self.what}" if where else self.what
        if got is not None:
            message += f"; got {self.got}"
        if expected is not None:
            message += f"; expected {self.expected}"
        if remedy is not None:
            message += f". {self.remedy}"
        super().__init__(message)


def in_one_line(text: str) -> str:
    """A text as a part of one line: what cannot be printed escaped, the middle of a long one left out."""
    if len(text) > _LONGEST_PART:
        text = f"{beginning(text, _LONGEST_PART - 65)} ... {ending(text, 60)}"
    return printable(text)


def printable(text: str) -> str:
    """A text as a terminal can show it in one line: characters that would move its cursor or colour it are escaped.

    Names of files, tasks and labels come from others, and may hold such.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


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
