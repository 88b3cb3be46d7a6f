"""A command with a limit of time: when it is over, the command and all that it started are killed. Linux."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["done", "failed", "limit"]
_TAIL = 6000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        state: `done`: by itself, with exit code 0; `failed`: with another; `limit`: it was killed.
        code: Exit code; negative: the signal.
        seconds: What it took.
        output: The end of what it printed.
    """

    state: State
    code: int
    seconds: float
    output: str


def run_limited(
    command: Sequence[str], *, seconds: float, log: Path, folder: Path, environment: Mapping[str, str]
) -> Ended:
    """Runs a command in a process group of its own.

    Args:
        command: What to run.
        seconds: When it is killed, with its group.
        log: Gets what it prints.
        folder: Where it runs.
        environment: Its variables.
    """
    begun = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            start_new_session=True,
        )  # fmt: skip
        state: State = "failed"
        try:
            state = "done" if process.wait(timeout=max(seconds, 0)) == 0 else "failed"
        except subprocess.TimeoutExpired:
            state = "limit"
        finally:
            kill_group(process.pid)  # what it left running too
            process.wait()
    text = log.read_bytes().decode("utf-8", errors="replace")
    return Ended(state=state, code=process.returncode, seconds=time.monotonic() - begun, output=text[-_TAIL:])


def kill_group(leader: int) -> None:
    """Kills all processes of a group that are still there."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
