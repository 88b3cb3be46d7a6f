"""How much memory this process holds."""

from __future__ import annotations

import os
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PAGES = Path("/proc/self/statm")


def resident_bytes() -> int | None:
    """Resident memory of this process now, quickly; None where the system does not say (not Linux)."""
    if not _PAGES.is_file():
        return None
    return int(_PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def resident_memory() -> tuple[int, int] | None:
    """Resident memory of this process in bytes, now and at its peak; None where the system does not say (not Linux)."""
    if not _STATUS.is_file():
        return None
    values = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    if not {"VmRSS", "VmHWM"} <= values.keys():
        return None
    now, peak = (int(values[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return now, peak
