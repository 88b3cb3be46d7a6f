"""The base of every head of a task on labelled texts: a torch module that reads selected rows of a batch.

Shapes: R rows of all windows, D hidden size, S windows with r rows each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from spanbert.batches.examples import Layout
from spanbert.core.types import BoolArray, IntArray, OutputArray
from spanbert.encoder.model import fill_parameters
from spanbert.tasks.protocol import Generated

GoldT = TypeVar("GoldT")


class Head(nn.Module, ABC, Generic[GoldT]):
    """Hidden states to a loss, and to what the task decodes.

    `forward` is a fixed graph wherever the task allows, so that it can be exported; what depends on the values that it
    gives, such as a choice of the best candidates, is left to `loss` and `outputs`.
    """

    @abstractmethod
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """Named tensors from hidden states.

        Args:
            hidden_RD: The rows that the head reads, (R, D), window after window.
            layout: Which of them belong to which window.
        """

    @abstractmethod
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[GoldT]) -> Tensor:
        """The summed loss over all windows, a scalar.

        Args:
            hidden_RD: As in `forward`.
            layout: As in `forward`.
            gold: Of each window, (S,).
        """

    @abstractmethod
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """What the task decodes, an array a window."""

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


class GeneratingHead(Head[GoldT]):
    """A head that writes something step by step, each step on what it wrote before.

    Attributes:
        may_write_V: The ids of its vocabulary that it may write, (V,).
    """

    may_write_V: BoolArray

    @abstractmethod
    def generate(
        self,
        hidden_TD: Tensor,
        layout: Layout,
        options: Mapping[str, float],
        references: Sequence[IntArray | None],
    ) -> list[Generated]:
        """What it writes for each window.

        Args:
            hidden_TD: All rows of all windows.
            layout: Which of them belong to which window.
            options: Its own.
            references: What it should have written for each window, where the probability of that is asked for.
        """

    def ctranslate2_decoder(self, *, epsilon: float, longest: int) -> Any:
        """Its decoder, over hidden states of the encoder, as a `ctranslate2.specs.TransformerDecoderSpec`.

        Args:
            epsilon: Of all norms of the model.
            longest: Pieces that it writes at most.
        """
        raise NotImplementedError
