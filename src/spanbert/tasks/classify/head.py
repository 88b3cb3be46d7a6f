"""The head of text classification (Devlin et al. 2019, section 3.2): [CLS] -> dense, tanh -> linear.

Shapes: S windows, D hidden size, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from typing_extensions import override

from spanbert.batches.examples import Layout
from spanbert.core.types import OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.model import initialise
from spanbert.encoder.placement import on_device
from spanbert.tasks.classify.config import Mode
from spanbert.tasks.head import Head


class ClassifyHead(Head[int | float | OutputArray]):
    """Logits of a text; one row, the first, of each window is read.

    Args:
        config: The encoder's.
        labels: L; 1 for a regression.
        mode: What the loss is.
        weights_L: Weight of each label's examples; None: all 1.
        scale: Mean and standard deviation of a regression's numbers in training: its layers learn them standardised, so
            that rates suit numbers of any size. What is stored gives the numbers themselves.
    """

    def __init__(
        self,
        config: EncoderConfig,
        labels: int,
        mode: Mode,
        *,
        weights_L: Sequence[float] | None = None,
        scale: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        super().__init__()
        self.mode, self.dropout, self.scale = mode, config.hidden_dropout, scale
        self.weights_L = None if weights_L is None else torch.tensor(list(weights_L), dtype=torch.float32)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, labels)
        self.apply(initialise)

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """First rows (S, D) to `logits` (S, L); of a regression, the number itself."""
        pooled_SD = dropout(torch.tanh(self.pooler(hidden_RD)), self.dropout, self.training)
        logits_SL: Tensor = self.output(pooled_SD)
        mean, deviation = self.scale
        return {"logits": logits_SL * deviation + mean if self.mode == "regression" else logits_SL}

    @override
    def stored(self) -> dict[str, Tensor]:
        """The scale is part of the weights."""
        values, (mean, deviation) = super().stored(), self.scale
        return {
            **values,
            "output.weight": values["output.weight"] * deviation,
            "output.bias": values["output.bias"] * deviation + mean,
        }

    @override
    def load_stored(self, values: Mapping[str, Tensor], *, where: str) -> None:
        super().load_stored(values, where=where)
        mean, deviation = self.scale
        with torch.no_grad():
            self.output.weight.div_(deviation)
            self.output.bias.sub_(mean).div_(deviation)

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[int | float | OutputArray]) -> Tensor:
        """Gold is a label's index, a row of 0 and 1, or a number."""
        logits_SL = self(hidden_RD, layout)["logits"].float()
        device = logits_SL.device
        if self.mode == "single":
            weights_L = None if self.weights_L is None else on_device(self.weights_L, device)
            wanted_S = on_device(torch.tensor(gold), device)
            chosen: Tensor = cross_entropy(logits_SL, wanted_S, weight=weights_L, reduction="sum")
            return chosen
        if self.mode == "multi":
            gold_SL = on_device(np.stack(gold), device)
            total: Tensor = binary_cross_entropy_with_logits(logits_SL, gold_SL, reduction="sum")
            mean_of_labels: Tensor = total / logits_SL.shape[1]
            return mean_of_labels
        mean, deviation = self.scale
        numbers_S = on_device(torch.tensor(gold, dtype=torch.float32), device)
        loss: Tensor = mse_loss((logits_SL[:, 0] - mean) / deviation, (numbers_S - mean) / deviation, reduction="sum")
        return loss

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """Logits (L,) a window."""
        return list(self(hidden_RD, layout)["logits"].float().cpu().numpy())
