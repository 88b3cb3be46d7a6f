"""What int8 makes of numbers: weights by output, embeddings by row, activations by one range; torch-free.

Shapes: I inputs of a product, O outputs, V rows of a table, D their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spanbert.core.types import OutputArray

Range = tuple[float, float]
Weights = Mapping[str, OutputArray]
Int8Array = npt.NDArray[np.int8]
MOST_OF_WEIGHT = 63  # of 7 bits: sums of two products by 8 bits overflow 16 bits on processors without VNNI
_MOST_OF_TABLE = 127
_STEPS = 255
_LEAST = 1e-12


class Grid(NamedTuple):
    """The numbers that a uint8 can stand for: `step * (n - zero)`.

    Attributes:
        step: Between neighbours.
        zero: Which of them is 0.
    """

    step: float
    zero: int


def grid_over(bounds: Range) -> Grid:
    """The grid over a range and 0."""
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    step = max((high - low) / _STEPS, _LEAST)
    return Grid(step, round(-low / step))


def rounded_weight(weight_OI: OutputArray) -> tuple[Int8Array, OutputArray]:
    """The weights of a product as whole numbers (O, I) of 7 bits, and what a step is worth of each output, (O,)."""
    steps_O = np.maximum(np.abs(weight_OI).max(1), _LEAST) / MOST_OF_WEIGHT
    return np.rint(weight_OI / steps_O[:, None]).astype(np.int8), steps_O.astype(np.float32)


def halved(values: OutputArray) -> npt.NDArray[np.uint16]:
    """Numbers as the bits of bfloat16, the nearest, of two equally near ones the even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def rounded_table(table_VD: OutputArray) -> tuple[Int8Array, OutputArray]:
    """A table as whole numbers (V, D), and what a step is worth of each row, (V, 1)."""
    steps_V1 = np.maximum(np.abs(table_VD).max(1, keepdims=True), _LEAST) / _MOST_OF_TABLE
    return np.rint(table_VD / steps_V1).astype(np.int8), steps_V1.astype(np.float32)
