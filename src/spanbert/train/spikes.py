"""Steps whose gradients are not numbers, or far larger than before: they are left out, and too many end the run.

A batch of odd text, or a rate near the edge, now and then makes a gradient that would throw the weights far off, even
clipped: AdamW's moments keep it for many steps (Chowdhery et al. 2022, section 5.1, skip such batches by hand). All of
it happens on the device, so that nothing waits: the optimiser is told not to move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_CALM = 100  # steps of a task before a gradient can be called large
_MEMORY = 0.98  # of the mean, for each step


class SpikeGuard:
    """Follows the norms of gradients, and says which steps are left out.

    What is usual differs from task to task: gradients of whole documents can be a hundred times those of single words.

    Args:
        factor: How many times the usual norm is too much; None: any norm will do that is a number.
        device: Where norms are.

    Attributes:
        in_a_row: Steps that were left out up to now, one after the other; on the device, as all here.
    """

    def __init__(self, factor: float | None, device: torch.device) -> None:
        self._factor = float("inf") if factor is None else factor
        self._device = device
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._usual: dict[str, tuple[Tensor, Tensor]] = {}  # mean of the norms that counted, and how many did
        self.in_a_row = self._zero()

    def skips(self, norm: Tensor, *, of: str) -> Tensor:
        """Takes in the norm of a step: 1 where it is left out, else 0, a scalar for `Optimizer.found_inf`.

        Args:
            norm: Before clipping, a scalar.
            of: What the step learns: norms are compared with those of such steps.
        """
        own = norm.detach().to(self._dtype)
        if of not in self._usual:
            self._usual[of] = self._zero(), self._zero()
        mean, steps = self._usual[of]
        usual = mean / (1 - _MEMORY**steps).clamp(min=1e-12)
        large = (steps >= _CALM) & (own > self._factor * usual)
        skipped = (~torch.isfinite(own) | large).to(own.dtype)
        kept = 1 - skipped
        mean += kept * (1 - _MEMORY) * (torch.nan_to_num(own, 0.0, 0.0, 0.0) - mean)
        steps += kept
        self.in_a_row = skipped * (self.in_a_row + 1)
        return skipped.float()

    def facts(self) -> dict[str, Any]:
        """For a state; waits for the device."""
        usual = {name: {"mean": mean.item(), "steps": steps.item()} for name, (mean, steps) in self._usual.items()}
        return {"usual": usual, "in_a_row": self.in_a_row.item()}

    def restore(self, facts: Mapping[str, Any] | None) -> None:
        """Goes on from a state; None, or one of earlier versions: it does not say what is usual."""
        said = (facts or {}).get("usual", {})
        self._usual = {
            name: (self._zero().fill_(one["mean"]), self._zero().fill_(one["steps"])) for name, one in said.items()
        }
        self.in_a_row.fill_((facts or {}).get("in_a_row", 0.0))

    def _zero(self) -> Tensor:
        return torch.zeros((), dtype=self._dtype, device=self._device)
