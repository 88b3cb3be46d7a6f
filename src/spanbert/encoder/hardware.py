"""What process and hardware must be told, and asked, to be fast: device, allocator, denormals, precision."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from spanbert.core.device import AUTO
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.memory import resident_bytes
from spanbert.core.threads import quota
from spanbert.encoder.config import Precision

_LEAST_SHARED = 1 << 22  # multiply-adds of a product, some 100 microseconds of one core
_TOKENS_A_LOOK = 4096
_CACHED_SHAPES = 64  # a step has some thirty shapes of products
_AMPERE = (8, 0)  # compute capability
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def resolved_device(name: str, where: str = "device", *, rank: int | None = None) -> torch.device:
    """The device that a name of `core.device` stands for on this machine.

    `auto` is the first CUDA card where there is one, else the CPU; Apple's graphics processor (`mps`) is taken only
    where it is named.

    Args:
        name: As `device_name` gives it.
        where: What the user set, for messages.
        rank: This process among those of this machine that train together, each on a card of its own; None: alone.

    Raises:
        InputError: There is no such device here; says which there are.
    """
    kind, _, number = name.partition(":")
    if kind == AUTO:
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and torch.cuda.is_available():
        index = rank if rank is not None else int(number) if number else torch.cuda.current_device()
        if index < torch.cuda.device_count():
            return torch.device("cuda", index)
    elif kind == "cpu" or (kind == "mps" and torch.backends.mps.is_available()):
        return torch.device(kind)
    raise InputError(_why_not(kind), where=where, got=name, expected=", ".join(_there_are()), remedy=_remedy(kind))


def _why_not(kind: str) -> str:
    if kind == "mps":
        return "PyTorch sees no Apple graphics processor here"
    if torch.cuda.is_available():
        return "no such CUDA device"
    if torch.version.cuda is None and torch.version.hip is None:
        return "this PyTorch is built without CUDA"
    return "PyTorch sees no CUDA device here"


def _remedy(kind: str) -> str | None:
    if kind != "cuda" or torch.cuda.is_available():
        return None
    if torch.version.cuda is None and torch.version.hip is None:
        return "Install a build with CUDA (https://pytorch.org/get-started), or leave the device out"
    return "See whether nvidia-smi lists a card and CUDA_VISIBLE_DEVICES names it, or leave the device out"


def _there_are() -> list[str]:
    cards = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    found = ["cpu", *(f"cuda:{number} ({torch.cuda.get_device_name(number)})" for number in cards)]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


def described_device(device: torch.device) -> str:
    """A device for people: `the CPU (AMD EPYC 7763, 2 threads)`, `cuda:0 (NVIDIA H200)`."""
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"the CPU ({_processor()}, {threads} thread{'' if threads == 1 else 's'})"
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def _processor() -> str:
    """The name of the processor, as the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def prepare_process(device: torch.device) -> None:
    """Sets what makes a device fast for the whole process: of a CPU see `tune_process`; TF32 products on CUDA."""
    if device.type == "cpu":
        tune_process()
    elif device.type == "cuda":
        torch.set_float32_matmul_precision("high")


@contextmanager
def explaining_memory(device: torch.device, remedy: str) -> Iterator[None]:
    """Turns the error of a device that runs out of memory, during the block, into one that says what to do.

    Args:
        device: What computes.
        remedy: What the user can do.

    Raises:
        SpanbertError: It ran out of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        said = str(error).partition(". ")[0]
        raise SpanbertError(f"too little memory on {described_device(device)}: {said}. {remedy}") from None


def wait_for(device: torch.device) -> None:
    """Waits until a device has done what was asked of it, so that a clock can be read; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def tune_process() -> None:
    """Flushes denormals to zero, keeps few compiled products, and lets glibc keep freed memory for the next step.

    No two steps have the same number of tokens, and oneDNN and PyTorch's bridge to it each keep what they compiled for
    the last 1,024 shapes of a product: gigabytes in bfloat16 after a few hundred steps, for shapes that never come
    again (docs/LOG.md). Both read their limits at the first product; what the user has set stays.

    Logits are tens of megabytes; by default each is mapped again and its pages zeroed on first touch, which made the
    softmax of a step ten times slower (docs/LOG.md). Elsewhere than on glibc the second part does nothing.

    PyTorch takes as many threads as the machine has cores, also in a container that may use the time of a few of them;
    unless the user has stated a number, it gets no more than these.
    """
    torch.set_flush_denormal(True)
    _keep_to_quota()
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(_CACHED_SHAPES))
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, 1 << 30)
            mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
            mallopt(_M_TOP_PAD, 1 << 26)


@cache
def _keep_to_quota() -> None:
    """Once, so that threads that are asked for later stay."""
    most = quota()
    if most is not None and "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > most:
        torch.set_num_threads(most)


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

    def __init__(self, most: int = 1 << 27) -> None:
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
def threads_by_work(tokens: int, width: int, device: torch.device | None = None) -> Iterator[None]:
    """Computes with one thread, during the block, what is too little to be shared by several.

    They meet at the end of every operation: that takes microseconds on an idle machine, and milliseconds on a busy one.

    Args:
        tokens: Of a batch.
        width: Hidden size of what reads it.
        device: What computes; None: the CPU. On others nothing is changed.
    """
    threads = torch.get_num_threads()
    elsewhere = device is not None and device.type != "cpu"
    if elsewhere or threads == 1 or tokens * width * width >= _LEAST_SHARED:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def has_operators(library: object, *names: str) -> bool:
    """Whether torch offers some of oneDNN's operators here: those that compiled models use, on x86 alone.

    Args:
        library: Where they are, such as `torch.ops.onednn`.
        names: What they are called.
    """
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return x86 and has_onednn and all(hasattr(library, name) for name in names)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies matrices of bfloat16: of NVIDIA's cards those from Ampere on."""
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # bf16: ARM
    if device.type != "cuda":
        return False
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= _AMPERE


def gains_by_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies matrices of bfloat16 faster than those of float32.

    Intel's vector instructions do half as many products of bfloat16 a cycle as of float32, each twice as wide, and the
    conversion comes on top (docs/LOG.md): of its processors those with AMX alone gain.
    """
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        if "Intel" in str(capabilities.get("cpu_name") or _processor()):
            return bool(capabilities.get("amx_bf16"))
    return has_bfloat16(device)


def resolved_precision(asked: Literal["auto", Precision], device: torch.device) -> Precision:
    """What `auto` means on a device: bfloat16 where it gains by it, else float32."""
    if asked != "auto":
        return asked
    return "bfloat16" if gains_by_bfloat16(device) else "float32"


def precision_warning(precision: Precision, device: torch.device) -> str | None:
    """What speaks against a precision on a device: bfloat16 that is emulated; None: nothing."""
    if precision == "float32" or has_bfloat16(device):
        return None
    return (
        f"warning: {described_device(device)} does not multiply bfloat16 and emulates it, which is many times slower "
        "than float32: leave train.precision out"
    )
