"""The head of relation extraction: the rows of a marked pair, dense, tanh, linear.

Shapes: S pairs, r rows of each, D hidden size, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from typing_extensions import override

from spanbert.batches.examples import Layout
from spanbert.core.types import OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.model import initialise
from spanbert.encoder.placement import on_device
from spanbert.tasks.head import Head


class RelationHead(Head[int]):
    """Logits of a pair of entities.

    Args:
        config: The encoder's.
        labels: L.
        rows: r.
    """

    def __init__(self, config: EncoderConfig, labels: int, rows: int) -> None:
        super().__init__()
        self.rows, self.dropout = rows, config.hidden_dropout
        self.dense = nn.Linear(rows * config.hidden_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, labels)
        self.apply(initialise)

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """Rows (S r, D) to `logits` (S, L)."""
        joined = dropout(hidden_RD.reshape(-1, self.dense.in_features), self.dropout, self.training)
        return {"logits": self.output(dropout(torch.tanh(self.dense(joined)), self.dropout, self.training))}

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[int]) -> Tensor:
        """The gold of a pair is the number of its label."""
        wanted_S = on_device(torch.tensor(gold, dtype=torch.int64), hidden_RD.device)
        return cross_entropy(self(hidden_RD, layout)["logits"].float(), wanted_S, reduction="sum")

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """The logits of each pair, (L,)."""
        return list(self(hidden_RD, layout)["logits"].float().cpu().numpy())
