"""Two directories that change places in one step, so that whoever looks sees the one or the other whole."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE


def exchanged(one: Path, other: Path) -> bool:
    """Lets two directories of a file system change places, where the system can do that.

    Args:
        one: A directory.
        other: Another one.

    Returns:
        Whether they did: only Linux can, not on every file system, and not where a file system is mounted.
    """
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0
