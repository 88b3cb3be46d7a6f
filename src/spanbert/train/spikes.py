"""Steps whose gradients are not numbers, or far larger than before: they are left out, and too many end the run.

A batch of odd text, or a rate near the edge, now and then makes a gradient that would throw the weights far off, even
clipped: AdamW's moments keep it for many steps (Chowdhery et al. 2022, section 5.1, skip such batches by hand). All of
it happens on the device, so that nothing waits: the optimiser is told not to move.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_CALM = 100  # steps before a gradient can be called large
_MEMORY = 0.98  # of the mean, for each step


class SpikeGuard:
    """Follows the norms of gradients, and says which steps are left out.

    Args:
        factor: How many times the usual norm is too much; None: any norm will do that is a number.
        device: Where norms are.

    Attributes:
        in_a_row: Steps that were left out up to now, one after the other; on the device, as all here.
    """

    def __init__(self, factor: float | None, device: torch.device) -> None:
        self._factor = float("inf") if factor is None else factor
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._mean, self._steps, self.in_a_row = (torch.zeros((), dtype=wide, device=device) for _ in range(3))

    def skips(self, norm: Tensor) -> Tensor:
        """Takes in the norm of a step: 1 where it is left out, else 0, a scalar for `Optimizer.found_inf`.

        Args:
            norm: Before clipping, a scalar.
        """
        own = norm.detach().to(self._mean.dtype)
        usual = self._mean / (1 - _MEMORY**self._steps).clamp(min=1e-12)
        large = (self._steps >= _CALM) & (own > self._factor * usual)
        skipped = (~torch.isfinite(own) | large).to(own.dtype)
        kept = 1 - skipped
        self._mean += kept * (1 - _MEMORY) * (torch.nan_to_num(own, 0.0, 0.0, 0.0) - self._mean)
        self._steps += kept
        self.in_a_row = skipped * (self.in_a_row + 1)
        return skipped.float()

    def facts(self) -> dict[str, float]:
        """For a state; waits for the device."""
        return {"mean": self._mean.item(), "steps": self._steps.item(), "in_a_row": self.in_a_row.item()}

    def restore(self, facts: dict[str, Any] | None) -> None:
        """Goes on from a state; None: it says nothing of this."""
        for name, tensor in (("mean", self._mean), ("steps", self._steps), ("in_a_row", self.in_a_row)):
            tensor.fill_((facts or {}).get(name, 0.0))
