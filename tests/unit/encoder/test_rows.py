"""Some rows of the encoder's output, computed alone, equal the same rows of the whole output, and so do gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder

SMALL = {"vocab_size": 50, "hidden_size": 16, "layers": 3, "heads": 2, "feed_forward_size": 24, "positions": 40}
SHAPES: dict[str, dict[str, Any]] = {
    "bert": {},
    "one layer": {"layers": 1},
    "roberta": {"family": "roberta", "position_offset": 2, "token_types": 1, "norm_epsilon": 1e-5},
    "spans": {"attention_span": 4},
    "shifted top layer": {"attention_span": 6, "layers": 2},
    "unshifted spans": {"attention_span": 5, "attention_span_shift": False},
    "bilstm": {"kind": "bilstm"},
    "cnn": {"kind": "cnn"},
}
BACKENDS = [(name, backend) for name in SHAPES for backend in ("loop", "dense")]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def encoder_of(name: str, backend: str | None) -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(**{**SMALL, **SHAPES[name]})).double().eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.4)  # far from the small weights that hide a wrong row
    encoder.backend = backend
    return encoder


def batch_of(lengths: list[int], types: bool = False) -> spanbert.PackedBatch:
    draw = np.random.default_rng(0)
    sequences = [draw.integers(3, 50, length) for length in lengths]
    return spanbert.pack(sequences, token_types=[np.arange(length) % 2 for length in lengths] if types else None)


def both(encoder: Encoder, batch: spanbert.PackedBatch, rows: np.ndarray) -> tuple[list[torch.Tensor], ...]:
    """The rows and the gradients of all parameters, from the whole output and from the rows alone."""
    weights = torch.randn(len(rows), 16, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    results = []
    for alone in (False, True):
        encoder.zero_grad(set_to_none=True)
        hidden_RD = encoder(batch, rows=rows) if alone else encoder(batch)[torch.from_numpy(rows)]
        (hidden_RD * weights).sum().backward()
        gradients = [torch.zeros(()) if one.grad is None else one.grad for one in encoder.parameters()]
        results.append([hidden_RD.detach(), *gradients])
    return tuple(results)


def assert_equal(encoder: Encoder, batch: spanbert.PackedBatch, rows: np.ndarray) -> None:
    whole, alone = both(encoder, batch, rows)
    assert alone[0].shape == (len(rows), 16)
    for one, other in zip(whole, alone, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-9)


ROWS = {
    "rising": [0, 3, 4, 17, 21, 33, 34],
    "unsorted": [34, 0, 17, 3, 21],
    "twice": [3, 3, 17, 0, 17, 17],
    "windows without rows": [18, 19],
    "the first and last window": [0, 34],
    "one": [20],
    "all": list(range(35)),
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize(("name", "backend"), BACKENDS)
def test_rows_alone_equal_rows_of_the_whole(name: str, backend: str, rows: list[int]):
    types = name != "roberta"
    assert_equal(encoder_of(name, backend), batch_of([5, 5, 7, 1, 16, 1], types), np.array(rows))


@given(data=st.data(), name=st.sampled_from(list(SHAPES)), lengths=st.lists(st.integers(1, 20), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_any_rows_of_any_batch(data: st.DataObject, name: str, lengths: list[int]):
    rows = data.draw(st.lists(st.integers(0, sum(lengths) - 1), min_size=1, max_size=30))
    assert_equal(encoder_of(name, "loop"), batch_of(lengths), np.array(rows))


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
def test_no_rows_at_all(name: str, backend: str):
    nothing = np.zeros(0, dtype=np.int64)
    assert encoder_of(name, backend)(batch_of([2, 5]), rows=nothing).shape == (0, 16)


@pytest.mark.parametrize("backend", ["loop", "dense"])
def test_checkpointing_changes_no_gradient_of_rows(backend: str):
    encoder, batch, rows = encoder_of("bert", backend).train(), batch_of([5, 9]), np.array([1, 7, 8])
    for module in encoder.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.0
    plain = both(encoder, batch, rows)[1]
    encoder.checkpointing = True
    for one, other in zip(plain, both(encoder, batch, rows)[1], strict=True):
        torch.testing.assert_close(other, one, rtol=0, atol=0)


def test_rows_and_backends_agree_in_float32():
    for name in ("bert", "roberta", "spans"):
        batch, rows = batch_of([16, 3, 16]), np.array([0, 16, 18, 19, 34])
        found = [encoder_of(name, backend).float()(batch, rows=rows) for backend in ("loop", "dense")]
        whole = encoder_of(name, "dense").float()(batch)[torch.from_numpy(rows)]
        for one in found:
            torch.testing.assert_close(one, whole, rtol=1e-5, atol=1e-5)
