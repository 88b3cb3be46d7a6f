"""The protocol that every task fills in; the training loop and the commands know no more of a task than this.

source --read--> data --encode--> Encoded (packed inputs, targets, counts)
encoder(inputs) --> hidden states --loss--> a sum for each objective   (training)
                                  --decode--> predictions --score--> figures --render--> lines
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from spanbert.core.types import PackedBatch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from spanbert.encoder.model import Encoder

DataT = TypeVar("DataT")
ItemT = TypeVar("ItemT", contravariant=True)
TargetsT = TypeVar("TargetsT")
PredictionsT = TypeVar("PredictionsT")


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded(Generic[TargetsT]):
    """One micro-batch.

    Attributes:
        inputs: What the encoder reads.
        targets: What the task's loss reads.
        counts: For each objective, the units (the N of its mean) in this batch; known before any forward pass.
        key: Names the batch, so that its dropout is drawn under a key of its own.
    """

    inputs: PackedBatch
    targets: TargetsT
    counts: Mapping[str, int]
    key: tuple[int | str, ...]


class Task(Protocol[DataT, ItemT, TargetsT, PredictionsT]):
    """One thing to learn on the encoder.

    Attributes:
        kind: Its name on the command line.
        unit: What its loss counts: target token, example, word, window, mention.
        objectives: Each objective's weight in the loss.
    """

    kind: str
    unit: str
    objectives: Mapping[str, float]

    def read(self, source: Path) -> DataT:
        """Opens the data.

        Raises:
            InputError: It cannot be used.
        """

    def check(self, data: DataT, encoder: Encoder) -> None:
        """Compares data and encoder before time is spent.

        Raises:
            InputError: They do not belong together.
        """

    def encode(self, items: Sequence[ItemT]) -> Encoded[TargetsT]:
        """Makes one micro-batch; a pure function of the items."""

    def build_head(self, encoder: Encoder) -> nn.Module:
        """A new head for the encoder."""

    def loss(self, encoder: Encoder, head: nn.Module, hidden_TD: Tensor, targets: TargetsT) -> dict[str, Tensor]:
        """The summed loss of each objective, scalars; the loop divides by the step's counts."""

    def decode(self, encoder: Encoder, head: nn.Module, batch: Encoded[TargetsT]) -> PredictionsT:
        """What the model answers for a batch, in numpy."""

    def score(self, predictions: Iterable[PredictionsT]) -> dict[str, Any]:
        """Figures over many batches, in one pass and bounded memory."""

    def render(self, scores: Mapping[str, Any]) -> list[str]:
        """The figures in lines for people."""
