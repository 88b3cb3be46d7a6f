"""What the heads of tasks on labelled texts have in common: how their weights are stored."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from spanbert.encoder.model import fill_parameters


class Head(nn.Module):
    """A head whose stored weights are those that it computes with."""

    def stored(self) -> dict[str, Tensor]:
        """The tensors that a bundle holds."""
        return {name: tensor.detach() for name, tensor in self.state_dict().items()}

    def load_stored(self, values: Mapping[str, Tensor], *, where: str) -> None:
        """Takes in the tensors of a bundle.

        Args:
            values: By name.
            where: The bundle, for messages.

        Raises:
            InputError: A tensor is missing, unknown or of another shape.
        """
        fill_parameters(self, values, where=where)
