"""The tests for a GPU run on the CPU as well, so that none of them fails there by a slip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SMALLEST = "not (multi or regression or pair or bio or nested or relation or joint)"


@pytest.mark.parametrize(("asked", "counted"), [("cpu", "passed"), (None, "skipped")])
def test_rehearsal(asked: str | None, counted: str):
    environment = {name: value for name, value in os.environ.items() if name != "SPANBERT_TEST_DEVICE"}
    environment |= (
        {"OMP_NUM_THREADS": "1"} if asked is None else {"OMP_NUM_THREADS": "1", "SPANBERT_TEST_DEVICE": asked}
    )
    if asked is None:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-m", "gpu", "-k", SMALLEST]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "failed" not in done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[0].count("." if counted == "passed" else "s") > 20
