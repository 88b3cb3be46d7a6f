from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from spanbert.core.errors import InputError, nearest
from spanbert.core.seeding import keyed_fraction, keyed_generator, keyed_seed
from spanbert.core.types import Document, MisplacedAnswer, PackedBatch, Question, Relation, Span


def test_span_and_document_are_validated():
    with pytest.raises(ValueError, match="start=3 end=2"):
        Span(start=3, end=2)
    with pytest.raises(ValueError, match="past the end of its 3 characters"):
        Document(id="d", text="abc", spans=(Span(start=1, end=4, label="X"),))
    assert Document(id="d", text="abc", spans=(Span(start=1, end=3),)).spans == (Span(start=1, end=3),)


@pytest.mark.parametrize("sentences", [((0, 1),), ((0, 1), (2, 3)), ((1, 3),), ((0, 4),)])
def test_sentences_cover_the_words(sentences):
    words = tuple(Span(start=place, end=place + 1) for place in range(3))
    assert Document(id="d", text="abc", words=words, sentences=((0, 2), (2, 3))).sentences == ((0, 2), (2, 3))
    with pytest.raises(ValueError, match="do not cover 3 words"):
        Document(id="d", text="abc", words=words, sentences=sentences)
    with pytest.raises(ValueError, match="do not cover 0 words"):
        Document(id="d", text="abc", sentences=((0, 1),))


_GOLD = {
    "target": "xyz",
    "spans": (Span(start=0, end=1, label="X"),),
    "clusters": ((Span(start=0, end=1), Span(start=1, end=2)),),
    "relations": (Relation(head=Span(start=0, end=1), tail=Span(start=1, end=2), label="r"),),
    "questions": (Question(id="q", text="?", misplaced=(MisplacedAnswer(text="z", stated=4, found=None),)),),
    "labels": ("x",),
    "columns": {"tag": ("A",)},
}


def test_ids_are_texts_and_places_lie_in_their_text():
    for make, message in (
        (lambda: Document(id=3, text="a"), "id of a document: not a text; got int 3"),
        (lambda: Question(id=None, text="a"), "id of a question: not a text; got None"),
        (lambda: Document(id="a", text="a", spans=(Span(start=0, end=2),)), "reaches past the end"),
        (lambda: Span(start=2, end=1), "a span needs 0 <= start <= end"),
        (lambda: Span(start=None, end=1), "start of a span: not a place in a text; got None; expected an int"),
        (lambda: Span(start=0, end=1.0), "end of a span: not a place in a text; got float 1.0"),
        (lambda: Document(id="a", text="a", words=("a",)), "words of a: not Spans; got str 'a'"),
        (lambda: Document(id="a", text="a", spans=3), "spans of a: not Spans; got int 3"),
        (lambda: Document(id="a", text="a", questions=("who?",)), "questions of a: not Questions; got str 'who"),
        (lambda: Document(id="a", text="a", clusters=3), "clusters of a: not Sequences; got int 3"),
    ):
        with pytest.raises(InputError, match=message):
            make()
    assert Span(start=np.int64(0), end=np.int64(1)) == Span(start=0, end=1)


def test_gold_is_everything_but_what_is_read_and_where_it_came_from():
    read = {"id", "text", "pair", "words", "sentences", "fields", "where", "origin"}
    assert {one.name for one in fields(Document)} == read | _GOLD.keys(), "is a new field gold? say so in its metadata"
    bare = Document(id="d", text="abc", pair="p", where="f:3", origin=object())
    assert bare.gold().keys() == _GOLD.keys()
    whole = replace(bare, **_GOLD)
    assert whole.gold() == _GOLD
    assert whole.without_gold() == bare
    assert whole.without_gold(keep=("relations", "labels")).gold() == {
        **bare.gold(), "relations": _GOLD["relations"], "labels": ("x",)
    }  # fmt: skip
    for name, value in _GOLD.items():
        assert replace(bare, **{name: value}).gold() != bare.gold()


def test_a_document_says_where_it_came_from():
    assert (Document(id="d", text="").place, Document(id="d", text="", where="f:3").place) == ("d", "f:3")


def test_packed_batch_is_validated():
    good = {
        "ids_T": np.arange(5), "positions_T": np.array([0, 1, 2, 0, 1]),
        "cu_seqlens": np.array([0, 3, 5], dtype=np.int32), "longest": 3,
    }  # fmt: skip
    assert PackedBatch(**good).lengths.tolist() == [3, 2]
    for change, part in (
        ({"positions_T": np.arange(4)}, "positions_T"),
        ({"cu_seqlens": np.array([0, 3, 3, 5], dtype=np.int32)}, "cu_seqlens"),
        ({"cu_seqlens": np.array([0, 3], dtype=np.int32)}, "cu_seqlens"),
        ({"longest": 2}, "longest"),
        ({"token_types_T": np.arange(4)}, "token_types_T"),
    ):
        with pytest.raises(ValueError, match=part):
            PackedBatch(**{**good, **change})


def test_keys_decide_draws():
    assert keyed_seed(0, "mask", 1) == keyed_seed(0, "mask", 1)
    assert keyed_seed(0, "mask", 1) != keyed_seed(0, "mask", 2) != keyed_seed(0, "mask", "2")
    assert 0 <= keyed_seed("x") < 2**63
    first, second = keyed_generator("a").random(4), keyed_generator("a").random(4)
    assert first.tolist() == second.tolist() != keyed_generator("b").random(4).tolist()
    shares = [keyed_fraction("held-out", f"doc{n}") < 0.1 for n in range(5000)]
    assert 0.08 < np.mean(shares) < 0.12


def test_error_message_says_what_where_got_expected_and_what_to_do():
    error = InputError("bad", where="a.txt:3", got="x", expected="y", remedy="Do z")
    assert str(error) == "a.txt:3: bad; got x; expected y. Do z"
    assert error.exit_code == 2
    assert nearest("prtrain", ["pretrain", "tag"]) == "did you mean 'pretrain'?"
    assert nearest("zzz", ["pretrain", "tag"]) == "choose from pretrain, tag"
