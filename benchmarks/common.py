"""What every benchmark shares: where results go, and what they were measured with."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from spanbert.apps.bench.common import environment

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def real_data() -> Path:
    """The folder of real data sets (docs/DATA.md)."""
    folder = os.environ.get("SPANBERT_DATA")
    if not folder:
        sys.exit("set SPANBERT_DATA: docs/DATA.md says where the data sets come from")
    return Path(folder)


def write_result(name: str, result: dict[str, Any]) -> None:
    """Writes `results/NAME.json` with the environment, and prints it on one line."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    whole = {**result, "environment": environment()}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(whole, ensure_ascii=False))
