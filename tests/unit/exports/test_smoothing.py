"""Channels of large values: what they cost in int8, with and without a share of their size in the weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from spanbert.batches.examples import HeadRows, Window
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.types import OutputArray
from spanbert.encoder.graph import Graph
from spanbert.encoder.int8 import int8_encoder, int8_values
from spanbert.encoder.int8_layers import can_compute_int8
from spanbert.encoder.rounding import Range
from spanbert.exports.calibrate import ObservedRunner, Observer, Seen
from spanbert.exports.plans import plans
from spanbert.exports.smoothing import smoothed
from spanbert.exports.source import ExportSource, read_source
from spanbert.exports.targets import TorchTarget
from spanbert.inference.exported import ExportedBackend
from spanbert.inference.graph_runner import GraphRunner
from spanbert.inference.torch_backend import TorchBackend

pytest.importorskip("onnxruntime")

JOINT = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"
ROWS = HeadRows(rows=np.arange(20))
TASK = "pos"


def seen(values_NI: OutputArray) -> Seen:
    observer = Observer()
    observer.add("dense", values_NI)
    return observer.seen["dense"]


def drawn(rows: int, columns: int, seed: int) -> OutputArray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def test_a_product_is_smoothed_where_channels_differ():
    even, weight_OI = drawn(256, 32, 0), drawn(24, 32, 1)
    assert smoothed(seen(even), weight_OI).factors_I is None, "factors cost time"
    uneven = even.copy()
    uneven[:, 3] *= 60
    found = smoothed(seen(uneven), weight_OI)
    assert found.factors_I is not None
    assert found.factors_I[3] < 0.5 * np.delete(found.factors_I, 3).min()
    smooth = uneven * found.factors_I
    assert found.range[0] <= np.quantile(smooth, 0.001)
    assert found.range[1] >= np.quantile(smooth, 0.999)


def test_a_few_large_values_that_matter_are_not_clipped():
    values = drawn(4096, 32, 0)
    values[::64, 5] = 40.0  # of rows that the sample holds
    weight_OI = np.zeros((24, 32), dtype=np.float32)
    weight_OI[:, 5] = 1.0
    found = smoothed(seen(values), weight_OI)
    top = 40.0 if found.factors_I is None else 40.0 * found.factors_I[5]
    assert found.range[1] >= 0.9 * top


def planted(source: ExportSource, times: float) -> dict[str, OutputArray]:
    """The weights of an encoder some channels of whose norms are many times as large."""
    weights = {name: one.copy() for name, one in source.weights.items()}
    for name, value in weights.items():
        if name.endswith("norm.weight"):
            value[3] *= times
            value[17] *= -times
    return weights


@pytest.fixture(scope="module")
def source() -> ExportSource:
    read = read_source(open_bundle(JOINT))
    return replace(read, weights=planted(read, 20.0))


def windows(source: ExportSource) -> list[Window]:
    draw = np.random.default_rng(0)
    return [Window(ids=draw.integers(5, source.config.vocab_size, 20)) for _ in range(16)]


def given(source: ExportSource, graph: Graph) -> OutputArray:
    """The logits of a task."""
    backend = ExportedBackend(GraphRunner(graph.serialized(), source.parts), source.heads)
    return np.concatenate(backend.run(windows(source), {TASK: [ROWS] * 16})[TASK])


@pytest.fixture(scope="module")
def observed(source: ExportSource) -> tuple[Graph, dict[str, Seen]]:
    graph, observer = source.graph(observed=True), Observer()
    names = [name for name in graph.products if name.startswith(("blocks.", f"tasks.{TASK}."))]
    runner = ObservedRunner(graph.serialized(), source, names, observer)
    ExportedBackend(runner, source.heads).run(windows(source), {TASK: [ROWS] * 16})
    return graph, observer.seen


def spreads(observed: tuple[Graph, dict[str, Seen]]) -> tuple[dict[str, Range], dict[str, OutputArray]]:
    graph, found = observed
    made = {name: smoothed(one, graph.read[name]) for name, one in found.items()}
    factors = {name: one.factors_I for name, one in made.items() if one.factors_I is not None}
    return {name: one.range for name, one in made.items()}, factors


def test_factors_change_nothing_in_float32(source: ExportSource, observed: tuple[Graph, dict[str, Seen]]):
    _, factors = spreads(observed)
    assert len(factors) >= 3
    plain, moved = given(source, source.graph()), given(source, source.graph(factors=factors))
    assert not np.array_equal(plain, moved)
    np.testing.assert_allclose(moved, plain, atol=1e-5 * np.abs(plain).max())


def test_large_channels_cost_much_less_when_smoothed(source: ExportSource, observed: tuple[Graph, dict[str, Seen]]):
    ranges, factors = spreads(observed)
    expected = given(source, source.graph())
    plain = given(source, source.graph(ranges={name: one.range for name, one in observed[1].items()}))
    smooth = given(source, source.graph(ranges=ranges, factors=factors))
    lost, left = (float(np.square(one - expected).mean()) for one in (plain, smooth))
    assert 0 < left < 0.5 * lost


def test_torch_computes_the_same(source: ExportSource, observed: tuple[Graph, dict[str, Seen]]):
    if not can_compute_int8():
        pytest.skip("torch has no int8 products on this processor")
    ranges, factors = ({n: one for n, one in own.items() if n.startswith("blocks.")} for own in spreads(observed))
    values = int8_values(source.weights, ranges, factors)
    encoder = int8_encoder(source.config, {name: torch.from_numpy(one) for name, one in values.items()}, where="a test")
    found = TorchBackend(encoder, source.modules).run(windows(source), {TASK: [ROWS] * 16})[TASK]
    expected = given(source, source.graph(ranges=ranges, factors=factors))
    error = np.abs(np.concatenate(found) - expected)
    assert (
        error.mean() < 0.05 * np.abs(expected - given(source, source.graph())).mean() + 0.02 * np.abs(expected).mean()
    )
    assert any(name.endswith("input.factors") for name in values)


def test_plans_without_factors_that_cost_time_come_first(
    source: ExportSource, observed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("spanbert.exports.plans.calibrated", lambda *_: observed)
    _, factors = spreads(observed)
    costly = {next(iter(factors))}
    first, second = islice(plans(source, {}, lambda _: True, costly.__contains__), 2)
    assert second.factors.keys() == factors.keys()
    assert first.factors.keys() == factors.keys() - costly
    assert first.ranges.keys() == second.ranges.keys()
    assert [name for name, one in first.ranges.items() if one != second.ranges[name]] == list(costly)
    assert first.kept == second.kept
    assert next(plans(source, {}, lambda _: True, lambda _: False)).factors.keys() == factors.keys()


def test_torch_rounds_a_layer_three_times_unless_its_feed_forward_has_factors(source: ExportSource):
    target = TorchTarget(source)
    asked = [name for name in source.graph().products if target.factors_cost(name)]
    assert asked == [f"blocks.{number}.feed_forward.output" for number in range(source.config.layers)]
