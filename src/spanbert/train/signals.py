"""Ctrl-C and SIGTERM as a request that the loop follows after the current step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self, TypeVar

ResultT = TypeVar("ResultT")


class _Stopped(BaseException):
    """Ends what `StopRequest.unless_stopped` runs."""


class StopRequest:
    """While the block runs, notes the first Ctrl-C or SIGTERM; a second Ctrl-C interrupts at once.

    Attributes:
        received: Name of the signal, or None.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._ends_work = False
        self._before: dict[signal.Signals, object] = {}

    def unless_stopped(self, work: Callable[[], ResultT]) -> ResultT | None:
        """What some work comes to; None where a signal came before it or during it, which ends it at once.

        Args:
            work: Something that has no effect before its end, such as scoring.
        """
        if self.received is not None:
            return None
        try:
            try:
                self._ends_work = True
                return work()
            finally:
                self._ends_work = False
        except _Stopped:
            return None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number).name
        if self._ends_work:
            self._ends_work = False
            raise _Stopped

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._note) for one in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)  # type: ignore[arg-type]
