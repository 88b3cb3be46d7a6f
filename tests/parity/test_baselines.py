"""The baselines on packed tokens equal torch's own modules on one segment at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.encoder.attention import Bounds
from spanbert.encoder.baselines import ConvolutionBlock, RecurrentBlock
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder

lengths_of = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def shape(kind: str, **changes: object) -> EncoderConfig:
    return EncoderConfig.of_size("tiny", 50, kind).model_copy(update={"hidden_size": 16, **changes})


def bounds(lengths: list[int]) -> Bounds:
    return Bounds([0, *torch.tensor(lengths).cumsum(0).tolist()])


@given(lengths=lengths_of)
@settings(deadline=None)
def test_recurrent_layer_equals_lstm_on_each_segment(lengths: list[int]):
    torch.manual_seed(0)
    block = RecurrentBlock(shape("bilstm")).double().eval()
    whole = torch.nn.LSTM(16, 16, bidirectional=True).double()
    for name, weight in whole.named_parameters():
        direction = block.back if name.endswith("_reverse") else block.onward
        weight.data.copy_(getattr(direction, name.removesuffix("_reverse")))
    segments = [torch.randn(length, 16, dtype=torch.double) for length in lengths]
    expected = [block.norm(one + block.output(whole(one)[0])) for one in segments]
    torch.testing.assert_close(block(torch.cat(segments), bounds(lengths), None), torch.cat(expected))


@given(lengths=lengths_of, number=st.integers(0, 4))
@settings(deadline=None)
def test_convolution_layer_equals_convolution_of_each_segment(lengths: list[int], number: int):
    torch.manual_seed(0)
    block = ConvolutionBlock(shape("cnn"), number).double().eval()
    segments = [torch.randn(length, 16, dtype=torch.double) for length in lengths]
    expected = []
    for one in segments:
        values, gates = block.convolution(one.T[None])[0].T.chunk(2, dim=1)
        expected.append(block.norm(one + values * gates.sigmoid()))
    torch.testing.assert_close(block(torch.cat(segments), bounds(lengths), None), torch.cat(expected))


@pytest.mark.parametrize("kind", ["bilstm", "cnn"])
def test_no_segment_sees_another_and_order_matters(kind: str):
    encoder = Encoder(shape(kind)).eval()
    texts = [[3, 4, 5], [6, 7, 8, 9, 10, 11], [12]]
    together = encoder(spanbert.pack(texts))
    alone = torch.cat([encoder(spanbert.pack([text])) for text in texts])
    torch.testing.assert_close(together, alone)
    backwards = encoder(spanbert.pack([texts[0][::-1]]))
    assert not torch.allclose(backwards.flip(0), alone[:3], atol=1e-3)


@pytest.mark.parametrize(("size", "low", "high"), [("mini", 0.8, 1.3), ("base", 0.8, 1.3)])
def test_a_baseline_of_a_size_has_about_as_many_weights(size: str, low: float, high: float):
    with torch.device("meta"):
        counts = {
            kind: sum(one.numel() for one in Encoder(EncoderConfig.of_size(size, 50, kind)).blocks.parameters())
            for kind in ("transformer", "bilstm", "cnn")
        }
    for kind in ("bilstm", "cnn"):
        assert low < counts[kind] / counts["transformer"] < high
