"""Layers in int8, for prediction on a CPU: products by oneDNN through torch's operators, and a table of embeddings.

Shapes: N rows, I inputs of a product, O outputs, V pieces, D hidden size, T tokens.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from spanbert.core.errors import InputError
from spanbert.encoder.hardware import has_operators
from spanbert.encoder.rounding import Grid


class Int8Linear(nn.Module):
    """A dense layer on uint8 activations and int8 weights; what it reads in float32 it rounds first.

    Args:
        weight_OI: Whole numbers, (O, I).
        steps_O: What a step of each output's weights is worth, (O,).
        bias_O: In float32, (O,).
        grid: Of what it reads.
        factors_I: What it reads is multiplied by before it is rounded, (I,); None: by nothing.
        cuts: Where its outputs are cut into parts that `part` can be asked for.

    Attributes:
        following: The grid of the layer that reads what `gelu` gives, which is then uint8; None: it is float32.
    """

    def __init__(
        self,
        weight_OI: Tensor,
        steps_O: Tensor,
        bias_O: Tensor,
        grid: Grid,
        *,
        factors_I: Tensor | None = None,
        cuts: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.grid = grid
        self._zero = torch.tensor(grid.zero + 0.5)  # with a half, since what follows the point is cut off
        self._places_I = None if factors_I is None else factors_I / grid.step
        self.following: Grid | None = None
        self.parts: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor, Tensor]] = {}
        for start, stop in pairwise([0, *cuts, len(weight_OI)]):
            packed = _operations().qlinear_prepack(weight_OI[start:stop].contiguous(), None)
            zeros = torch.zeros(stop - start, dtype=torch.int32)
            self.parts[start, stop] = (packed, steps_O[start:stop].contiguous(), zeros, bias_O[start:stop].contiguous())

    @property
    def has_factors(self) -> bool:
        """Whether what it reads is multiplied by anything."""
        return self._places_I is not None

    def forward(self, input_NI: Tensor) -> Tensor:
        """(N, I), float32 or by the grid, to (N, O)."""
        return self._whole(input_NI, "none", None)

    def gelu(self, input_NI: Tensor) -> Tensor:
        """As `forward`, then erf-GELU; by the grid of the layer that follows, where there is such a one."""
        return self._whole(input_NI, "gelu", self.following)

    def part(self, input_NI: Tensor, start: int, stop: int) -> Tensor:
        """(N, I) to outputs start..stop, between neighbouring cuts, (N, stop - start)."""
        return self._product(self._rounded(input_NI), (start, stop), "none", None)

    def _whole(self, input_NI: Tensor, activation: str, grid: Grid | None) -> Tensor:
        rounded_NI = self._rounded(input_NI)
        outputs = [self._product(rounded_NI, part, activation, grid) for part in self.parts]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)

    def _rounded(self, input_NI: Tensor) -> Tensor:
        if input_NI.dtype == torch.uint8:
            return input_NI
        if self._places_I is None:
            places_NI = torch.add(self._zero, input_NI, alpha=1 / self.grid.step)
        else:
            places_NI = torch.addcmul(self._zero, input_NI, self._places_I)
        return places_NI.clamp_(0, 255).to(torch.uint8)

    def _product(self, rounded_NI: Tensor, part: tuple[int, int], activation: str, grid: Grid | None) -> Tensor:
        weight, steps, zeros, bias = self.parts[part]
        output = (1.0, 0, torch.float32) if grid is None else (grid.step, grid.zero, torch.uint8)
        output_NO: Tensor = _operations().qlinear_pointwise(
            rounded_NI, self.grid.step, self.grid.zero, weight, steps, zeros, bias, *output, activation, [], "none"
        )
        return output_NO


class Int8Embedding(nn.Module):
    """A table in int8, a step for each row.

    Args:
        weight: Whole numbers, (V, D).
        steps_V1: What a step of each row is worth, (V, 1).
    """

    def __init__(self, weight: Tensor, steps_V1: Tensor) -> None:
        super().__init__()
        self.weight, self.steps_V1 = weight, steps_V1

    def forward(self, ids_T: Tensor) -> Tensor:
        """(T,) to (T, D)."""
        return self.weight.index_select(0, ids_T) * self.steps_V1.index_select(0, ids_T)

    @property
    def table_VD(self) -> Tensor:
        """The whole table in float32, (V, D)."""
        return self.weight * self.steps_V1


def can_compute_int8() -> bool:
    """Whether torch offers int8 products here: its operators that compiled models use, on x86 alone."""
    return has_operators(_operations(), "qlinear_prepack", "qlinear_pointwise")


def require_int8(where: str) -> None:
    """Refuses int8 by torch where it has no such products.

    Raises:
        InputError: It has none.
    """
    if not can_compute_int8():
        raise InputError(
            "torch has no int8 products on this processor",
            where=where,
            got=platform.machine(),
            expected="x86",
            remedy="Export the bundle with --runtime onnx",
        )


def _operations() -> Any:
    return torch.ops.onednn
