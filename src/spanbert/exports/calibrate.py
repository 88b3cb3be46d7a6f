"""The ranges of the inputs of products, from real text: what int8 is spread over.

Shapes: S windows of n tokens with padding, N tokens or rows, I inputs of a product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Window
from spanbert.core.types import IntArray, OutputArray
from spanbert.corpus.data import Source, documents_of
from spanbert.encoder.graph import observed
from spanbert.encoder.rounding import Range
from spanbert.exports.source import ExportSource
from spanbert.inference.exported import ExportedBackend
from spanbert.inference.graph_runner import GraphRunner
from spanbert.inference.predictor import Predictor
from spanbert.tasks.exported import Feeds

_CLIPPED = 5e-5  # of the values on either side: outliers would make the steps of all others coarse
_DOCUMENTS = 128
_TOKENS_AT_ONCE = 1024


class Observer:
    """Takes in the inputs of products and finds their ranges."""

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}

    def add(self, name: str, values: OutputArray) -> None:
        """Takes in some inputs of a product."""
        if not values.size:
            return
        low, high = (float(one) for one in np.quantile(values, (_CLIPPED, 1 - _CLIPPED)))
        known = self.ranges.get(name, (0.0, 0.0))
        self.ranges[name] = min(known[0], low), max(known[1], high)


class _ObservedRunner(GraphRunner):
    """Runs a graph whose products can be seen."""

    def __init__(self, graph: bytes, source: ExportSource, products: Sequence[str], observer: Observer) -> None:
        super().__init__(graph, source.parts)
        self._products, self._observer = products, observer

    @override
    def run(
        self, windows: Sequence[Window], rows: IntArray, feeds: Feeds, outputs: Sequence[str]
    ) -> dict[str, OutputArray]:
        every = [*outputs, *(observed(name) for name in self._products)]
        found = super().run(windows, rows, feeds, every)
        lengths = np.array([len(one.ids) for one in windows])
        real_Sn = np.arange(lengths.max()) < lengths[:, None]
        for name in self._products:
            values = found.pop(observed(name))
            self._observer.add(name, values[real_Sn] if values.ndim == 3 else values)
        return found


def calibrated(source: ExportSource, data: Mapping[str, Source]) -> dict[str, Range]:
    """The range of the input of each product that the data of some tasks reaches; heads of others have none.

    Args:
        source: What is exported.
        data: By task; the first documents are read.
    """
    graph = source.graph(observed=True)
    observer = Observer()
    runner = _ObservedRunner(graph.serialized(), source, graph.products, observer)
    predictor = Predictor(ExportedBackend(runner, source.heads, tokens_at_once=_TOKENS_AT_ONCE), source.tasks)
    for name, documents in data.items():
        for _ in predictor.only([name]).predict(islice(documents_of(documents), _DOCUMENTS)):
            pass
    return observer.ranges
