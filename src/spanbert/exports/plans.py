"""Which products of an int8 export stay in float32: none at first, then those whose rounding changes most.

Before any does, channels of what products read that are larger than others share their size with the weights
(`smoothing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from typing_extensions import override

from spanbert.checkpoint.manifest import ExportPrecision
from spanbert.core.types import OutputArray
from spanbert.corpus.data import Source, documents_of
from spanbert.encoder.graph import Graph
from spanbert.encoder.rounding import Range
from spanbert.exports.calibrate import calibrated
from spanbert.exports.smoothing import Spread, smoothed
from spanbert.exports.source import ExportSource
from spanbert.inference.exported import ExportedBackend
from spanbert.inference.graph_runner import OneByOneRunner, Run
from spanbert.inference.predictor import Predictor

_SHARES = (8, 4, 2)  # one in so many products is kept, the most sensitive
_DOCUMENTS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How products are computed.

    Attributes:
        precision: What most are.
        ranges: Of those that are int8; None: nothing is.
        factors: By which the inputs of some of them are multiplied; see `smoothing`.
        kept: The others, the most sensitive first.
    """

    precision: ExportPrecision = "int8"
    ranges: Mapping[str, Range] | None
    factors: Mapping[str, OutputArray] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def keeping(self, products: Collection[str], unseen: tuple[str, ...]) -> Plan:
        """The same with more products in float32.

        Args:
            products: These, of those that are int8.
            unseen: Those that are float32 in any case.
        """
        assert self.ranges is not None
        left = {name: one for name, one in self.ranges.items() if name not in products}
        own = {name: one for name, one in self.factors.items() if name in left}
        return Plan(ranges=left, factors=own, kept=(*products, *unseen))


def unrounded(precision: ExportPrecision) -> Plan:
    """All products in float32, or bfloat16."""
    return Plan(precision=precision, ranges=None)


def plans(
    source: ExportSource,
    data: Mapping[str, Source],
    could_be_int8: Callable[[str], bool],
    factors_cost: Callable[[str], bool],
) -> Iterator[Plan]:
    """Plans in the order in which they are tried, ever more products in float32; measured when they are asked for.

    Args:
        source: What is exported.
        data: By task.
        could_be_int8: Whether the runtime has int8 for a product.
        factors_cost: Whether the runtime is slower where a product has factors; a plan without them comes first.
    """
    graph, seen = calibrated(source, data)
    able = {name: one for name, one in seen.items() if could_be_int8(name)}
    unseen = tuple(name for name in graph.products if name not in able)

    spreads = {name: smoothed(one, graph.read[name]) for name, one in able.items()}
    costly = [name for name, one in spreads.items() if one.factors_I is not None and factors_cost(name)]
    if costly:
        without = {name: smoothed(able[name], graph.read[name], factors=False) for name in costly}
        yield _all_in_int8({**spreads, **without}, unseen)
    whole = _all_in_int8(spreads, unseen)
    yield whole
    effects = measured_effects(source, whole, data)
    sensitive = sorted(able, key=lambda name: -effects[name])
    for share in _SHARES:
        yield whole.keeping(sensitive[: -(-len(sensitive) // share)], unseen)


def _all_in_int8(spreads: Mapping[str, Spread], unseen: tuple[str, ...]) -> Plan:
    """Every product in int8 that has a spread."""
    return Plan(
        ranges={name: one.range for name, one in spreads.items()},
        factors={name: one.factors_I for name, one in spreads.items() if one.factors_I is not None},
        kept=unseen,
    )


def measured_effects(source: ExportSource, plan: Plan, data: Mapping[str, Source]) -> dict[str, float]:
    """How much each product alone, in int8, changes what the graph gives: squares of changes to those of values.

    Args:
        source: What is exported.
        plan: With all products in int8 that could be.
        data: By task; the first documents are read.
    """
    assert plan.ranges is not None
    expected = _given(source, source.graph(), data)
    found = {}
    for name, own in plan.ranges.items():
        factors = {name: plan.factors[name]} if name in plan.factors else {}
        changed = _given(source, source.graph(ranges={name: own}, factors=factors), data)
        found[name] = sum(
            float(np.square(one - two).sum() / max(float(np.square(one).sum()), 1e-12))
            for one, two in zip(expected, changed, strict=True)
        )
    return found


class _RecordingRunner(OneByOneRunner):
    """Keeps what the graph gives."""

    def __init__(self, graph: Graph, source: ExportSource) -> None:
        super().__init__(graph.serialized(), source.parts)
        self.given: list[OutputArray] = []

    @override
    def run(self, asked: Run) -> dict[str, OutputArray]:
        found = super().run(asked)
        self.given += [found[name] for name in asked.outputs]
        return found


def _given(source: ExportSource, graph: Graph, data: Mapping[str, Source]) -> list[OutputArray]:
    """What a graph gives for the first documents."""
    runner = _RecordingRunner(graph, source)
    predictor = Predictor(ExportedBackend(runner, source.heads), source.tasks)
    for name, documents in data.items():
        for _ in predictor.only([name]).predict(islice(documents_of(documents), _DOCUMENTS)):
            pass
    return runner.given
