"""Encoder and head of one task as one module, the unit that is trained and saved."""

from __future__ import annotations

from torch import Tensor, nn

from spanbert.encoder.model import Encoder


class TaskModel(nn.Module):
    """Parameters are named `encoder.*` and `head.*`.

    Args:
        encoder: The encoder.
        head: The task's head.
        freeze_encoder: Train the head alone; the encoder then stays in eval mode and gets no gradient.
    """

    def __init__(self, encoder: Encoder, head: nn.Module, *, freeze_encoder: bool = False) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.freeze_encoder = freeze_encoder
        if freeze_encoder:
            encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> TaskModel:
        """Sets the mode of both, but a frozen encoder stays in eval mode."""
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def tensors(self) -> dict[str, Tensor]:
        """All weights by name."""
        return dict(self.state_dict())
