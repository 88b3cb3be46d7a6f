"""Which of the processes that train together this one is, as their launcher (torchrun) says it; without torch."""

from __future__ import annotations

import os

_STATED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def world_size() -> int:
    """How many processes train together; 1 without a launcher."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _STATED) else 1


def rank() -> int:
    """This process's number among them, 0 for the first."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0


def is_first_rank() -> bool:
    """Whether this is the process that reports and writes."""
    return rank() == 0


def rank_on_machine() -> int:
    """This process's number among those on its machine, which is that of its device."""
    return int(os.environ.get("LOCAL_RANK", "0")) if world_size() > 1 else 0


def restarts() -> int:
    """How often the launcher started these processes anew after one of them failed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) if world_size() > 1 else 0
