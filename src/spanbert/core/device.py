"""Names of devices, as people type them and as Python hands them over; what they stand for is asked of torch later."""

from __future__ import annotations

import re
from typing import Protocol

from spanbert.core.errors import InputError
from spanbert.core.texts import described

AUTO = "auto"
EXPECTED = "auto, cpu, cuda, cuda:1 or mps"
_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_SAME = {"gpu": "cuda", "-1": "cpu", "cpu:0": "cpu", "mps:0": "mps"}


class TorchDevice(Protocol):
    """What is known here of a `torch.device`."""

    @property
    def type(self) -> str:
        """`cpu`, `cuda`, `mps`."""

    @property
    def index(self) -> int | None:
        """Which of several."""


DeviceLike = str | int | TorchDevice  # a name, the number of a CUDA card (-1: the CPU), or a torch.device


def device_name(given: object, where: str = "device") -> str:
    """The name of a device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

    Numbers are those of CUDA cards, and -1 is the CPU, as in the pipelines of transformers; a `torch.device` has its
    name; `gpu` is `cuda`; None is `auto`.

    Args:
        given: What the user typed or handed over.
        where: Its place, for messages.

    Raises:
        InputError: No such name.
    """
    if given is None:
        return AUTO
    is_device = type(given).__module__ == "torch" and type(given).__name__ == "device"
    if isinstance(given, bool) or not (isinstance(given, str | int) or is_device):
        raise InputError("not a device", where=where, got=described(given), expected=EXPECTED)
    name = str(given).strip().lower()
    name = _SAME.get(name, name)
    name = f"cuda:{name}" if name.isdecimal() else re.sub(r"^gpu(?=:\d)", "cuda", name)
    if not _NAME.fullmatch(name):
        several = "one process computes on one device" if "," in name else None
        raise InputError("no such device", where=where, got=repr(given), expected=EXPECTED, remedy=several)
    return name
