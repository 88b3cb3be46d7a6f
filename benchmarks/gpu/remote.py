"""An object in a process of its own, so that each side of a comparison has the device's memory to itself."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Self

from spanbert.core.errors import SpanbertError

_LONGEST = 1500  # characters of a failure
_ENDING = 5.0  # seconds


class RemoteError(SpanbertError):
    """The other process failed, ended, or took too long; says how."""


class Remote:
    """Builds an object in a new process, and calls its methods there.

    Args:
        build: Makes the object.
        arguments: Its arguments.
    """

    def __init__(self, build: Callable[..., object], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, self._theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._theirs, build, arguments), daemon=True)

        self._is_open = True
        self._process.start()
        self._theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        if not self._is_open:
            return
        self._is_open = False
        with suppress(OSError):
            self._connection.send(None)
        self._process.join(_ENDING)
        self._process.kill()
        self._process.join()

    def begin(self, method: str, *arguments: object) -> None:
        """Asks for a call, and does not wait; what went wrong is said by `end`."""
        with suppress(OSError):
            self._connection.send((method, arguments))

    def end(self, seconds: float) -> Any:
        """Waits for what was asked for.

        Args:
            seconds: After so many the process is killed.

        Raises:
            RemoteError: The call failed, or took longer, or the process ended.
        """
        if not self._connection.poll(max(0.0, seconds)):
            self._process.kill()
            raise RemoteError(f"not done after {seconds:.0f} s")
        try:
            done, value = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(_ENDING)
            raise RemoteError(f"its process ended with exit code {self._process.exitcode}") from None
        if not done:
            raise RemoteError(value)
        return value

    def call(self, method: str, *arguments: object, seconds: float) -> Any:
        """`begin` and `end`."""
        self.begin(method, *arguments)
        return self.end(seconds)


def _serve(connection: Connection, build: Callable[..., object], arguments: tuple[object, ...]) -> None:
    made: object = None
    while asked := connection.recv():
        method, own = asked
        try:
            made = made or build(*arguments)
            connection.send((True, getattr(made, method)(*own)))
        except Exception:  # noqa: BLE001 (told to the other process, whatever it is: it notes it and goes on)
            connection.send((False, traceback.format_exc()[-_LONGEST:]))
