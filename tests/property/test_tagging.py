"""Tags and spans say the same in every scheme; legality is the scheme's grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.tagging import (
    SCHEMES,
    decode_tags,
    encode_tags,
    guess_scheme,
    illegal_tags,
    is_legal_step,
    scheme_of_tags,
)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, str]]]:
    words = draw(st.integers(0, 12))
    spans, position = [], 0
    while position < words:
        position += draw(st.integers(0, 3))
        end = min(words, position + draw(st.integers(1, 4)))
        if position < end:
            spans.append((position, end, draw(st.sampled_from(["PER", "LOC", "B-odd"]))))
        position = end
    return words, spans


@pytest.mark.parametrize("scheme", SCHEMES)
@given(sentence=sentences())
def test_there_and_back(scheme, sentence):
    words, spans = sentence
    tags = encode_tags(spans, words, scheme)
    assert len(tags) == words
    assert illegal_tags(tags, scheme) == []
    for repair in ("conlleval", "discard"):
        assert decode_tags(tags, scheme, repair=repair) == spans


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_any_tags_give_sound_spans(scheme, data):
    letters = {"BIO": "BI", "IOB1": "BI", "BIOES": "BIES", "BMES": "BMES", "BILOU": "BILU"}[scheme]
    tag = st.one_of(st.just("O"), st.builds("{}-{}".format, st.sampled_from(letters), st.sampled_from("XY")))
    tags = data.draw(st.lists(tag, max_size=10))
    loose, strict = (decode_tags(tags, scheme, repair=repair) for repair in ("conlleval", "discard"))
    assert set(strict) <= set(loose)
    covered = [place for start, end, _ in loose for place in range(start, end)]
    assert covered == sorted(set(covered))
    assert covered == [place for place, one in enumerate(tags) if one != "O"]
    if not illegal_tags(tags, scheme):
        assert strict == loose
        assert encode_tags(loose, len(tags), scheme) == tags


@pytest.mark.parametrize(
    ("scheme", "tags", "loose", "strict"),
    [
        ("BIO", "O I-X I-X O", [(1, 3, "X")], []),
        ("BIO", "B-X I-Y", [(0, 1, "X"), (1, 2, "Y")], [(0, 1, "X")]),
        ("BIO", "B-X B-X I-X", [(0, 1, "X"), (1, 3, "X")], [(0, 1, "X"), (1, 3, "X")]),
        ("IOB1", "I-X I-X B-X", [(0, 2, "X"), (2, 3, "X")], [(0, 2, "X"), (2, 3, "X")]),
        ("IOB1", "I-X I-Y", [(0, 1, "X"), (1, 2, "Y")], [(0, 1, "X"), (1, 2, "Y")]),
        ("BIOES", "B-X O S-Y", [(0, 1, "X"), (2, 3, "Y")], [(2, 3, "Y")]),
        ("BIOES", "B-X I-X E-X S-X", [(0, 3, "X"), (3, 4, "X")], [(0, 3, "X"), (3, 4, "X")]),
        ("BMES", "B-X M-X E-X", [(0, 3, "X")], [(0, 3, "X")]),
    ],
)  # fmt: skip
def test_worked_cases(scheme, tags: str, loose, strict):
    assert decode_tags(tags.split(), scheme) == loose
    assert decode_tags(tags.split(), scheme, repair="discard") == strict


def test_legal_steps():
    assert not is_legal_step("O", "I-X", "BIO")
    assert not is_legal_step("B-X", "I-Y", "BIO")
    assert is_legal_step("O", "I-X", "IOB1")
    assert not is_legal_step("O", "B-X", "IOB1")
    assert not is_legal_step("B-X", "O", "BIOES")
    assert not is_legal_step("E-X", "I-X", "BIOES")


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["B-X I-X O", "O B-Y"], "BIO"),
        (["I-X I-X O", "I-Y B-Y"], "IOB1"),
        (["B-X E-X S-Y"], "BIOES"),
        (["B-X M-X E-X"], "BMES"),
        (["B-X L-X U-Y"], "BILOU"),
        (["O I-X", "B-X I-X"], "BIO"),  # fits no scheme: BIO, to be repaired
    ],
)
def test_schemes_are_guessed(tags: list[str], scheme: str):
    assert guess_scheme([sentence.split() for sentence in tags]) == scheme


def test_impossible_spans():
    for spans in ([(0, 2, "X"), (1, 3, "X")], [(1, 1, "X")], [(2, 4, "X")]):
        with pytest.raises(ValueError, match="empty, outside, or overlaps"):
            encode_tags(spans, 3, "BIO")


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("O B-PER I-PER B-LOC I-LOC", "BIO"),
        ("O B-PER", "BIO"),
        ("B-LOC B-MISC B-ORG I-LOC I-MISC I-ORG I-PER O", "IOB1"),  # as CoNLL-2003 was published: B-PER is never needed
        ("O I-PER I-LOC", "IOB1"),
        ("O B-X I-X E-X S-X", "BIOES"),
        ("NOUN VERB", None),
    ],
)
def test_the_scheme_of_a_models_tags(tags: str, scheme: str | None):
    assert scheme_of_tags(tags.split()) == scheme
