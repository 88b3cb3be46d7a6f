"""The head of extractive question answering (Devlin et al. 2019, section 4.2): start and end logits.

Shapes: S windows with r readable rows each (the first [CLS], then the context), R rows of all, D hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import initialise
from spanbert.tasks.head import Head

_NO_ROW = float("-inf")


class QAHead(Head):
    """A start and an end logit a row; the question's rows are not among them, so no span can cross into it."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.output = nn.Linear(config.hidden_size, 2)
        self.apply(initialise)

    def forward(self, hidden_RD: Tensor) -> Tensor:
        """(R, D) to start and end logits (R, 2)."""
        logits_R2: Tensor = self.output(hidden_RD)
        return logits_R2

    def losses(self, hidden_RD: Tensor, sizes: Sequence[int], gold: Sequence[Any]) -> Tensor:
        """As `TaskHead`: gold is (start, end) among the rows of a window, (0, 0) where it holds no answer."""
        parts = torch.split(self(hidden_RD).float(), list(sizes))
        logits_Sr2 = pad_sequence(list(parts), batch_first=True, padding_value=_NO_ROW)
        gold_S2 = torch.from_numpy(np.array(gold, dtype=np.int64)).to(logits_Sr2.device)
        return cross_entropy(logits_Sr2, gold_S2, reduction="sum") / 2

    def outputs(self, hidden_RD: Tensor, sizes: Sequence[int]) -> list[npt.NDArray[Any]]:
        """As `TaskHead`: start and end logits (r, 2) a window."""
        return [part.numpy() for part in torch.split(self(hidden_RD).float().cpu(), list(sizes))]
