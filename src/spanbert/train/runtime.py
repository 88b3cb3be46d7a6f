"""Process-wide settings that training on a CPU needs to be fast."""

from __future__ import annotations

import ctypes
import sys

import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def tune_process() -> None:
    """Flushes denormals to zero, and lets glibc keep freed memory for the next step.

    Logits are tens of megabytes; by default each is mapped anew and its pages zeroed on first touch, which made the
    softmax of a step ten times slower (docs/LOG.md). Elsewhere than on glibc the second part does nothing.
    """
    torch.set_flush_denormal(True)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, 1 << 30)
            mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
            mallopt(_M_TOP_PAD, 1 << 26)
