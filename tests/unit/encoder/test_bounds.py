"""What attention makes of the bounds of a batch: right, and made once for all layers."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spanbert.encoder import attention
from spanbert.encoder import model as model_module
from spanbert.encoder.attention import Bounds, attend
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder
from tests.unit.encoder.test_rows import SMALL, batch_of

ROWS = np.array([0, 3, 7, 8])


@given(lengths=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=8))
def test_runs_cover_all_segments_that_somebody_asks(lengths: list[tuple[int, int]]):
    queries, keys = (Bounds(np.cumsum([0, *column]).tolist()) for column in zip(*lengths, strict=True))
    covered = []
    for one in queries.runs(keys):
        for number in range(one.segments):
            first_q, first_k = one.first_q + number * one.length_q, one.first_k + number * one.length_k
            covered.append((first_q, first_q + one.length_q, first_k, first_k + one.length_k))
    bounds = zip(queries.starts, queries.starts[1:], keys.starts, keys.starts[1:])
    assert covered == [one for one in bounds if one[0] < one[1]]
    equal = [one for one, _ in groupby(lengths) if one[0]]
    assert [(one.length_q, one.length_k) for one in queries.runs(keys)] == equal, "neighbours are one run"
    assert keys.longest == max(length for _, length in lengths)


def test_plain_integers_are_bounds_too():
    torch.manual_seed(0)
    query, key, value = torch.randn(5, 2, 8), torch.randn(9, 2, 8), torch.randn(9, 2, 8)
    for backend in ("loop", "dense"):
        plain = attend(query, key, value, [0, 2, 5], (0, 6, 9), backend=backend)
        assert torch.equal(plain, attend(query, key, value, Bounds([0, 2, 5]), Bounds([0, 6, 9]), backend=backend))


def test_a_device_is_told_once():
    bounds = Bounds([0, 2, 5])
    here, there = torch.device("cpu"), torch.device("meta")
    assert bounds.on(here).tolist() == [0, 2, 5]
    assert bounds.on(here) is bounds.on(here)
    assert bounds.on(there).device == there


@pytest.mark.parametrize(
    ("more", "rows", "made"),
    [
        ({}, None, 1),
        ({}, ROWS, 2),
        ({"attention_span": 4}, None, 2),
        ({"attention_span": 4}, ROWS, 3),
        ({"attention_span": 4, "attention_span_shift": False}, None, 1),
    ],
)
@pytest.mark.parametrize("backend", ["loop", "dense"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_layers_share_what_is_made_of_bounds(
    monkeypatch: pytest.MonkeyPatch, more: dict, rows: np.ndarray | None, made: int, backend: str, checkpointing: bool
):
    """Whole segments, spans of even and of odd layers, rows: each is looked at once, whatever the number of layers."""
    encoder = Encoder(EncoderConfig(**{**SMALL, "layers": 6, **more})).train()
    encoder.backend, encoder.checkpointing = backend, checkpointing
    count = {"bounds": 0, "runs": 0, "tensors": 0}
    to_runs, to_tensor = attention._runs, torch.tensor

    class Counted(Bounds):
        def __init__(self, starts, **more):
            count["bounds"] += 1
            super().__init__(starts, **more)

    def counted_runs(*given):
        count["runs"] += 1
        return to_runs(*given)

    def counted_tensor(*given, **named):
        count["tensors"] += 1
        return to_tensor(*given, **named)

    monkeypatch.setattr(model_module, "Bounds", Counted)
    monkeypatch.setattr(attention, "Bounds", Counted)
    monkeypatch.setattr(attention, "_runs", counted_runs)
    monkeypatch.setattr(torch, "tensor", counted_tensor)
    encoder(batch_of([5, 5, 7, 1]), rows=rows).sum().backward()
    used = "runs" if backend == "loop" else "tensors"
    assert count == {"bounds": made, "runs": 0, "tensors": 0, used: made}
