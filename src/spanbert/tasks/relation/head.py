"""The head of relation extraction: the rows of a marked pair, dense, tanh, linear.

Shapes: S pairs, r rows of each, D hidden size, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.model import initialise
from spanbert.tasks.head import Head


class RelationHead(Head):
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

    def forward(self, hidden_RD: Tensor) -> Tensor:
        """(S r, D) rows to logits (S, L)."""
        joined = dropout(hidden_RD.reshape(-1, self.dense.in_features), self.dropout, self.training)
        logits_SL: Tensor = self.output(dropout(torch.tanh(self.dense(joined)), self.dropout, self.training))
        return logits_SL

    def losses(self, hidden_RD: Tensor, sizes: Sequence[int], gold: Sequence[int]) -> Tensor:
        """As `TaskHead`; the gold of a pair is the number of its label."""
        wanted_S = torch.tensor(gold, dtype=torch.int64, device=hidden_RD.device)
        return cross_entropy(self(hidden_RD).float(), wanted_S, reduction="sum")

    def outputs(self, hidden_RD: Tensor, sizes: Sequence[int]) -> list[npt.NDArray[Any]]:
        """As `TaskHead`: the logits of each pair, (L,)."""
        return list(self(hidden_RD).float().cpu().numpy())
