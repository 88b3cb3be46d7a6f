"""How numbers of a batch come to the device that computes: the one place where they are copied."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor


def on_device(values: npt.NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """An array as a tensor on a device.

    To CUDA it is copied from pinned memory, so that neither the copy nor what follows waits for the queue of the
    device; torch keeps the pinned memory until the copy is done. On a CPU an array and its tensor share their memory.

    Args:
        values: A numpy array, or a tensor on the CPU.
        device: Where it is needed.
    """
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(values)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
