"""The head of text classification in an exported model."""

from __future__ import annotations

from typing_extensions import override

from spanbert.encoder.graph import Graph
from spanbert.tasks.exported import ExportedPooled


class ExportedClassify(ExportedPooled):
    """Dense, tanh, linear; the weights as a bundle holds them give a regression's numbers themselves."""

    @override
    def logits(self, graph: Graph, rows: str) -> str:
        pooled = graph.add("Tanh", graph.linear(rows, self.scoped("pooler"), self.named_weights))
        return graph.linear(pooled, self.scoped("output"), self.named_weights)
