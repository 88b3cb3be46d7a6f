"""The head for nested entities in an exported model; that for tags is a linear layer.

Shapes: W words of all windows, E size of their vectors, C candidate spans of all windows, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import HeadRows
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.graph import Graph
from spanbert.tasks.exported import ExportedHead, Feeds, both_ends, split


class ExportedSpans(ExportedHead):
    """Every span of up to K words from its first piece, last piece and width; which these are, numpy says."""

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """Rows of first and of last pieces (W,); of each span the first word, the last word and the width (C,)."""
        return tuple(self.scoped(name) for name in ("firsts", "lasts", "first", "last", "width"))

    @property
    @override
    def outputs(self) -> tuple[str, ...]:
        return (self.scoped("logits"),)

    @override
    def add(self, graph: Graph, hidden: str) -> None:
        words = [graph.input(name, (f"{self.name} words",)) for name in self.inputs[:2]]
        spans = [graph.input(name, (f"{self.name} spans",)) for name in self.inputs[2:]]
        own = self.named_weights
        vectors = [
            graph.linear(graph.gather(hidden, rows), self.scoped(name), own)
            for name, rows in zip(("first", "last"), words, strict=True)
        ]
        tables = [*vectors, graph.constant(self.scoped("widths"), self.weights["width.weight"])]
        first, last, width = (graph.gather(table, rows) for table, rows in zip(tables, spans, strict=True))
        joined = graph.gelu(graph.add("Add", graph.add("Add", first, last), width))
        logits = graph.linear(joined, self.scoped("output"), own)
        graph.output(self.outputs[0], logits, (f"{self.name} spans", f"{self.name} labels"))

    @override
    def feeds(self, places: Sequence[IntArray], asked: Sequence[HeadRows]) -> Feeds:
        firsts_W, lasts_W = both_ends(places)
        spans = [self._spans(len(one.rows) // 2) for one in asked]
        before = np.cumsum([0, *(len(one.rows) // 2 for one in asked)])[:-1]
        first_C = np.concatenate([start + low for start, (low, _) in zip(before, spans, strict=True)])
        width_C = np.concatenate([width for _, width in spans])
        return dict(zip(self.inputs, (firsts_W, lasts_W, first_C, first_C + width_C, width_C), strict=True))

    def _spans(self, words: int) -> tuple[IntArray, IntArray]:
        """The first word and the width less one of each span of a window, by width, then by first word."""
        widths = range(min(self.config.longest_span, words))
        nothing = np.zeros(0, dtype=np.int64)
        return (
            np.concatenate([nothing, *(np.arange(words - more) for more in widths)]),
            np.concatenate([nothing, *(np.full(words - more, more) for more in widths)]),
        )

    @override
    def decoded(self, found: Mapping[str, OutputArray], asked: Sequence[HeadRows]) -> list[OutputArray]:
        sizes = [len(self._spans(len(one.rows) // 2)[0]) for one in asked]
        return split(found[self.outputs[0]], sizes)
