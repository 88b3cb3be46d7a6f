"""What may be handed to a loaded bundle: a result, or one clear error, whatever it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Question, Span
from spanbert.pipelines.documents import many_documents, one_document
from spanbert.pipelines.load import Pipeline
from tests.labelled import tiny

TEXTS = ["the red fox runs", "a king sleeps", ""]


@pytest.fixture(scope="module")
def bundles(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pipeline]:
    base = tmp_path_factory.getbasetemp()
    return {name: spanbert.load(tiny(name, hugging_face_model, base)[0].path) for name in ("single", "pair", "qa")}


def series(texts: list[Any]) -> Any:
    return pytest.importorskip("pandas").Series(texts, index=range(7, 7 + len(texts)), dtype=object)


@pytest.mark.parametrize(
    "as_many",
    [
        list,
        tuple,
        iter,
        lambda texts: (text for text in texts),
        np.array,
        series,
        lambda texts: [Document(id=text, text=text) for text in texts],
    ],
    ids=["list", "tuple", "iterator", "generator", "array", "series", "documents"],
)
def test_many_texts_give_a_list(bundles, as_many: Callable[[list[str]], Any]):
    nlp = bundles["single"]
    found = nlp(as_many(TEXTS))
    assert isinstance(found, list)
    assert [doc.text for doc in found] == TEXTS
    assert [doc.labels for doc in found] == [nlp(text).labels for text in TEXTS]
    assert nlp([]) == []


def test_one_text_or_document_gives_one_result(bundles):
    nlp = bundles["single"]
    assert nlp("a fox").labels == nlp(Document(id="a", text="a fox")).labels == nlp(np.str_("a fox")).labels
    assert nlp(Document(id="a", text="a fox")).id == "a"
    asked = Document(id="a", text="the king sleeps", questions=(Question(id="q", text="who sleeps?"),))
    assert bundles["qa"](asked).answering


def test_the_second_text_of_a_pair_has_a_name(bundles):
    nlp = bundles["pair"]
    assert nlp("the fox runs", pair="a king sleeps").labels == ("yes",)
    found = nlp(["the fox runs"] * 2, pair=["a king sleeps", "a river sleeps"])
    assert [doc.labels for doc in found] == [("yes",), ("no",)]
    with pytest.raises(InputError, match=r"several texts; got 2 of them. Pass a list, nlp\(\[a, b\]\), or name"):
        nlp("the fox runs", "a king sleeps")
    for pairs, message in (
        (["a"], "fewer second texts than texts"),
        (["a", "b", "c"], "more second texts than texts"),
        ("a king", "pair: not texts; got str 'a king'"),
        (["a", None], r"pair\[1\]: not a text; got None"),
    ):
        with pytest.raises(InputError, match=message):
            nlp(["the fox runs"] * 2, pair=pairs)
    with pytest.raises(InputError, match="pair of text: not a text; got list"):
        nlp("the fox", pair=["a king"])


NO_TEXTS = {
    "None": None,
    "float nan": math.nan,
    "int 3": 3,
    "bytes b'a fox'": b"a fox",
    "bytearray": bytearray(b"a fox"),
    "PosixPath": Path("a.txt"),
    "dict": {"text": "a fox"},
    "set": {"a fox"},
    "ndarray": np.array([["a", "b"]]),
    "object": object(),
}


@pytest.mark.parametrize(("got", "value"), NO_TEXTS.items(), ids=NO_TEXTS)
def test_what_is_no_text_is_refused_everywhere(bundles, got: str, value: Any):
    nlp, qa = bundles["single"], bundles["qa"]
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: nlp(value), "texts: not texts"),
        (lambda: list(nlp.pipe(value)), "texts: not texts"),
        (lambda: nlp(["a fox", value]), r"texts\[1\]: not a text"),
        (lambda: list(nlp.pipe(iter(["a fox", value]))), r"texts\[1\]: not a text"),
        (lambda: list(nlp.predict(value)), "documents: not Documents"),
        (lambda: list(nlp.predict([value])), r"documents\[0\]: not a Document"),
        (lambda: nlp.fill(value), "text: not a text"),
        (lambda: qa.answer("who?", value), "context: not a text"),
        (lambda: qa.answer(value, "a fox"), "question: not a text"),
        (lambda: list(spanbert.predict(nlp.files.path, ["a fox", value])), "input:2: not a text"),
        (lambda: list(spanbert.predict(nlp.files.path, value)), "lines: not texts"),
    ]
    for call, message in calls:
        with pytest.raises(InputError, match=message) as refused:
            call()
        assert got in str(refused.value)
    if not isinstance(value, Path):
        with pytest.raises(InputError, match="bundle: not a path"):
            spanbert.load(value)


def test_tables_are_not_texts(bundles):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="texts: not texts; got DataFrame"):
        bundles["single"](pandas.DataFrame({"text": TEXTS}))
    with pytest.raises(InputError, match=r"texts\[1\]: not a text; got float nan"):
        bundles["single"](series(["a fox", math.nan]))


def test_messages_ask_for_what_would_do(bundles):
    nlp = bundles["pair"]
    for call, message in (
        (lambda: nlp(3), "got int 3; expected a str or a Document, or a list or another sequence of texts"),
        (lambda: nlp(["a", "b"], pair="c"), "pair: not texts; got str 'c'; expected a list or another sequence of"),
        (lambda: nlp.pipe(None), "texts: not texts; got None; expected a list or another sequence of texts"),
        (lambda: nlp(b"a"), "got bytes b'a'; .*Decode it"),
        (lambda: nlp.relate("Ann left.", None), "entities: not Spans; got None"),
        (lambda: nlp.names(3), "task: not a text; got int 3"),
        (lambda: spanbert.load(nlp.files.path, precision=16), "no such precision; got 16"),
        (
            lambda: list(bundles["single"].pipe([("a", 1), (None, 2)], as_tuples=True)),
            r"texts\[1\]: not a text; got None",
        ),
        (lambda: nlp.pipe({"a": 1}, as_tuples=True), "texts: not texts; got dict"),
        (lambda: bundles["single"](["a", "b"], pair=["c", "d"]), r"texts\[0\]: a second text, which no task"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_documents_go_through_pipe_as_texts_do(bundles):
    document = Document(id="mine", text="a fox")
    assert [one.id for one in bundles["single"].pipe([document, "the queen"])] == ["mine", "2"]
    [(found, context)] = bundles["single"].pipe([(document, 7)], as_tuples=True, batch_size=1)
    assert (found.id, context) == ("mine", 7)


def test_texts_in_place_of_documents(bundles):
    nlp = bundles["single"]
    for value, message in (
        ("a fox", "a text in place of documents"),
        (Document(id="a", text="a"), "one document in place of many"),
        (["a fox"], r"documents\[0\]: not a Document; got str 'a fox'. For texts call nlp\(texts\)"),
    ):
        with pytest.raises(InputError, match=message):
            list(nlp.predict(value))
    with pytest.raises(InputError, match="one text in place of many"):
        nlp.pipe("a fox")
    questions = tuple(Question(id=name, text=name) for name in "ab")
    with pytest.raises(InputError, match="a document with no one result; got 2 questions"):
        bundles["qa"](Document(id="a", text="a fox", questions=questions))
    with pytest.raises(InputError, match=r"entities\[0\]: not a place in the text"):
        nlp.relate("Ann left Rome.", ["Ann", "Rome"])


def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(bundles):
    nlp, bad = bundles["single"], "a \ud83d fox"
    assert nlp("a \U0001f98a fox").labels
    for call in (
        lambda: nlp(bad),
        lambda: nlp(["a fox", bad]),
        lambda: bundles["pair"]("a fox", pair=bad),
        lambda: nlp.fill(bad + " [MASK]"),
        lambda: bundles["qa"].answer(bad, "a fox"),
        lambda: bundles["qa"].answer("who?", bad),
        lambda: list(spanbert.predict(nlp.files.path, [bad])),
        lambda: Document(id="a", text=bad),
        lambda: Document(id="a", text="a", target=bad),
        lambda: Question(id="a", text=bad),
    ):
        with pytest.raises(InputError, match=r"half of a surrogate pair.*got '\\ud83d' at character 2"):
            call()


@given(st.lists(st.text()), st.sampled_from([list, tuple, iter]))
def test_texts_come_through_as_they_are(texts: list[str], as_many):
    found = list(many_documents(as_many(texts)))
    assert [(one.id, one.text, one.pair) for one in found] == [(str(n), text, None) for n, text in enumerate(texts, 1)]
    paired = list(many_documents(as_many(texts), as_many(texts[::-1])))
    assert [(one.text, one.pair) for one in paired] == list(zip(texts, texts[::-1], strict=True))


@given(
    st.none()
    | st.integers()
    | st.floats(allow_subnormal=False)
    | st.binary()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text())
)
def test_what_is_no_text_never_passes_as_one(value: object):
    with pytest.raises(InputError, match="^text: not a text; got "):
        one_document(value)


def test_a_document_keeps_what_it_carries():
    document = Document(id="a", text="a fox", words=(Span(start=0, end=1),))
    assert one_document(document) is document
    assert one_document(document, "b").pair == "b"
