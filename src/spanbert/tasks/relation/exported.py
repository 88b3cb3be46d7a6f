"""The head of relation extraction in an exported model."""

from __future__ import annotations

from typing_extensions import override

from spanbert.encoder.graph import Graph
from spanbert.tasks.exported import ExportedPooled


class ExportedRelation(ExportedPooled):
    """The rows of a marked pair side by side, dense, tanh, linear."""

    @override
    def logits(self, graph: Graph, rows: str) -> str:
        joined = graph.shaped(rows, (-1, self.weights["dense.weight"].shape[1]))
        dense = graph.add("Tanh", graph.linear(joined, self.scoped("dense"), self.named_weights))
        return graph.linear(dense, self.scoped("output"), self.named_weights)
