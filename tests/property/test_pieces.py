"""TokenizedText know their characters: offsets point into the unmodified text, whatever Unicode it is made of."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from spanbert.core.types import Document, Span
from spanbert.tokens.pieces import TokenizedText, read_pieces, rows_of_words
from spanbert.tokens.tokenizer import TokenizerAdapter
from tests.conftest import VOCABULARY, WORDS

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
KINDS = ["wordpiece", "byte_level", "unigram"]


def byte_level() -> TokenizerAdapter:
    """As RoBERTa's: bytes, and the blank before a word belongs to it."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return TokenizerAdapter(backend, "byte level")


def unigram() -> TokenizerAdapter:
    """As SentencePiece's: the blank before a word is in its first piece, and in that piece's offsets."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )  # fmt: skip
    backend.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    return TokenizerAdapter(backend, "unigram")


@pytest.fixture(scope="module")
def tokenizers(tokenizer: TokenizerAdapter) -> dict[str, TokenizerAdapter]:
    return {"wordpiece": tokenizer, "byte_level": byte_level(), "unigram": unigram()}


ODD = "😀👩‍👧\u0301\u0327\u200b\u200d\ufeff\u00adéÅǅﬁ中國שלוםالعر\u064b한국が\u3000\x00\x1c\u2028'’.-_ \n\t\ufffd\U0010ffff"
TEXT = st.text(
    st.one_of(
        st.sampled_from("abcdefg xyz AB.,"), st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])
    ), max_size=40,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(text=TEXT)
def test_offsets_of_any_text_rise_and_stay_inside_it(tokenizers, kind: str, text: str):
    [pieces] = read_pieces(tokenizers[kind], [Document(id="a", text=text)])
    check(pieces, text)


def check(pieces: TokenizedText, text: str) -> None:
    starts, ends = pieces.offsets.T
    assert len(pieces.ids) == len(pieces.word_starts) == len(pieces.offsets)
    assert (starts <= ends).all()
    assert (np.diff(starts) >= 0).all(), "rows_of_words searches in them"
    assert (np.diff(ends) >= 0).all()
    if len(pieces.ids):
        assert starts.min() >= 0
        assert ends.max() <= len(text)
        assert pieces.word_starts[0]


@st.composite
def worded(draw: st.DrawFn) -> Document:
    """A text with words, some of them glued to each other, some parted by several characters."""
    text, words = "", []
    letters = st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"])
    for word in draw(
        st.lists(
            st.one_of(st.text(letters, min_size=1, max_size=6), st.text(st.sampled_from(ODD[:-8]), min_size=1)),
            max_size=8,
        )
    ):
        text += draw(st.sampled_from(["", "", " ", "  ", "\n", " / "]))
        words.append(Span(start=len(text), end=len(text) + len(word)))
        text += word
    return Document(id="a", text=text, words=tuple(words))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(document=worded())
def test_given_words_have_pieces_of_their_own_and_windows_start_with_them(tokenizers, kind: str, document: Document):
    [pieces] = read_pieces(tokenizers[kind], [document])
    check(pieces, document.text)
    if not len(pieces.ids) or not document.words:
        return
    first, last, own = rows_of_words(pieces, document.words)
    assert (np.diff(first) >= 0).all()
    assert (first <= last).all()
    assert first.min() >= 0
    assert last.max() < len(pieces.ids)
    for word, low, high, has in zip(document.words, first, last, own, strict=True):
        inside = [
            place
            for place, (start, end) in enumerate(pieces.offsets)
            if start < word.end and (end > word.start or start == end == word.start)  # or a blank that begins it
        ]
        assert has == bool(inside), "a word has a piece of its own unless nothing is left of it"
        if has:
            assert (low, high) == (inside[0], inside[-1])
            assert all(word.start <= start <= end <= word.end for start, end in pieces.offsets[low : high + 1])
    assert not pieces.word_starts[[place for a, b in zip(first[own], last[own]) for place in range(a + 1, b + 1)]].any()
    ends = [-1, *last[own].tolist()]
    for before, low in zip(ends, first[own].tolist(), strict=False):
        assert pieces.word_starts[before + 1 : low + 1].sum() == 1, "a window may be cut before a word, once"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.sampled_from([*WORDS, "fox's", "re-read", "U.S."]), min_size=1, max_size=12))
def test_offsets_cut_out_the_pieces(tokenizers, kind: str, words: list[str]):
    text = " ".join(words)
    [pieces] = read_pieces(tokenizers[kind], [Document(id="a", text=text)])
    found = [text[start:end] for start, end in pieces.offsets]
    stated = [tokenizers[kind].piece(identity).removeprefix("##").lstrip("Ġ▁") for identity in pieces.ids]
    written = [(piece, cut) for piece, cut in zip(stated, found, strict=True) if piece]  # a lone ▁ is no letter
    for piece, cut in written:
        assert piece in ("[UNK]", "<unk>") or cut.lower() == piece.lower()
    assert "".join(cut for _, cut in written) == text.replace(" ", "")


def test_normalisation_keeps_the_places(tokenizer):
    text = "The Éclair, cafe\u0301s — and İx"
    [pieces] = read_pieces(tokenizer, [Document(id="a", text=text)])
    for identity, (start, end) in zip(pieces.ids, pieces.offsets, strict=True):
        piece = tokenizer.piece(identity).removeprefix("##")
        plain = "".join(
            letter
            for letter in unicodedata.normalize("NFD", text[start:end].lower())
            if not unicodedata.combining(letter)
        )
        assert piece in ("[UNK]", plain)


def test_glued_words_are_two_to_the_model(tokenizer):
    document = Document(id="a", text="do n't", words=(Span(start=0, end=2), Span(start=3, end=6)))
    glued = Document(id="a", text="don't", words=(Span(start=0, end=2), Span(start=2, end=5)))
    apart, together = read_pieces(tokenizer, [document, glued])
    assert apart.ids.tolist() == together.ids.tolist()
    assert [glued.text[start:end] for start, end in together.offsets] == ["d", "o", "n", "'", "t"]
    assert together.word_starts.tolist() == [True, False, True, False, False]
    first, last, own = rows_of_words(together, glued.words)
    assert (first.tolist(), last.tolist(), own.all()) == ([0, 2], [1, 4], True)


@pytest.mark.parametrize("kind", ["byte_level", "unigram"])
def test_glued_words_where_pieces_hold_the_blank_before_them(tokenizers, kind: str):
    glued = Document(
        id="a", text="thefox,x", words=tuple(Span(start=a, end=b) for a, b in [(0, 3), (3, 6), (6, 7), (7, 8)])
    )
    [pieces] = read_pieces(tokenizers[kind], [glued])
    first, last, own = rows_of_words(pieces, glued.words)
    assert own.all()
    assert [glued.text[pieces.offsets[a, 0] : pieces.offsets[b, 1]] for a, b in zip(first, last, strict=True)] == [
        "the", "fox", ",", "x",
    ]  # fmt: skip
    assert pieces.word_starts.sum() == 4


def test_words_that_vanish_borrow_a_piece_and_take_none(tokenizer):
    """Zero-width characters leave no piece; the word after them keeps its own."""
    words = [(0, 1), (2, 3), (4, 7), (8, 10)]
    document = Document(id="a", text="a \u200b fox \u200b\u200b", words=tuple(Span(start=a, end=b) for a, b in words))
    [pieces] = read_pieces(tokenizer, [document])
    assert [tokenizer.piece(identity) for identity in pieces.ids] == ["a", "fox"]
    first, last, own = rows_of_words(pieces, document.words)
    assert first.tolist() == [0, 1, 1, 1]
    assert last.tolist() == [0, 1, 1, 1]
    assert own.tolist() == [True, False, True, False]
    [empty] = read_pieces(tokenizer, [Document(id="b", text="\u200b", words=(Span(start=0, end=1),))])
    with pytest.raises(ValueError, match="no pieces"):
        rows_of_words(empty, [Span(start=0, end=1)])


def test_two_words_in_one_piece_share_it(tokenizer):
    [pieces] = read_pieces(tokenizer, [Document(id="a", text="fox dog")])
    halves = [Span(start=a, end=b) for a, b in [(0, 1), (1, 3), (4, 7)]]
    first, last, own = rows_of_words(pieces, halves)
    assert (first.tolist(), last.tolist(), own.tolist()) == ([0, 0, 1], [0, 0, 1], [True, False, True])


def test_a_word_may_hold_blanks(tokenizer):
    document = Document(id="a", text="red fox/dog", words=(Span(start=0, end=7), Span(start=8, end=11)))
    [pieces] = read_pieces(tokenizer, [document])
    assert pieces.word_starts.tolist() == [True, False, True]
    assert pieces.offsets.tolist() == [[0, 3], [4, 7], [8, 11]]


def test_chinese_characters_are_words_one_by_one(tokenizer):
    assert not any(letter in VOCABULARY for letter in "狐狸")
    [pieces] = read_pieces(tokenizer, [Document(id="a", text="the狐狸,fox")])
    assert pieces.offsets.tolist() == [[0, 3], [3, 4], [4, 5], [5, 6], [6, 9]]
    assert pieces.word_starts.all()
    given = Document(id="a", text="狐狸fox", words=(Span(start=0, end=2), Span(start=2, end=5)))
    [pieces] = read_pieces(tokenizer, [given])
    assert pieces.offsets.tolist() == [[0, 1], [1, 2], [2, 5]]
    assert pieces.word_starts.tolist() == [True, False, True]


def test_no_words_and_many_documents(tokenizer):
    documents = [Document(id="a", text="", words=()), Document(id="b", text="a fox"), Document(id="c", text="")]
    found = read_pieces(tokenizer, documents)
    assert [len(one.ids) for one in found] == [0, 2, 0]
    assert [one.offsets.shape for one in found] == [(0, 2), (2, 2), (0, 2)]
