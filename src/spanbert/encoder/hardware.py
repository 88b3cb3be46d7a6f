"""What process and hardware must be told, and asked, to be fast: device, allocator, denormals, precision."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from spanbert.core.memory import resident_bytes
from spanbert.encoder.config import Precision

_LEAST_SHARED = 1 << 22  # multiply-adds of a product, some 100 microseconds of one core
_TOKENS_A_LOOK = 4096
_CACHED_SHAPES = 64  # a step has some thirty shapes of products
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def compute_device() -> torch.device:
    """Where models are trained and asked: the CPU, so far the only device."""
    return torch.device("cpu")


def tune_process() -> None:
    """Flushes denormals to zero, keeps few compiled products, and lets glibc keep freed memory for the next step.

    No two steps have the same number of tokens, and oneDNN and PyTorch's bridge to it each keep what they compiled for
    the last 1,024 shapes of a product: gigabytes in bfloat16 after a few hundred steps, for shapes that never come
    again (docs/LOG.md). Both read their limits at the first product; what the user has set stays.

    Logits are tens of megabytes; by default each is mapped again and its pages zeroed on first touch, which made the
    softmax of a step ten times slower (docs/LOG.md). Elsewhere than on glibc the second part does nothing.
    """
    torch.set_flush_denormal(True)
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(_CACHED_SHAPES))
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, 1 << 30)
            mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
            mallopt(_M_TOP_PAD, 1 << 26)


def release_freed_memory() -> None:
    """Gives memory that was freed, and that `tune_process` lets glibc keep, back to the system.

    Takes some ten milliseconds, and as long again for the pages to come back. Elsewhere than on glibc it does nothing.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


class FreedMemory:
    """Bounds what a process that computes batches of ever other sizes keeps of freed memory.

    PyTorch asks for aligned memory, for which older versions of glibc reuse a freed piece only if it is larger than
    what was there: with each new shape the heap grows by what does not fit (docs/LOG.md).

    Args:
        most: Bytes by which the process may grow before freed memory is given back; with less, pages that come back
            cost some percent of the time.
    """

    def __init__(self, most: int = 3 << 27) -> None:
        self._most, self._base, self._tokens = most, resident_bytes(), 0

    def used(self, tokens: int) -> None:
        """Looks after each few thousand tokens by how much the process has grown.

        Args:
            tokens: That were computed since the last call.
        """
        self._tokens += tokens
        if self._tokens < _TOKENS_A_LOOK or self._base is None:
            return
        self._tokens, held = 0, resident_bytes()
        if held is not None and held - self._base > self._most:
            release_freed_memory()
            self._base = resident_bytes()


@contextmanager
def threads_by_work(tokens: int, width: int) -> Iterator[None]:
    """Computes with one thread, during the block, what is too little to be shared by several.

    They meet at the end of every operation: that takes microseconds on an idle machine, and milliseconds on a busy one.

    Args:
        tokens: Of a batch.
        width: Hidden size of what reads it.
    """
    threads = torch.get_num_threads()
    if threads == 1 or tokens * width * width >= _LEAST_SHARED:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies matrices of bfloat16, faster than those of float32."""
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # bf16: ARM
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def resolved_precision(asked: Literal["auto", Precision], device: torch.device) -> Precision:
    """What `auto` means on a device: bfloat16 where `has_bfloat16`, else float32."""
    if asked != "auto":
        return asked
    return "bfloat16" if has_bfloat16(device) else "float32"
