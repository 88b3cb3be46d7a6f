"""The decoder equals torch's own, and its loss torch's cross-entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from spanbert.batches.examples import Layout
from spanbert.encoder.attention import Bounds
from spanbert.encoder.tied_loss import tied_cross_entropy
from spanbert.tasks.translate.decoder import Decoder, positions
from spanbert.tasks.translate.head import TranslateHead
from spanbert.tasks.translate.shape import DecoderShape
from spanbert.tokens.target_vocabulary import BEGIN, END

SHAPE = DecoderShape(vocabulary=40, source=16, width=16, layers=2, heads=4, feed_forward=32, dropout=0.0)
TARGETS, SOURCES = [5, 1, 3, 3], [2, 7, 4, 4]


def theirs(decoder: Decoder) -> nn.TransformerDecoder:
    """torch's decoder with our weights."""
    layer = nn.TransformerDecoderLayer(16, 4, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    found = nn.TransformerDecoder(layer, 2, nn.LayerNorm(16))
    names = {"self_output": "self_attn.out_proj", "source_output": "multihead_attn.out_proj", "input": "linear1",
             "output": "linear2", "norm_self": "norm1", "norm_source": "norm2", "norm_forward": "norm3"}  # fmt: skip
    with torch.no_grad():
        for own, other in zip(decoder.blocks, found.layers, strict=True):
            for name, path in names.items():
                other.get_submodule(path).load_state_dict(getattr(own, name).state_dict())
            other.self_attn.in_proj_weight.copy_(own.self_input.weight)
            other.self_attn.in_proj_bias.copy_(own.self_input.bias)
            other.multihead_attn.in_proj_weight.copy_(torch.cat([own.source_query.weight, own.source_input.weight]))
            other.multihead_attn.in_proj_bias.copy_(torch.cat([own.source_query.bias, own.source_input.bias]))
        found.norm.load_state_dict(decoder.norm.state_dict())
    return found.eval()


@pytest.fixture
def decoder() -> Decoder:
    torch.manual_seed(1)
    made = Decoder(SHAPE).eval()
    with torch.no_grad():
        for parameter in made.parameters():  # biases and norms too
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def test_hidden_states_equal_torchs(decoder: Decoder):
    ids = [torch.randint(2, 40, (length,)) for length in TARGETS]
    sources = [torch.randn(length, 16) for length in SOURCES]
    bounds, source_bounds = (Bounds([0, *np.cumsum(lengths).tolist()]) for lengths in (TARGETS, SOURCES))
    ours = decoder(torch.cat(ids), torch.cat(sources), bounds, source_bounds).split(TARGETS)
    other = theirs(decoder)
    for one, own_ids, source in zip(ours, ids, sources, strict=True):
        embedded = decoder.embedded(own_ids, torch.arange(len(own_ids)))[None]
        mask = nn.Transformer.generate_square_subsequent_mask(len(own_ids))
        torch.testing.assert_close(one, other(embedded, source[None], tgt_mask=mask)[0], atol=1e-5, rtol=1e-5)


def test_positions_are_sinusoids():
    found = positions(torch.tensor([0, 3]), 8)
    assert found[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert found[1, 0].item() == pytest.approx(math.sin(3))
    assert found[1, 3].item() == pytest.approx(math.sin(3 / 10_000), abs=1e-6)
    assert positions(torch.tensor([2]), 7).shape == (1, 7)


def test_loss_and_log_probability(decoder: Decoder):
    head = TranslateHead(SHAPE, np.ones(40, dtype=bool), smoothing=0.1).eval()
    head.decoder.load_state_dict(decoder.state_dict())
    gold = [np.array([4, 9, 2]), np.array([7])]
    layout = Layout(sizes=(5, 2), candidates=(None, None))
    hidden = torch.randn(7, 16)
    begins, wanted = torch.tensor([BEGIN, 4, 9, 2, BEGIN, 7]), torch.tensor([4, 9, 2, END, 7, END])
    states = head.decoder(begins, hidden, Bounds([0, 4, 6]), Bounds([0, 5, 7]))
    logits = states @ head.decoder.word.weight.T + head.decoder.bias
    expected = nn.functional.cross_entropy(logits, wanted, label_smoothing=0.1, reduction="sum")
    torch.testing.assert_close(head.loss(hidden, layout, gold), expected)
    options = {"beam": 1, "length_penalty": 0.0, "best": 1, "ratio": 1.0, "more": 2}
    with torch.no_grad():
        found = head.generate(hidden, layout, options, [gold[0], None])
    total, pieces = found[0].reference
    assert total == pytest.approx(
        -nn.functional.cross_entropy(logits[:4], wanted[:4], reduction="sum").item(), rel=1e-5
    )
    assert (pieces, found[1].reference) == (4, None)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_of_the_smoothed_loss(smoothing: float):
    torch.manual_seed(0)
    hidden, words, bias = (
        torch.randn(*size, dtype=torch.double, requires_grad=True) for size in ((6, 5), (9, 5), (9,))
    )
    ids = torch.randint(0, 9, (6,))
    expected = nn.functional.cross_entropy(hidden @ words.T + bias, ids, label_smoothing=smoothing, reduction="none")
    found = tied_cross_entropy(hidden, words, bias, ids, smoothing=smoothing)
    torch.testing.assert_close(found, expected)
    weights = torch.rand(6, dtype=torch.double)
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), (hidden, words, bias)),
        torch.autograd.grad((expected * weights).sum(), (hidden, words, bias)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_attention_of_the_best_translation(decoder: Decoder):
    source = torch.randn(6, 16)
    with torch.no_grad():
        weights = decoder.attention(torch.tensor([BEGIN, 5, 8]), source)
    assert weights.shape == (3, 6)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
