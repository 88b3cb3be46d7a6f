"""The head: what each piece adds to the number of words.

Shapes: R rows of all windows, D hidden size, S windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from spanbert.batches.examples import Layout
from spanbert.core.types import OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import initialise
from spanbert.tasks.head import Head


class WordCountHead(Head[float]):
    """A number above 0 a piece; those of a window add up to its number of words.

    Args:
        config: The encoder's.
        scale: Words that a piece makes in the mean.
    """

    def __init__(self, config: EncoderConfig, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.output = nn.Linear(config.hidden_size, 1)
        self.apply(initialise)

    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        return {"words": self.scale * softplus(self.output(hidden_RD)[:, 0])}

    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[float]) -> Tensor:
        words_R = self(hidden_RD, layout)["words"].float()
        found_S = torch.stack([one.sum() for one in words_R.split(list(layout.sizes))])
        return ((found_S - torch.tensor(gold, device=found_S.device)) ** 2).sum()

    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        words_R = self(hidden_RD, layout)["words"].float().cpu()
        return [one.numpy() for one in words_R.split(list(layout.sizes))]
