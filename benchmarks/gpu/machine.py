"""What was measured with: versions, device, processor."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

import spanbert
from spanbert.encoder.hardware import described_device, resolved_device

_LIBRARIES = ("torch", "triton", "transformers", "tokenizers", "numpy")


def machine(device: str) -> dict[str, Any]:
    """Versions and devices; a library that is not there is left out.

    Args:
        device: What computes.
    """
    where = resolved_device(device)
    memory = torch.cuda.get_device_properties(where).total_memory if where.type == "cuda" else None
    return {
        "device": described_device(where),
        "device_memory": memory,
        "cuda": torch.version.cuda,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "spanbert": spanbert.__version__,
        **{name: found for name in _LIBRARIES if (found := _version(name)) is not None},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
