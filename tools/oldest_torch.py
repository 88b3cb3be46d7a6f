"""Pins the oldest torch that pyproject.toml allows in constraints.txt, for the test of it.

python tools/oldest_torch.py
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def oldest(pyproject: str) -> str:
    """The version that the project's dependency on torch begins with, whole: `2.11.0` of `torch>=2.11`."""
    match = re.search(r'"torch>=(\d+\.\d+)(\.\d+)?"', pyproject)
    if match is None:
        raise SystemExit("pyproject.toml: no torch>=VERSION among the dependencies")
    return match[1] + (match[2] or ".0")


if __name__ == "__main__":
    version = oldest((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    constraints = ROOT / "constraints.txt"
    text = constraints.read_text(encoding="utf-8")
    constraints.write_text(re.sub(r"^torch==.*$", f"torch=={version}", text, flags=re.MULTILINE), encoding="utf-8")
    print(f"torch=={version}")
