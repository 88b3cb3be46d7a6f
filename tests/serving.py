"""`spanbert serve` as a process, for tests."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

BUNDLES = Path(__file__).parent / "fixtures" / "bundles"
JOINT, PRETRAINED = BUNDLES / "joint", BUNDLES / "pretrained"
KEY = "a-key-of-the-tests"
PATIENCE = 300.0  # seconds, on a machine that does other things too


@contextmanager
def service(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A service at a free port; requests wait until it has loaded its models."""
    command = [sys.executable, "-m", "spanbert", "serve", *map(str, arguments), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert address is not None, line + (process.stderr.read() if process.stderr else "")
            headers = {"authorization": f"Bearer {KEY}"}
            with httpx.Client(base_url=address[0], timeout=PATIENCE, headers=headers) as client:
                yield process, client
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def workers(process: subprocess.Popen[str]) -> list[int]:
    """The worker processes that a service has now."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
