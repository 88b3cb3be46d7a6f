"""What a part is told, and where it finds its inputs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Job:
    """One part of the measurement.

    Attributes:
        out: The folder of the results.
        inputs: What `prepare.py` made.
        work: A folder for files that nobody needs afterwards, the same for all parts.
        device: What computes: `cuda`, or `cpu` for a rehearsal.
        seconds: After so many the part is killed.
        tiny: Everything as small as it can be.
        begun: When it began, by `time.monotonic`.
    """

    out: Path
    inputs: Path
    work: Path
    device: str
    seconds: float
    tiny: bool
    begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until the part is killed."""
        return self.seconds - (time.monotonic() - self.begun)
