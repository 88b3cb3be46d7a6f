"""How threads of the CPU wait for each other, and how busy the machine is; without torch, which must be told first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SPINS = "3000"  # some 50 to 150 microseconds, longer than what lies between two operations of a pass
_QUOTAS = (  # of version 2 and of version 1
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
_STATED = frozenset({"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"})


def wait_briefly() -> None:
    """Lets threads that wait for others sleep after a moment, unless the user has said how they wait.

    PyTorch's threads on Linux (GNU OpenMP) spin for some 10 milliseconds before they sleep. Where other processes want
    the cores too, the one that all wait for is kept from its core by those that spin. Must be called before torch is
    imported, which reads it once; benchmarks/threads.py measures what it costs and brings.
    """
    if sys.platform == "linux" and not _STATED & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = _SPINS


def use_threads(count: int) -> None:
    """Computes with so many threads of the CPU at most, from now on and in the whole process, whatever computes.

    Args:
        count: At least 1.
    """
    os.environ["OMP_NUM_THREADS"] = str(count)  # of torch, which reads it when it is imported, and see `threads`
    if "MKL_NUM_THREADS" in os.environ:  # which its products would go by rather
        os.environ["MKL_NUM_THREADS"] = str(count)
    os.environ["RAYON_NUM_THREADS"] = str(count)  # of the tokenizer, which reads it when it is first used
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def threads() -> int:
    """As many as `OMP_NUM_THREADS` says, by which users limit whatever computes; else as there are cores."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return int(stated) if stated.isdecimal() and int(stated) else usable_cores()


def usable_cores() -> int:
    """The cores that this process may run on, or whose time a container gives it, if those are fewer."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, quota() or count)


def quota() -> int | None:
    """Cores whose time a container may use, as control groups of Linux state it, rounded up; None: no limit."""
    for files in _QUOTAS:
        try:
            stated = [word for file in files for word in Path(file).read_text(encoding="utf-8").split()]
            time, period = int(stated[0]), int(stated[1])
        except (OSError, ValueError, IndexError):  # no such group, or "max"
            continue
        if time > 0 and period > 0:
            return -(-time // period)
    return None


def load_average() -> float | None:
    """How many threads of all processes wanted a core, on average over a minute; None: the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
