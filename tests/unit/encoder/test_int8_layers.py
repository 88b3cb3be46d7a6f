"""int8 by torch: products are exactly those of the rounded numbers, on any processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import gelu

from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError
from spanbert.encoder.int8 import int8_encoder, int8_values
from spanbert.encoder.int8_layers import Int8Linear, can_compute_int8
from spanbert.encoder.model import load_encoder
from spanbert.encoder.rounding import Grid, grid_over, rounded_table, rounded_weight

needs_int8 = pytest.mark.skipif(not can_compute_int8(), reason="torch has no int8 products on this processor")
PRETRAINED = Path(__file__).parents[2] / "fixtures" / "bundles" / "pretrained"


def layer(weight_OI: np.ndarray, grid: Grid, **options: object) -> tuple[Int8Linear, torch.Tensor]:
    """A layer, and its weights as they were rounded."""
    whole, steps = (torch.from_numpy(one) for one in rounded_weight(weight_OI))
    bias = torch.linspace(-1, 1, len(weight_OI))
    return Int8Linear(whole, steps, bias, grid, **options), whole * steps[:, None]  # type: ignore[arg-type]


def on_grid(value: torch.Tensor, grid: Grid) -> torch.Tensor:
    return ((value / grid.step).round() + grid.zero).clamp(0, 255).sub(grid.zero) * grid.step


def as_read(product: Int8Linear, input_NI: torch.Tensor) -> torch.Tensor:
    """The input as the layer rounds it: to a nearest place of the grid, either one where it lies between two."""
    found = (product._rounded(input_NI).float() - product.grid.zero) * product.grid.step
    assert (found - input_NI).abs().max() <= 0.501 * product.grid.step
    return found


@needs_int8
@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70), st.integers(1, 90), st.integers(1, 40), st.integers(0, 99))
def test_products_are_those_of_the_rounded_numbers(rows: int, inputs: int, outputs: int, seed: int):
    draw = np.random.default_rng(seed)
    input_NI = torch.from_numpy(draw.normal(size=(rows, inputs)).astype(np.float32))
    grid = grid_over((float(input_NI.min()), float(input_NI.max())))
    product, weight_OI = layer(draw.normal(size=(outputs, inputs)).astype(np.float32), grid)
    expected = as_read(product, input_NI) @ weight_OI.T + torch.linspace(-1, 1, outputs)
    torch.testing.assert_close(product(input_NI), expected, rtol=1e-4, atol=1e-4)


@needs_int8
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_numbers_do_not_overflow(sign: int):
    """Pairs of products are summed in 16 bits where the processor has no VNNI."""
    input_NI = torch.full((3, 512), 10.0)
    product, weight_OI = layer(np.full((64, 512), sign * 0.5, dtype=np.float32), grid_over((0, 10)))
    expected = input_NI @ weight_OI.T + torch.linspace(-1, 1, 64)
    torch.testing.assert_close(product(input_NI), expected, rtol=1e-5, atol=1e-5)


@needs_int8
def test_gelu_gives_what_the_next_layer_reads():
    draw = np.random.default_rng(0)
    input_NI = torch.from_numpy(draw.normal(size=(9, 24)).astype(np.float32))
    product, weight_OI = layer(draw.normal(size=(40, 24)).astype(np.float32), grid_over((-4, 4)))
    expected = gelu(on_grid(input_NI, product.grid) @ weight_OI.T + torch.linspace(-1, 1, 40))
    torch.testing.assert_close(product.gelu(input_NI), expected, rtol=1e-3, atol=1e-3)
    product.following = grid_over((-0.2, float(expected.max())))
    found = product.gelu(input_NI)
    assert found.dtype == torch.uint8
    back = (found.float() - product.following.zero) * product.following.step
    torch.testing.assert_close(back, expected, rtol=0, atol=0.51 * product.following.step + 1e-3)
    after, _ = layer(draw.normal(size=(5, 40)).astype(np.float32), product.following)
    torch.testing.assert_close(after(found), after(back), rtol=1e-5, atol=1e-5)


@needs_int8
def test_parts_are_parts():
    draw = np.random.default_rng(0)
    input_NI = torch.from_numpy(draw.normal(size=(9, 24)).astype(np.float32))
    weight_OI = draw.normal(size=(36, 24)).astype(np.float32)
    (whole, _), (cut, _) = (layer(weight_OI, grid_over((-3, 3)), **cuts) for cuts in ({}, {"cuts": (12,)}))
    for start, stop in ((0, 12), (12, 36)):
        torch.testing.assert_close(cut.part(input_NI, start, stop), whole(input_NI)[:, start:stop])
    torch.testing.assert_close(cut(input_NI), whole(input_NI))


@settings(deadline=None)
@given(st.floats(-1e3, 1e3, allow_subnormal=False), st.floats(-1e3, 1e3, allow_subnormal=False))
def test_grids_hold_zero_and_both_ends(one: float, two: float):
    low, high = min(one, two), max(one, two)
    step, zero = grid_over((low, high))
    assert 0 <= zero <= 255
    assert (0 - zero) * step - step <= min(low, 0)
    assert (255 - zero) * step + step >= max(high, 0)


def test_tables_are_rounded_by_row():
    table_VD = np.array([[1e-6, -2e-6], [300.0, -1.0], [0.0, 0.0]], dtype=np.float32)
    whole, steps = rounded_table(table_VD)
    assert np.abs(whole * steps - table_VD).max(1).tolist() == pytest.approx([0, 0, 0], abs=1.2)
    np.testing.assert_allclose(whole[0] * steps[0], table_VD[0], rtol=0.01)


@needs_int8
def test_an_encoder_is_made_of_what_was_stored_and_of_nothing_else():
    encoder, _ = load_encoder(open_bundle(PRETRAINED))
    weights = {name: one.numpy() for name, one in encoder.state_dict().items() if not name.startswith("pooler.")}
    ranges = {f"blocks.0.{name}": (-9.0, 9.0) for name in ("attention.input", "feed_forward.input")}
    values = {name: torch.from_numpy(one) for name, one in int8_values(weights, ranges).items()}
    made = int8_encoder(encoder.config, values, where="a test")
    assert sum(isinstance(one, Int8Linear) for one in made.modules()) == 2
    torch.testing.assert_close(made.embeddings.words_VD, encoder.embeddings.words_VD, rtol=0, atol=1e-2)
    for name, changed, match in (
        ("embeddings.word.weight", values["embeddings.word.weight"].float(), "has another shape or type"),
        ("blocks.0.attention.input.weight", values["blocks.0.attention.input.weight"][1:], "has another shape"),
        ("blocks.0.attention.input.bias", None, "lack tensor"),
        ("blocks.0.attention.norm.weight", None, "lack tensor"),
        ("more", torch.zeros(1), "unknown tensor"),
    ):
        broken = {**values, name: changed}
        with pytest.raises(InputError, match=match):
            int8_encoder(encoder.config, {key: one for key, one in broken.items() if one is not None}, where="a test")
