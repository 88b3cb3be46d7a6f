"""Vocabularies of translations: nothing is unknown, and decoding gives back every text."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from spanbert.core.errors import InputError
from spanbert.tokens.target_vocabulary import BEGIN, END, TargetVocabulary, train_target_vocabulary

TEXTS = ["Ein Mann schläft.", "Zwei Hunde laufen über die Wiese.", "一个人在睡觉。", "两只狗在草地上跑。"] * 20


@lru_cache
def trained(model: str) -> TargetVocabulary:
    return train_target_vocabulary(TEXTS, 400, model=model)


@pytest.mark.parametrize("model", ["bpe", "unigram"])
@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40) | st.sampled_from(["</s>", "<s> a", "Ġ", "▁a", " a  b ", "\n\t", "😀é", "你好 世界"]))
def test_decoding_gives_back_every_text(model: str, text: str):
    vocabulary = trained(model)
    [ids] = vocabulary.encode_batch([text])
    assert vocabulary.decode(ids.tolist()) == text
    assert all(vocabulary.may_write_V[one] for one in ids)
    assert not {BEGIN, END}.intersection(ids.tolist())
    assert vocabulary.lost([text]) == []


@pytest.mark.parametrize("model", ["bpe", "unigram"])
def test_it_is_kept_as_it_is(model: str):
    vocabulary = trained(model)
    again = TargetVocabulary.from_json(vocabulary.to_json(), "kept")
    assert (again.size, again.fingerprint) == (vocabulary.size, vocabulary.fingerprint)
    assert [one.tolist() for one in again.encode_batch(TEXTS)] == [
        one.tolist() for one in vocabulary.encode_batch(TEXTS)
    ]
    assert vocabulary.size <= 400
    assert not vocabulary.may_write_V[BEGIN]
    assert vocabulary.may_write_V[END]
    share = 0.5 if model == "bpe" else 1.0  # these few texts hold little that a unigram model finds worth a piece
    assert sum(map(len, vocabulary.encode_batch(TEXTS))) < share * sum(len(text.encode()) for text in TEXTS)


def test_that_of_the_encoder_writes_no_special_pieces(tokenizer):
    vocabulary = TargetVocabulary.from_json(tokenizer.backend.to_str(), "encoder")
    assert vocabulary.decode(vocabulary.encode_batch(["the fox sleeps"])[0].tolist()) == "the fox sleeps"
    forbidden = {vocabulary.decode([one]) for one in (~vocabulary.may_write_V).nonzero()[0]}
    assert not any(vocabulary.may_write_V[2 + number] for number in tokenizer.special.values())
    assert forbidden == {""}
    assert vocabulary.lost(["the Zyx 你"]) == ["the Zyx 你"]


def test_refusals():
    with pytest.raises(InputError, match="too small a vocabulary"):
        train_target_vocabulary(TEXTS, 200)
    with pytest.raises(InputError, match="not a tokenizer"):
        TargetVocabulary.from_json("{}", "x.json")
    with pytest.raises(InputError, match=r"x\.json: a vocabulary without a piece"):
        TargetVocabulary.from_json(Tokenizer(models.BPE()).to_str(), "x.json")
