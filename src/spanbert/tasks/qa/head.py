"""The head of extractive question answering (Devlin et al. 2019, section 4.2): start and end logits.

Shapes: S windows with r readable rows each (the first [CLS], then the context), R rows of all, D hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from typing_extensions import override

from spanbert.batches.examples import Layout
from spanbert.core.types import OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import initialise
from spanbert.encoder.placement import on_device
from spanbert.tasks.head import Head

_NO_ROW = float("-inf")


class QAHead(Head[tuple[int, int]]):
    """A start and an end logit a row; the question's rows are not among them, so no span can cross into it."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.output = nn.Linear(config.hidden_size, 2)
        self.apply(initialise)

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """`logits` of starts and ends (R, 2)."""
        return {"logits": self.output(hidden_RD)}

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[tuple[int, int]]) -> Tensor:
        """Gold is (start, end) among the rows of a window, (0, 0) where it holds no answer."""
        parts = torch.split(self(hidden_RD, layout)["logits"].float(), list(layout.sizes))
        logits_Sr2 = pad_sequence(list(parts), batch_first=True, padding_value=_NO_ROW)
        gold_S2 = on_device(np.array(gold, dtype=np.int64), logits_Sr2.device)
        return cross_entropy(logits_Sr2, gold_S2, reduction="sum") / 2

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """Start and end logits (r, 2) a window."""
        logits_R2 = self(hidden_RD, layout)["logits"].float().cpu()
        return [part.numpy() for part in torch.split(logits_R2, list(layout.sizes))]
