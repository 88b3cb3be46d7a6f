"""Layers that torch has compiled, for training on packs of one size.

Every layer is compiled by itself: all of them run the same code, so one compilation serves all. What differs from batch
to batch is kept from the compiler, which would compile again for each:

- a pack has always the same number of tokens, the last of which may be filling (`SpanCollator`): one shape;
- the number of segments is marked as one that changes (`mark_dynamic`), since a pack has any number of them;
- the longest segment is told as its bound, which is one number for a whole run;
- `loop` attention is left out of what is compiled (`attend`): its runs are those of a batch. `varlen` is compiled along.

Sums are taken in another order than without it, so that results differ by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from spanbert.encoder.attention import Bounds


class CompiledLayers:
    """The layers of an encoder, compiled when they are first called; not part of its weights.

    Args:
        blocks: The layers.
        at_most: Tokens of the longest segment that they will be trained on.
    """

    def __init__(self, blocks: Iterable[nn.Module], *, at_most: int) -> None:
        self.at_most = at_most
        self.blocks: list[Callable[..., Any]] = [torch.compile(block, dynamic=False) for block in blocks]

    def mark(self, bounds: Iterable[Bounds], device: torch.device) -> None:
        """Tells the compiler that the number of segments changes.

        Args:
            bounds: Of a batch.
            device: Where the layers are.
        """
        for one in bounds:
            torch._dynamo.mark_dynamic(one.on(device), 0)
