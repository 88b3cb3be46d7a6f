"""The base of every head of an exported model: a part in the graph, and what numpy does before and after it; no torch.

Shapes: R rows that heads read of all windows, D hidden size, S windows, r rows that a head reads of all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import HeadRows
from spanbert.checkpoint.bundle import HEADS_PREFIX
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.graph import Graph
from spanbert.encoder.rounding import Weights

Feeds = dict[str, IntArray]


class GraphPart(ABC):
    """What a model computes from hidden states, in the graph of an exported model.

    Args:
        name: What all its names in the graph begin with: the task's.
        weights: Its own: all when the graph is written, `in_numpy` when it is run.
    """

    in_numpy: ClassVar[tuple[str, ...]] = ()  # how the names of the weights begin that are used outside of the graph

    def __init__(self, name: str, weights: Weights) -> None:
        self.name, self.weights = name, weights

    def scoped(self, name: str) -> str:
        """A name of the graph."""
        return f"{HEADS_PREFIX}{self.name}.{name}"

    @property
    def named_weights(self) -> dict[str, OutputArray]:
        """Its weights by the graph's names."""
        return {self.scoped(name): value for name, value in self.weights.items()}

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """Its inputs, each a list of numbers, so that empty ones can be given when it is not asked."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """Its outputs."""

    @abstractmethod
    def add(self, graph: Graph, hidden: str) -> None:
        """Adds inputs, nodes and outputs.

        Args:
            graph: Where to.
            hidden: The rows that heads read, (R, D).
        """


class ExportedHead(GraphPart):
    """A head without torch.

    Args:
        name: The task's.
        weights: See `GraphPart`.
        config: The settings of its kind.
    """

    def __init__(self, name: str, weights: Weights, config: Any) -> None:
        super().__init__(name, weights)
        self.config = config

    @abstractmethod
    def feeds(self, places: Sequence[IntArray], asked: Sequence[HeadRows]) -> Feeds:
        """What its inputs are given.

        Args:
            places: For each window, where the rows that it reads are among the R, (S,).
            asked: What it is asked, (S,).
        """

    @abstractmethod
    def decoded(self, found: Mapping[str, OutputArray], asked: Sequence[HeadRows]) -> list[OutputArray]:
        """What the torch head's `outputs` gives, an array a window.

        Args:
            found: Its outputs.
            asked: As in `feeds`.
        """


class ExportedRows(ExportedHead):
    """A head that computes each of its rows alone: `logits` adds what it does to them."""

    @abstractmethod
    def logits(self, graph: Graph, rows: str) -> str:
        """Adds its nodes: rows (r, D) to logits (r, L)."""

    @override
    def add(self, graph: Graph, hidden: str) -> None:
        [rows] = self.inputs
        [logits] = self.outputs
        graph.input(rows, (rows,))
        graph.output(logits, self.logits(graph, graph.gather(hidden, rows)), (f"{logits} rows", f"{logits} labels"))

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        return (self.scoped("rows"),)

    @property
    @override
    def outputs(self) -> tuple[str, ...]:
        return (self.scoped("logits"),)

    @override
    def feeds(self, places: Sequence[IntArray], asked: Sequence[HeadRows]) -> Feeds:
        """The rows, window after window."""
        return {self.inputs[0]: np.concatenate(places)}

    @override
    def decoded(self, found: Mapping[str, OutputArray], asked: Sequence[HeadRows]) -> list[OutputArray]:
        """Logits (r, L) of each window's rows."""
        return split(found[self.outputs[0]], [len(one.rows) for one in asked])


class ExportedLinear(ExportedRows):
    """A linear layer on every row."""

    @override
    def logits(self, graph: Graph, rows: str) -> str:
        return graph.linear(rows, self.scoped("output"), self.named_weights)


class ExportedPooled(ExportedRows):
    """A head with one row, or one set of rows, a window, which becomes one row of logits."""

    @override
    def decoded(self, found: Mapping[str, OutputArray], asked: Sequence[HeadRows]) -> list[OutputArray]:
        return list(found[self.outputs[0]])


def split(rows: OutputArray, sizes: Sequence[int]) -> list[OutputArray]:
    """Rows of all windows to those of each."""
    return np.split(rows, np.cumsum(sizes)[:-1])


def both_ends(places: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """First and last pieces of words, where each window's rows are the first of all its words, then the last."""
    halves = [(one[: len(one) // 2], one[len(one) // 2 :]) for one in places]
    return np.concatenate([first for first, _ in halves]), np.concatenate([last for _, last in halves])
