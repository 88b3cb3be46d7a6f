"""What every benchmark shares: where results go, and what they were measured with."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def real_data() -> Path:
    """The folder of real data sets (docs/DATA.md)."""
    folder = os.environ.get("SPANBERT_DATA")
    if not folder:
        sys.exit("set SPANBERT_DATA: docs/DATA.md says where the data sets come from")
    return Path(folder)


def environment() -> dict[str, Any]:
    """Versions and machine."""
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]  # fmt: skip
    return {
        "python": platform.python_version(),
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        **{name: version(name) for name in ("spanbert", "torch", "numpy", "tokenizers")},
    }


def write_result(name: str, result: dict[str, Any]) -> None:
    """Writes `results/NAME.json` with the environment, and prints it on one line."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    whole = {**result, "environment": environment()}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(whole, ensure_ascii=False))
