"""How a product in int8 is spread: over which range, and by which factors channels are multiplied before (SmoothQuant).

All channels of what a product reads share one grid, so that a channel of large values makes the steps of all others
coarse; weights have a grid for each output. A channel is therefore divided by max|x|^a / max|w|^(1 - a), and the
weights that read it are multiplied by that (Xiao et al. 2023, section 4). What BERT's norms give is also read by the
residual, so that the factors cannot become part of them: values are multiplied where they are rounded.

What is best is decided product by product, by the error of its outputs on a sample of real inputs: a from none to
nearly all, over the whole range or without a few outliers.

Shapes: N rows, I inputs of a product, O outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spanbert.core.types import OutputArray
from spanbert.encoder.rounding import Range, grid_over, rounded_weight
from spanbert.exports.calibrate import CLIPPED, Seen

_ALPHAS = (0.3, 0.45, 0.6, 0.75)
_WORTH, _WORTH_FACTORS = 0.9, 0.7  # of the plain error, below which another spread is taken: factors cost time
_LEAST = 1e-5


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Spread:
    """How a product is spread.

    Attributes:
        range: Of what is rounded.
        factors_I: What it reads is multiplied by before, and its weights are divided by, (I,); None: by nothing.
    """

    range: Range
    factors_I: OutputArray | None = None


def smoothed(seen: Seen, weight_OI: OutputArray, *, factors: bool = True) -> Spread:
    """The spread of a product whose outputs are nearest to those in float32.

    Args:
        seen: What it reads.
        weight_OI: Its weights.
        factors: Whether it may have any.
    """
    plain = Spread(range=seen.range)
    expected_NO = seen.sample_NI @ weight_OI.T
    usual = _error(seen, weight_OI, plain, expected_NO)
    least, best = usual, plain
    for other in _others(seen, weight_OI):
        if other.factors_I is not None and not factors:
            break  # all that follow have some
        error = _error(seen, weight_OI, other, expected_NO)
        if error < min(least, usual * (_WORTH if other.factors_I is None else _WORTH_FACTORS)):
            least, best = error, other
    return best


def _others(seen: Seen, weight_OI: OutputArray) -> Iterator[Spread]:
    yield Spread(range=(float(seen.lowest_I.min()), float(seen.highest_I.max())))
    inputs_I = np.maximum(np.maximum(-seen.lowest_I, seen.highest_I), _LEAST)
    weights_I = np.maximum(np.abs(weight_OI).max(0), _LEAST)
    for alpha in _ALPHAS:
        factors_I = (weights_I ** (1 - alpha) / inputs_I**alpha).astype(np.float32)
        lows_I, highs_I = seen.lowest_I * factors_I, seen.highest_I * factors_I
        yield Spread(range=(float(lows_I.min()), float(highs_I.max())), factors_I=factors_I)
        low, high = (float(one) for one in np.quantile(seen.sample_NI * factors_I, (CLIPPED, 1 - CLIPPED)))
        yield Spread(range=(min(low, 0.0), max(high, 0.0)), factors_I=factors_I)


def _error(seen: Seen, weight_OI: OutputArray, spread: Spread, expected_NO: OutputArray) -> float:
    """The sum of squares by which int8 changes the outputs of a sample."""
    inputs_NI = seen.sample_NI
    if spread.factors_I is not None:
        inputs_NI, weight_OI = inputs_NI * spread.factors_I, weight_OI / spread.factors_I
    step, zero = grid_over(spread.range)
    whole_NI = np.clip(np.rint(inputs_NI / step) + zero, 0, 255) - zero
    whole_OI, steps_O = rounded_weight(weight_OI)
    found_NO = (step * whole_NI).astype(np.float32) @ (whole_OI * steps_O[:, None]).T
    return float(np.square(found_NO - expected_NO).sum())
