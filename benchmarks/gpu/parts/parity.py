"""Does the GPU compute what the CPU does? The tests of `tests/gpu`, shared out among some processes at once."""

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
_MOST_PROCESSES = 6
_STUCK = 60  # seconds of a test after which Python prints where it is
_LOOK = 0.5


def run(job: Job, figures: Figures) -> None:
    """Counts outcomes as they come, named as in JUnit's reports; names and messages of what did not pass.

    Args:
        job: See there.
        figures: Get `tests`, `passed`, `failures`, `errors`, `skipped`, `not_passed`, `slowest`, and `whole`: whether
            every process came to its end.
    """
    figures.note(machine=machine(job.device), whole=False)
    processes = 1 if job.tiny else max(1, min(_MOST_PROCESSES, (os.cpu_count() or 1) // 2))
    logs = [job.work / f"tests-{number}.jsonl" for number in range(processes)]
    running = [_started(job, number, log, processes) for number, log in enumerate(logs)]
    while any(process.poll() is None for process in running):
        time.sleep(_LOOK)
        figures.note(**_counted(logs))
    codes = [process.returncode for process in running]
    whole = all(code in (0, 1) for code in codes)  # of pytest: all passed, or some did not
    figures.note(**_counted(logs), exit_codes=codes, whole=whole)
    if any(codes):
        sys.exit(1)


def _started(job: Job, number: int, log: Path, processes: int) -> subprocess.Popen[bytes]:
    """Runs a share of the tests; warnings are no errors here, since other versions of libraries have others."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "benchmarks.gpu.outcomes", "-W", "default"]
    command += ["-o", f"faulthandler_timeout={_STUCK}", "--tb=short"]
    command += [str(ROOT / "tests" / "gpu" / "test_parity.py" if job.tiny else ROOT / "tests" / "gpu")]
    command += ["-k", "tied_loss"] if job.tiny else []
    more = {
        "SPANBERT_OUTCOMES": str(log),
        "SPANBERT_TEST_DEVICE": job.device,
        "SPANBERT_SHARE": f"{number}/{processes}",
    }
    more["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // processes))
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
