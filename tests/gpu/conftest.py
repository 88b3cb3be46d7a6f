"""What is compared with the CPU: CUDA where there is a card, or what SPANBERT_TEST_DEVICE says (`cpu`: a rehearsal)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from spanbert.encoder.hardware import resolved_device

ASKED = os.environ.get("SPANBERT_TEST_DEVICE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skip(reason="no CUDA device; SPANBERT_TEST_DEVICE=cpu rehearses on the CPU")
    for item in items:
        if "gpu" in item.path.parts:
            item.add_marker(pytest.mark.gpu)
            if ASKED is None and not torch.cuda.is_available():
                item.add_marker(absent)


@pytest.fixture(scope="session")
def device() -> torch.device:
    return resolved_device(ASKED or "cuda")


@pytest.fixture(autouse=True)
def _exact_float32() -> Iterator[None]:
    """No TF32, so that float32 is what it is on the CPU; training sets it."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)
