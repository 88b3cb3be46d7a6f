"""Dense layers: torch's, and with weights in the layout that oneDNN multiplies fastest, for prediction on a CPU.

Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from spanbert.encoder.hardware import has_operators
from spanbert.encoder.int8_layers import Int8Linear

Activation = Literal["none", "gelu"]


class Linear(nn.Linear):
    """A dense layer, parts of whose outputs can be asked for alone."""

    def gelu(self, input_NI: Tensor) -> Tensor:
        """(N, I) to (N, O), then erf-GELU (Hendrycks and Gimpel 2016)."""
        return functional.gelu(self(input_NI))

    def part(self, input_NI: Tensor, start: int, stop: int) -> Tensor:
        """(N, I) to outputs start..stop, (N, stop - start)."""
        return functional.linear(input_NI, self.weight[start:stop], self.bias[start:stop])


class PackedLinear(nn.Module):
    """The same layer for inference alone; its weights can be neither trained nor saved.

    Args:
        linear: The layer, on the CPU.
        cuts: Where its outputs are cut into parts that `part` can be asked for.
        dtype: Of weights and outputs; inputs are converted to it.
    """

    def __init__(self, linear: Linear, *, cuts: Sequence[int] = (), dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        bounds = [0, *cuts, linear.out_features]
        self.dtype = dtype
        self.parts: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        for start, stop in pairwise(bounds):
            weight, bias = (one.detach()[start:stop].to(dtype) for one in (linear.weight, linear.bias))
            self.parts[start, stop] = (_operations()._reorder_linear_weight(weight.contiguous()), bias)

    def forward(self, input_NI: Tensor) -> Tensor:
        """(N, I) to (N, O)."""
        return self._whole(input_NI, "none")

    def gelu(self, input_NI: Tensor) -> Tensor:
        """As `Linear.gelu`, in one operation."""
        return self._whole(input_NI, "gelu")

    def part(self, input_NI: Tensor, start: int, stop: int) -> Tensor:
        """As `Linear.part`, between neighbouring cuts."""
        return self._product(input_NI, (start, stop), "none")

    def _whole(self, input_NI: Tensor, activation: Activation) -> Tensor:
        outputs = [self._product(input_NI, part, activation) for part in self.parts]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)

    def _product(self, input_NI: Tensor, part: tuple[int, int], activation: Activation) -> Tensor:
        weight, bias = self.parts[part]
        output_NO: Tensor = _operations()._linear_pointwise(
            input_NI.to(self.dtype), weight, bias, activation, [], "none" if activation == "gelu" else ""
        )
        return output_NO


Dense = Linear | PackedLinear | Int8Linear


def packed(linear: Dense, *, cuts: Sequence[int] = (), dtype: torch.dtype = torch.float32) -> Dense:
    """The layer packed, if it is not yet, nor in int8."""
    return PackedLinear(linear, cuts=cuts, dtype=dtype) if isinstance(linear, Linear) else linear


def can_pack() -> bool:
    """Whether torch offers packed products here: its operations that compiled models use, on x86 alone."""
    return has_operators(_operations(), "_reorder_linear_weight", "_linear_pointwise")


def _operations() -> Any:
    return torch.ops.mkldnn
