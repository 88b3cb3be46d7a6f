"""Layers that torch has compiled, for training on packs of one size.

Every layer is compiled by itself: all of them run the same code, so one compilation serves all. What differs from batch
to batch is kept from the compiler, which would compile again for each:

- a pack has always the same number of tokens, the last of which may be filling (`SpanCollator`): one shape;
- the number of segments is marked as one that changes (`mark_dynamic`), since a pack has any number of them;
- the longest segment is told as its bound, which is one number for a whole run;
- `loop` attention is left out of what is compiled (`attend`): its runs are those of a batch. `varlen` is in it.

Sums are taken in another order than without it, so that results differ by rounding.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from spanbert.encoder.attention import Bounds, keep_loop_from_compilers


def why_not(device: torch.device) -> str | None:
    """What is missing to compile for a device; None: nothing.

    Args:
        device: What will compute.
    """
    if device.type == "mps":
        return "layers are compiled for CUDA and the CPU alone"
    if device.type == "cuda" and find_spec("triton") is None:
        return "there is no triton, which is part of PyTorch's CUDA builds for Linux"
    variable, names = ("CC", ("gcc", "clang", "cc")) if device.type == "cuda" else ("CXX", ("g++", "clang++", "c++"))
    if not os.environ.get(variable) and not any(map(shutil.which, names)):
        return f"there is no {'C' if device.type == 'cuda' else 'C++'} compiler ({', '.join(names)})"
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return None if headers.is_file() else f"there are no headers of Python ({headers})"


class CompiledLayers:
    """The layers of an encoder, compiled when they are first called; not part of its weights.

    Args:
        blocks: The layers.
        at_most: Tokens of the longest segment that they will be trained on.
    """

    def __init__(self, blocks: Iterable[nn.Module], *, at_most: int) -> None:
        keep_loop_from_compilers()
        self.at_most = at_most
        self.blocks: list[Callable[..., Tensor]] = [torch.compile(block, dynamic=False) for block in blocks]

    def mark(self, bounds: Iterable[Bounds], device: torch.device) -> None:
        """Tells the compiler that the number of segments changes.

        Args:
            bounds: Of a batch.
            device: Where the layers are.
        """
        for one in bounds:
            torch._dynamo.mark_dynamic(one.on(device), 0)
