"""Does the GPU compute what the CPU does? The tests of `tests/gpu`, each file in a process, all files at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.figures import Figures
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import machine

ROOT = Path(__file__).resolve().parents[3]
_STUCK = 60  # seconds of a test after which Python prints where it is
_LOOK = 0.5


def run(job: Job, figures: Figures) -> None:
    """Counts outcomes as they come, named as in JUnit's reports; names and messages of what did not pass.

    Args:
        job: See there.
        figures: Get `tests`, `passed`, `failures`, `errors`, `skipped`, `not_passed`, `slowest`, and `whole`: whether
            every file was run to its end.
    """
    figures.note(machine=machine(job.device), whole=False)
    files = sorted((ROOT / "tests" / "gpu").glob("test_*.py"))
    if job.tiny:
        files = [file for file in files if file.stem == "test_parity"]
    logs = {file: job.work / f"{file.stem}.jsonl" for file in files}
    running = {file: _started(job, file, log) for file, log in logs.items()}
    while any(process.poll() is None for process in running.values()):
        time.sleep(_LOOK)
        figures.note(**_counted(list(logs.values())))
    codes = {file.name: process.returncode for file, process in running.items()}
    whole = all(code in (0, 1) for code in codes.values())  # of pytest: all passed, or some did not
    figures.note(**_counted(list(logs.values())), exit_codes=codes, whole=whole)
    if any(codes.values()):
        sys.exit(1)


def _started(job: Job, file: Path, log: Path) -> subprocess.Popen[bytes]:
    """Runs the tests of a file; warnings are no errors here, since other versions of libraries have others."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "benchmarks.gpu.outcomes", "-W", "default"]
    command += ["-o", f"faulthandler_timeout={_STUCK}", "--tb=short", str(file)]
    command += ["-k", "tied_loss"] if job.tiny else []
    more = {"SPANBERT_OUTCOMES": str(log), "SPANBERT_TEST_DEVICE": job.device}
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **more})


def _counted(logs: list[Path]) -> dict[str, Any]:
    lines = [json.loads(line) for log in logs if log.is_file() for line in log.read_text("utf-8").splitlines(True)
             if line.endswith("\n")]  # fmt: skip
    counts = {name: sum(line["outcome"] == name for line in lines) for name in _OUTCOMES}
    slowest = sorted(lines, key=lambda line: -float(line["seconds"]))[:5]
    return {
        "tests": len(lines),
        **counts,
        "not_passed": [line for line in lines if line["outcome"] != "passed"],
        "slowest": [{name: line[name] for name in ("name", "seconds")} for line in slowest],
    }


_OUTCOMES = ("passed", "failures", "errors", "skipped")
