"""The places where a run touches the disk, counted, and one of them made the last thing that it does.

Python tells an audit hook of every file that is opened for writing, and of every rename, new directory and removal;
`os.fsync`, of which it does not, is wrapped. What happens before the n-th of them is said by a `Cut`:

    kill    SIGKILL: what was written so far is there, to the last byte
    power   what was never synced is cut in half, then SIGKILL: power was lost, or the file was being written
    full    from here on the disk takes nothing more
    SIGTERM, SIGINT     the signal

It is for processes that end afterwards (`tests/faults/forks.py`): an audit hook cannot be taken away.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import spanbert

Way = Literal["kill", "power", "full", "SIGTERM", "SIGINT"]
WAYS: tuple[Way, ...] = ("kill", "power", "full", "SIGTERM", "SIGINT")
_PACKAGE = str(Path(spanbert.__file__).parent)
_CREATING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PATHS = {"os.rename": (0, 2), "os.mkdir": (0, 2), "os.remove": (0, 1), "os.rmdir": (0, 1)}  # places of path, folder
_NEEDS_ROOM = ("open", "os.mkdir", "os.fsync", "os.rename")


@dataclass(frozen=True, kw_only=True)
class Point:
    """Something that a run does to the disk.

    Attributes:
        number: From 1.
        what: Name of the event.
        path: What it does it to, below the folder that is watched.
        place: The lines of the package that lead there, innermost first.
    """

    number: int
    what: str
    path: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where and how a run is cut.

    Attributes:
        folder: Only what happens in it counts.
        at: Number of the point before which it happens; 0: never, the points are counted.
        way: What happens.
        report: Where the points go, as JSON, when the run ends by itself.
    """

    folder: str
    at: int = 0
    way: Way = "kill"
    report: str | None = None


class Seam:
    """Watches this process from now on.

    Args:
        cut: What for.
    """

    def __init__(self, cut: Cut) -> None:
        self.cut, self.points, self.full = cut, list[Point](), False
        self._folder = os.path.realpath(cut.folder)
        self._synced = dict(self._files().values())
        self._busy = False
        self._fsync = os.fsync
        os.fsync = self._sync
        sys.addaudithook(self._hear)

    def report(self) -> None:
        """Writes down what happened."""
        if self.cut.report is not None:
            self._busy = True
            Path(self.cut.report).write_text(json.dumps([vars(point) for point in self.points]))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._busy:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and flags & _CREATING:
                self._unless_busy(lambda: self._reached("open", Path(os.fsdecode(path))))
        elif event in _PATHS:
            first, folder = (arguments[place] for place in _PATHS[event])
            self._unless_busy(lambda: self._reached(event, _whole(first, folder)))

    def _sync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self._unless_busy(lambda: self._reached("os.fsync", path))
        self._fsync(descriptor)
        state = os.fstat(descriptor)
        self._synced[state.st_ino] = (state.st_mtime_ns, state.st_size)

    def _unless_busy(self, work: Callable[[], None]) -> None:
        self._busy = True
        try:
            work()
        finally:
            self._busy = False

    def _reached(self, what: str, path: Path) -> None:
        path = Path(os.path.realpath(path.parent)) / path.name
        if not path.is_relative_to(self._folder):
            return
        if self.full and what in _NEEDS_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if threading.current_thread() is not threading.main_thread():
            return  # TensorBoard's thread writes when it pleases, and points are found again by their number
        place = _place()
        point = Point(number=len(self.points) + 1, what=what, path=str(path.relative_to(self._folder)), place=place)
        self.points.append(point)
        if point.number == self.cut.at:
            self._cut(what, path)

    def _cut(self, what: str, path: Path) -> None:
        way = self.cut.way
        if way == "full":
            self.full = True
            if what in _NEEDS_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        elif way in ("kill", "power"):
            if way == "power":
                self._lose()
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            self._busy = False  # what a handler cleans up is heard again
            os.kill(os.getpid(), getattr(signal, way))

    def _files(self) -> dict[Path, tuple[int, tuple[int, int]]]:
        """Inode, time and size of every file in the folder."""
        found = {}
        for path in Path(self._folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                state = path.stat()
                found[path] = (state.st_ino, (state.st_mtime_ns, state.st_size))
        return found

    def _lose(self) -> None:
        """Cuts in half what was written to each file since it was last synced."""
        for path, (inode, stamp) in self._files().items():
            synced = self._synced.get(inode, (0, 0))
            if synced != stamp:
                kept = min(synced[1], stamp[1])
                os.truncate(path, kept + (stamp[1] - kept) // 2)


def _whole(path: str | bytes | os.PathLike[str], folder: int) -> Path:
    name = os.fsdecode(path)
    return Path(name) if folder < 0 else Path(f"/proc/self/fd/{folder}").readlink() / name


def _place() -> str:
    """The lines of the package in the stack, innermost first."""
    lines = []
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            name = os.path.relpath(frame.f_code.co_filename, _PACKAGE)
            lines.append(f"{name}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(lines)
