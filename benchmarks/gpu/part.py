"""Runs one part in this process; `run.py` starts it: python -m benchmarks.gpu.part NAME JOB.json."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.figures import Figures
from benchmarks.gpu.job import Job


def main(name: str, told: Path) -> None:
    """Runs a part.

    Args:
        name: A module of `parts`.
        told: JSON of its `Job`.
    """
    facts = json.loads(told.read_text(encoding="utf-8"))
    job = Job(**{**facts, **{key: Path(facts[key]) for key in ("out", "inputs", "work")}})
    import_module(f"benchmarks.gpu.parts.{name}").run(job, Figures(job.out / f"{name}.json"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
