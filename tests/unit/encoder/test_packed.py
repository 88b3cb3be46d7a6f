"""Packed weights compute what the layers computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.encoder.linear import Linear, PackedLinear, can_pack, packed
from tests.unit.encoder.test_rows import SHAPES, batch_of, encoder_of

pytestmark = pytest.mark.skipif(not can_pack(), reason="torch packs no weights on this processor")
SEEN = np.array([0, 3, 3, 17, 4])


@given(rows=st.integers(0, 70), inputs=st.integers(1, 40), outputs=st.integers(2, 40), data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_packed_layer_is_the_layer(rows: int, inputs: int, outputs: int, data: st.DataObject):
    cut = data.draw(st.integers(1, outputs - 1))
    torch.manual_seed(rows)
    layer, input_NI = Linear(inputs, outputs), torch.randn(rows, inputs)
    with torch.inference_mode():
        for cuts in ((), (cut,)):
            again = packed(layer, cuts=cuts)
            torch.testing.assert_close(again(input_NI), layer(input_NI), rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(again.gelu(input_NI), layer.gelu(input_NI), rtol=1e-5, atol=1e-5)
        for start, stop in ((0, cut), (cut, outputs)):
            wanted = layer(input_NI)[:, start:stop]
            torch.testing.assert_close(again.part(input_NI, start, stop), wanted, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(layer.part(input_NI, start, stop), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_a_packed_encoder_is_the_encoder(name: str):
    plain, fast = encoder_of(name, "loop").float(), encoder_of(name, "loop").float()
    fast.pack_weights()
    batch = batch_of([5, 5, 7, 1, 16, 1], types=name != "roberta")
    with torch.inference_mode():
        torch.testing.assert_close(fast(batch), plain(batch), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(fast(batch, rows=SEEN), plain(batch, rows=SEEN), rtol=1e-4, atol=1e-4)
    count = sum(isinstance(one, PackedLinear) for one in fast.modules())
    assert count == (0 if name in ("bilstm", "cnn") else 4 * len(fast.blocks))


def test_packing_again_changes_nothing():
    encoder = encoder_of("bert", "loop").float()
    encoder.pack_weights()
    layers = [one for one in encoder.modules() if isinstance(one, PackedLinear)]
    encoder.pack_weights()
    assert layers == [one for one in encoder.modules() if isinstance(one, PackedLinear)]


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no instructions for such products"
)
def test_products_of_bfloat16():
    """Off by the 8 bits of its mantissa, and by no more than torch's own products of bfloat16."""
    torch.manual_seed(0)
    layer, input_NI = Linear(64, 48), torch.randn(20, 64)
    with torch.inference_mode():
        wanted, found = layer(input_NI), PackedLinear(layer, dtype=torch.bfloat16)(input_NI)
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.float(), wanted, rtol=2e-2, atol=2e-2)
        assert not torch.equal(found.float(), wanted)
