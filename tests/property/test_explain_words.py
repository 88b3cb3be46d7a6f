"""Attributions of pieces as those of words: nothing is lost, every word is there once."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.types import Document, Span
from spanbert.explain.words import by_word
from spanbert.tokens.pieces import read_pieces


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60), seed=st.integers(0, 99))
def test_words_have_what_their_pieces_have(tokenizer, text: str, seed: int):
    [pieces] = read_pieces(tokenizer, [Document(id="a", text=text)])
    values = np.random.default_rng(seed).normal(size=len(pieces.ids))
    words = by_word(text, None, pieces.offsets, values)
    assert math.isclose(math.fsum(word.score for word in words), math.fsum(values), abs_tol=1e-9)
    assert all(word.text == text[word.start : word.end] for word in words)
    assert "".join(word.text for word in words) == "".join(text.split())
    assert [word.start for word in words] == sorted({word.start for word in words})


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_words_of_a_document_get_their_own_pieces(tokenizer, lengths: list[int], seed: int):
    text = " ".join("unbelievable"[:length] for length in lengths)
    starts = np.cumsum([0, *(length + 1 for length in lengths)])[:-1].tolist()
    own = tuple(Span(start=start, end=start + length) for start, length in zip(starts, lengths, strict=True))
    [pieces] = read_pieces(tokenizer, [Document(id="a", text=text, words=own)])
    values = np.random.default_rng(seed).normal(size=len(pieces.ids))
    for word in by_word(text, own, pieces.offsets, values):
        inside = (pieces.offsets[:, 0] >= word.start) & (pieces.offsets[:, 1] <= word.end)
        assert math.isclose(word.score, values[inside].sum(), abs_tol=1e-9)
