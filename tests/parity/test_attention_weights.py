"""Attention weights against those of `transformers`, on tiny random models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, RobertaConfig, RobertaModel

import spanbert
from spanbert.batches.packed import pack
from spanbert.core.errors import InputError
from spanbert.encoder.attention_weights import attention_weights
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder


def theirs(model: torch.nn.Module, ids: list[int], types: list[int] | None = None) -> np.ndarray:
    given = {"input_ids": torch.tensor([ids])}
    if types is not None:
        given["token_type_ids"] = torch.tensor([types])
    with torch.no_grad():
        found = model(**given, output_attentions=True).attentions
    return torch.cat(found).numpy()


def test_weights_of_bert(hugging_face_model: Path):
    model = AutoModel.from_pretrained(hugging_face_model, attn_implementation="eager").eval()
    encoder = Encoder.from_pretrained(hugging_face_model)
    ids, types = [3, 20, 41, 62, 4, 50, 33, 4], [0, 0, 0, 0, 0, 1, 1, 1]
    ours = attention_weights(encoder, pack([ids], token_types=[types])).numpy()
    assert ours.shape == (2, 4, 8, 8)
    np.testing.assert_allclose(ours, theirs(model, ids, types), atol=1e-5)
    encoder.pack_weights()
    packed = attention_weights(encoder, pack([ids], token_types=[types])).numpy()
    np.testing.assert_allclose(packed, ours, atol=1e-5)


def test_weights_of_roberta(tmp_path: Path):
    torch.manual_seed(1)
    shape = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
    config = RobertaConfig(
        **shape, intermediate_size=32, max_position_embeddings=24, type_vocab_size=1, initializer_range=0.3
    )
    config._attn_implementation = "eager"
    model = RobertaModel(config).eval()
    model.save_pretrained(tmp_path)
    ids = [0, 11, 12, 30, 31, 2]
    ours = attention_weights(Encoder.from_pretrained(tmp_path), pack([ids])).numpy()
    np.testing.assert_allclose(ours, theirs(model, ids), atol=1e-5)


def test_tokens_look_at_nothing_outside_of_their_span():
    torch.manual_seed(0)
    config = EncoderConfig(
        vocab_size=30, hidden_size=16, layers=2, heads=2, feed_forward_size=32, positions=16, token_types=2,
        attention_span=4, attention_span_shift=True,
    )  # fmt: skip
    weights = attention_weights(Encoder(config).eval(), pack([list(range(10))])).numpy()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    even, odd = (np.add.outer(spans, -spans) == 0 for spans in (np.arange(10) // 4, (np.arange(10) + 2) // 4))
    assert ((weights[0] > 0) == even).all()
    assert ((weights[1] > 0) == odd).all()


def test_a_view_of_a_text_and_of_two(hugging_face_model: Path):
    nlp = spanbert.load(hugging_face_model)
    view = nlp.attention("the fox", pair="unbelievable")
    texts = [one.text for one in view.attention.pieces]
    assert texts[:4] == ["[CLS]", "the", "fox", "[SEP]"]
    assert texts[-1] == "[SEP]"
    second = view.attention.pieces[4:-1]
    assert all(one.second for one in second)
    assert (second[0].start, second[-1].end) == (0, len("unbelievable"))
    model = AutoModel.from_pretrained(hugging_face_model, attn_implementation="eager").eval()
    ids = [nlp.tokenizer.backend.token_to_id(one) for one in texts]
    types = [0] * 4 + [1] * (len(ids) - 4)
    np.testing.assert_allclose(view.attention.weights_NHTT, theirs(model, ids, types), atol=1e-5)
    with pytest.raises(InputError, match="a text too long for a view of attention; got 82 pieces .* at most 64"):
        nlp.attention("the fox " * 40)


def test_an_encoder_without_attention_says_so():
    config = EncoderConfig(
        kind="cnn", vocab_size=30, hidden_size=16, layers=2, heads=2, feed_forward_size=32, positions=16, token_types=2
    )
    with pytest.raises(InputError, match="an encoder without attention; got cnn"):
        attention_weights(Encoder(config).eval(), pack([[1, 2, 3]]))
