"""Which products of an int8 export stay in float32: none at first, then those whose rounding changes most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Window
from spanbert.core.types import IntArray, OutputArray
from spanbert.corpus.data import Source, documents_of
from spanbert.encoder.graph import Graph
from spanbert.encoder.rounding import Range
from spanbert.exports.calibrate import calibrated
from spanbert.exports.source import ExportSource
from spanbert.inference.exported import ExportedBackend
from spanbert.inference.graph_runner import GraphRunner
from spanbert.inference.predictor import Predictor
from spanbert.tasks.exported import Feeds

_SHARES = (8, 4, 2)  # one in so many products is kept, the most sensitive
_DOCUMENTS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How products are computed.

    Attributes:
        ranges: Of those that are int8; None: nothing is.
        kept: The others, the most sensitive first.
    """

    ranges: Mapping[str, Range] | None
    kept: tuple[str, ...] = ()


FLOAT32 = Plan(ranges=None)


def plans(source: ExportSource, data: Mapping[str, Source], could_be_int8: Callable[[str], bool]) -> Iterator[Plan]:
    """Plans in the order in which they are tried, ever more products in float32; measured when they are asked for.

    Args:
        source: What is exported.
        data: By task.
        could_be_int8: Whether the runtime has int8 for a product.
    """
    ranges = {name: one for name, one in calibrated(source, data).items() if could_be_int8(name)}
    unseen = tuple(name for name in source.graph().products if name not in ranges)
    yield Plan(ranges=ranges, kept=unseen)
    effects = measured_effects(source, ranges, data)
    sensitive = sorted(ranges, key=lambda name: -effects[name])
    for share in _SHARES:
        kept = sensitive[: -(-len(sensitive) // share)]
        yield Plan(ranges={name: one for name, one in ranges.items() if name not in kept}, kept=(*kept, *unseen))


def measured_effects(source: ExportSource, ranges: Mapping[str, Range], data: Mapping[str, Source]) -> dict[str, float]:
    """How much each product alone, in int8, changes what the graph gives: squares of changes to those of values.

    Args:
        source: What is exported.
        ranges: Of all products that could be int8.
        data: By task; the first documents are read.
    """
    expected = _given(source, source.graph(), data)
    found = {}
    for name, own in ranges.items():
        changed = _given(source, source.graph(ranges={name: own}), data)
        found[name] = sum(
            float(np.square(one - two).sum() / max(float(np.square(one).sum()), 1e-12))
            for one, two in zip(expected, changed, strict=True)
        )
    return found


class _RecordingRunner(GraphRunner):
    """Keeps what the graph gives."""

    def __init__(self, graph: Graph, source: ExportSource) -> None:
        super().__init__(graph.serialized(), source.parts)
        self.given: list[OutputArray] = []

    @override
    def run(
        self, windows: Sequence[Window], rows: IntArray, feeds: Feeds, outputs: Sequence[str]
    ) -> dict[str, OutputArray]:
        found = super().run(windows, rows, feeds, outputs)
        self.given += [found[name] for name in outputs]
        return found


def _given(source: ExportSource, graph: Graph, data: Mapping[str, Source]) -> list[OutputArray]:
    """What a graph gives for the first documents."""
    runner = _RecordingRunner(graph, source)
    predictor = Predictor(ExportedBackend(runner, source.heads), source.tasks)
    for name, documents in data.items():
        for _ in predictor.only([name]).predict(islice(documents_of(documents), _DOCUMENTS)):
            pass
    return runner.given
