"""The backend that needs torch: encoder and heads as they were trained.

Shapes: S windows, T tokens of them, R rows that heads read, D hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from spanbert.batches.examples import HeadRows, Layout, Window, pack_windows, rows_of_batch
from spanbert.core.types import IntArray
from spanbert.encoder.hardware import FreedMemory, explaining_memory, threads_by_work
from spanbert.encoder.model import Encoder, require_finite_states
from spanbert.encoder.placement import on_device
from spanbert.inference.backend import Backend, Outputs
from spanbert.tasks.head import GeneratingHead, Head
from spanbert.tasks.protocol import Generated

_TOKENS_APART = 32_768
_LESS_MEMORY = "Free the device from other work, or compute on the CPU: --device cpu"


class TorchBackend(Backend):
    """An encoder with heads, as `Backend`.

    Args:
        encoder: In eval mode.
        heads: By name, in eval mode, on the same device.
        dtype: Of the encoder's products elsewhere than on a CPU, whose layers know their own; heads are float32.
    """

    def __init__(self, encoder: Encoder, heads: Mapping[str, Head[Any]], *, dtype: torch.dtype = torch.float32) -> None:
        self.encoder, self.heads, self._device, self._dtype = encoder, heads, encoder.device, dtype
        self._freed = FreedMemory()
        self.works_apart = self._device.type != "cpu"
        if self.works_apart:
            self.tokens_at_once = _TOKENS_APART

    def _hidden(self, windows: Sequence[Window], rows: IntArray | None = None) -> Tensor:
        """Hidden states of the windows, (R, D)."""
        batch = pack_windows(windows)
        if self.works_apart and self._dtype != torch.float32:
            with torch.autocast(self._device.type, dtype=self._dtype):
                hidden_RD: Tensor = self.encoder(batch, rows=rows).float()
        else:
            hidden_RD = self.encoder(batch, rows=rows)
        require_finite_states(hidden_RD)
        return hidden_RD

    @torch.inference_mode()
    @override
    def run(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        """The encoder's last layer computes only the rows that are read."""
        with self._computing(windows):
            return self._run(windows, asked)

    @contextmanager
    def _computing(self, windows: Sequence[Window]) -> Iterator[None]:
        """By as many threads as suit the windows; what was freed is given back once it is much. Of a CPU alone."""
        tokens = sum(len(one.ids) for one in windows)
        with (
            threads_by_work(tokens, self.encoder.config.hidden_size, self._device),
            explaining_memory(self._device, _LESS_MEMORY),
        ):
            yield
        if not self.works_apart:
            self._freed.used(tokens)

    def _run(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        rows = {name: rows_of_batch(windows, own) for name, own in asked.items()}
        wanted_R, places = _union(list(rows.values()))
        hidden_RD = self._hidden(windows, rows=wanted_R)
        outputs = {}
        for (name, own), place in zip(asked.items(), places, strict=True):
            own_RD = hidden_RD if len(rows) == 1 else hidden_RD[on_device(place, self._device)]
            outputs[name] = self.heads[name].outputs(own_RD, Layout.of(own))
        return outputs

    @torch.inference_mode()
    @override
    def generate(
        self,
        windows: Sequence[Window],
        head: str,
        options: Mapping[str, float],
        references: Sequence[IntArray | None],
    ) -> list[Generated]:
        """The head reads all rows."""
        own = self.heads[head]
        assert isinstance(own, GeneratingHead), f"{head} writes nothing"
        asked = [HeadRows(rows=np.arange(len(window.ids))) for window in windows]
        with self._computing(windows):
            return own.generate(self._hidden(windows), Layout.of(asked), options, references)


def _union(rows: Sequence[IntArray]) -> tuple[IntArray, list[IntArray]]:
    """All rows once, and where each task's are among them."""
    if len(rows) == 1:
        return rows[0], [np.arange(len(rows[0]))]
    union, places = np.unique(np.concatenate(rows), return_inverse=True)
    return union, np.split(places, np.cumsum([len(one) for one in rows])[:-1])
