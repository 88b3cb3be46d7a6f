"""The tests for a GPU run on the CPU as well, in their smallest form, so that none of them fails there by a slip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LEFT_OUT = (
    "multi",
    "regression",
    "pair",
    "bio",
    "nested",
    "qa",
    "relation",
    "joint",
    "comes_back",
    "without_the_compiler",
)


def test_rehearsal():
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SPANBERT_TEST_DEVICE": "cpu"}
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-m", "gpu", "-k", f"not ({' or '.join(LEFT_OUT)})"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.splitlines()[0].count(".") > 20
