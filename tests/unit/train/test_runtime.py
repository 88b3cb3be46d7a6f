"""What training does to its process."""

from __future__ import annotations

import sys

import pytest
import torch

from spanbert.apps.bench.common import in_fresh_process
from spanbert.core.memory import resident_memory
from spanbert.train.runtime import matrix_precision, tune_process


def grown_by_new_shapes() -> int:
    """Bytes by which products of 600 shapes let a process grow, after 200 others."""
    tune_process()
    weights = torch.randn(64, 64)
    before = 0
    with matrix_precision("auto", torch.device("cpu")):
        for rows in range(100, 900):
            if rows == 300:
                before, _ = resident_memory()
            torch.nn.functional.linear(torch.randn(rows, 64), weights)
    return resident_memory()[0] - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc")
def test_memory_does_not_grow_with_the_shapes_of_products():
    grown, _ = in_fresh_process(grown_by_new_shapes)
    assert grown < 100e6
