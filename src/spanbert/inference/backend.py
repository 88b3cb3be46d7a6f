"""A backend turns windows and the rows that heads read into arrays: `torch_backend`, or exported models.

Shapes: S windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from spanbert.batches.examples import HeadRows, Window
from spanbert.core.types import IntArray, OutputArray
from spanbert.tasks.protocol import Generated

Outputs = dict[str, list[OutputArray]]


class Backend(Protocol):
    """An encoder with heads, independent of what runs them.

    Attributes:
        tokens_at_once: Tokens of a batch that suits it.
        works_apart: It computes on a device of its own, while this process can make the next windows.
    """

    tokens_at_once: int = 2048
    works_apart: bool = False

    def run(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        """The outputs of some heads for each window; the encoder runs once for all of them.

        Args:
            windows: What the encoder reads, (S,): as many as should be computed at once.
            asked: By head, what it is asked about each window, (S,).

        Returns:
            By head, an array a window, (S,).
        """

    def generate(
        self,
        windows: Sequence[Window],
        head: str,
        options: Mapping[str, float],
        references: Sequence[IntArray | None],
    ) -> list[Generated]:
        """What a head that writes step by step makes of each window.

        Args:
            windows: As in `run`.
            head: Which.
            options: Its own: the number of beams and so on.
            references: What it should have written for each window, where the probability of that is asked for, (S,).

        Returns:
            What it wrote for each window, (S,).
        """
