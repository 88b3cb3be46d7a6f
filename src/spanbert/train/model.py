"""Encoder and head with the task that they learn as one module, the unit that is trained and saved."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from spanbert.encoder.model import Encoder
from spanbert.tasks.protocol import MicroBatch, Task


class TaskModel(nn.Module):
    """Micro-batch in, losses out; parameters are named `encoder.*` and `head.*`.

    Training calls only `forward`, so that a wrapper of the module (for several processes, for a compiler) sees every
    use of every parameter; word embeddings that serve as decoder are also read inside it.

    Args:
        task: Gives the loss.
        encoder: The encoder.
        head: The task's head.
        freeze_encoder: Train the head alone; the encoder then stays in eval mode and gets no gradient.

    Attributes:
        touches_all: Every parameter of the encoder and of the head that a micro-batch is for gets a gradient, be it
            zero: several processes that train together must have gradients of the same ones.
    """

    def __init__(
        self, task: Task[Any, Any], encoder: Encoder, head: nn.Module, *, freeze_encoder: bool = False
    ) -> None:
        super().__init__()
        self.task, self.encoder, self.head = task, encoder, head
        self.freeze_encoder = self.touches_all = False
        self._trained = [one for one in encoder.parameters() if one.requires_grad]
        self.freeze(freeze_encoder)

    def freeze(self, frozen: bool) -> None:
        """Lets the encoder stay as it is, or be trained again."""
        if frozen != self.freeze_encoder:
            self.freeze_encoder = frozen
            for one in self._trained:
                one.requires_grad_(not frozen)
            self.train(self.training)

    def forward(self, micro_batch: MicroBatch[Any]) -> dict[str, Tensor]:
        """The summed loss of each objective over a micro-batch, scalars."""
        with torch.no_grad() if self.freeze_encoder else nullcontext():
            hidden_RD = self.encoder(micro_batch.inputs, rows=micro_batch.rows)
        losses = self.task.loss(self.encoder, self.head, hidden_RD, micro_batch.targets)
        if self.touches_all:
            own = self.task.head_of(self.head, micro_batch.targets)
            zero = sum((one.sum() for one in own.parameters() if one.requires_grad), hidden_RD.sum()) * 0
            losses = {name: loss + zero for name, loss in losses.items()}
        return losses

    def train(self, mode: bool = True) -> TaskModel:
        """Sets the mode of both, but a frozen encoder stays in eval mode."""
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def tensors(self) -> dict[str, Tensor]:
        """All weights by name."""
        return dict(self.state_dict())
