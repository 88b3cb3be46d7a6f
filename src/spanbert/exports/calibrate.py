"""What products read on real text: what int8 is spread over.

Shapes: S windows of n tokens with padding, N tokens or rows, I inputs of a product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from typing_extensions import override

from spanbert.checkpoint.bundle import HEADS_PREFIX
from spanbert.core.types import BoolArray, OutputArray
from spanbert.corpus.data import Source, documents_of
from spanbert.encoder.graph import Graph, observed
from spanbert.encoder.rounding import Range
from spanbert.exports.source import ExportSource
from spanbert.inference.exported import ExportedBackend
from spanbert.inference.graph_runner import OneByOneRunner, Run
from spanbert.inference.predictor import Predictor

CLIPPED = 5e-5  # of the values on either side: outliers would make the steps of all others coarse
_DOCUMENTS = 128
_TOKENS_AT_ONCE = 1024
_ROWS, _ROWS_AT_ONCE = 1024, 64  # of a sample


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Seen:
    """What a product was seen to read.

    Attributes:
        range: Of its values, but for a few outliers.
        lowest_I: Of each channel, (I,); at most 0.
        highest_I: The same; at least 0.
        sample_NI: Some rows, (N, I).
    """

    range: Range
    lowest_I: OutputArray
    highest_I: OutputArray
    sample_NI: OutputArray


class Observer:
    """Takes in the inputs of products.

    Attributes:
        seen: By product, what was seen so far.
        rows: How many rows a sample may have by now.
    """

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.rows = _ROWS

    def add(self, name: str, values_NI: OutputArray) -> None:
        """Takes in some inputs of a product, (N, I)."""
        if not values_NI.size:
            return
        low, high = (float(one) for one in np.quantile(values_NI, (CLIPPED, 1 - CLIPPED)))
        nothing_I = np.zeros(values_NI.shape[1], dtype=np.float32)
        known = self.seen.get(name) or Seen(
            range=(0.0, 0.0), lowest_I=nothing_I, highest_I=nothing_I, sample_NI=values_NI[:0]
        )
        wanted = min(max(self.rows - len(known.sample_NI), 0), _ROWS_AT_ONCE, len(values_NI))
        chosen = np.linspace(0, len(values_NI) - 1, wanted).astype(np.int64)
        self.seen[name] = Seen(
            range=(min(known.range[0], low), max(known.range[1], high)),
            lowest_I=np.minimum(known.lowest_I, values_NI.min(0)),
            highest_I=np.maximum(known.highest_I, values_NI.max(0)),
            sample_NI=np.concatenate([known.sample_NI, values_NI[chosen]]),
        )


class ObservedRunner(OneByOneRunner):
    """Runs a graph whose products can be seen.

    Args:
        graph: The graph.
        source: What it is of.
        products: Its products.
        observer: Is told what they read.
        all_rows: Whether the encoder is seen to compute all rows, which other heads than those that are asked may read.
    """

    def __init__(
        self, graph: bytes, source: ExportSource, products: Sequence[str], observer: Observer, *, all_rows: bool = False
    ) -> None:
        super().__init__(graph, source.parts)
        of_encoder = [name for name in products if not name.startswith(HEADS_PREFIX)]
        self._apart = of_encoder if all_rows else []  # seen in a run of their own
        self._along = [name for name in products if name not in self._apart]
        self._observer = observer

    @override
    def run(self, asked: Run) -> dict[str, OutputArray]:
        lengths = np.array([len(one.ids) for one in asked.windows])
        real_Sn = np.arange(lengths.max()) < lengths[:, None]
        if self._apart:
            seen = Run(
                windows=asked.windows,
                rows=np.flatnonzero(real_Sn),
                feeds={},
                outputs=[observed(name) for name in self._apart],
            )
            self._see(self._apart, super().run(seen), real_Sn)
        found = super().run(replace(asked, outputs=[*asked.outputs, *map(observed, self._along)]))
        self._see(self._along, found, real_Sn)
        return {name: found[name] for name in asked.outputs}

    def _see(self, products: Sequence[str], found: Mapping[str, OutputArray], real_Sn: BoolArray) -> None:
        for name in products:
            values = found[observed(name)]
            self._observer.add(name, values[real_Sn] if values.ndim == 3 else values.reshape(-1, values.shape[-1]))


def calibrated(source: ExportSource, data: Mapping[str, Source]) -> tuple[Graph, dict[str, Seen]]:
    """What each product reads that the data of some tasks reaches; heads of others read nothing.

    Args:
        source: What is exported.
        data: By task; the first documents are read.

    Returns:
        The graph, with all its products; by product what was seen.
    """
    graph = source.graph(observed=True)
    observer = Observer()
    runner = ObservedRunner(graph.serialized(), source, graph.products, observer, all_rows=bool(source.without(data)))
    predictor = Predictor(ExportedBackend(runner, source.heads, tokens_a_run=_TOKENS_AT_ONCE), source.tasks)
    for number, (name, documents) in enumerate(data.items(), start=1):
        observer.rows = _ROWS * number // len(data)
        for _ in predictor.only([name]).predict(islice(documents_of(documents), _DOCUMENTS)):
            pass
    return graph, observer.seen
