"""A loaded bundle in Python: results know their text, say in a line what they are, and stream as elsewhere."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.located import located
from spanbert.core.predictions import Cluster
from spanbert.core.types import Document, Span
from tests.labelled import tiny


@pytest.fixture(scope="module")
def bundles(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    base = tmp_path_factory.getbasetemp()
    return {
        name: tiny(name, hugging_face_model, base)[0].path
        for name in ("bio", "single", "coref", "relation", "qa", "regression", "joint")
    }


TEXT = "the old king sees a fox near the river"


def test_spans_know_their_text(bundles):
    doc = spanbert.load(bundles["bio"])(TEXT)
    assert doc.entities
    for span in (*doc.entities, *doc["tag"].words, *doc["tag"].spans):
        assert span.text == TEXT[span.start : span.end]
    assert [word.text for word in doc["tag"].words] == TEXT.split()


def test_clusters_and_relations_know_their_text(bundles):
    clusters = []
    for text in ("Ann sleeps . she runs .", "the fox sees it . the fox runs and it sleeps .", TEXT):
        doc = spanbert.load(bundles["coref"])(text)
        assert [tuple(one) for one in doc.clusters] == [tuple(one) for one in doc["coref"].clusters]
        clusters += doc.clusters
        for cluster, head in zip(doc.clusters, doc["coref"].heads, strict=True):
            assert cluster.text == head.text == text[head.start : head.end]
            assert [one.text for one in cluster] == [text[one.start : one.end] for one in cluster]
    entities = [Span(start=4, end=12, label="PER"), Span(start=18, end=23, label="ANI")]
    for relation in spanbert.load(bundles["relation"]).relate(TEXT, entities):
        assert relation.head.text in ("old king", "a fox")


def test_a_cluster_is_a_tuple_that_knows_what_it_is_called():
    ann, she = Span(start=0, end=3, text="Ann"), Span(start=10, end=13, text="she")
    cluster = Cluster((ann, she), head=ann)
    assert cluster == (ann, she)
    assert cluster.text == "Ann"
    assert repr(cluster) == "<Cluster 'Ann': 'Ann', 'she'>"
    for made in (copy.copy(cluster), copy.deepcopy(cluster), pickle.loads(pickle.dumps(cluster))):
        assert (made, made.text, type(made)) == (cluster, "Ann", Cluster)


def test_located_leaves_all_else_as_it_is():
    span = Span(start=0, end=2, label="X", score=0.5)
    assert located((span, 3, ("a",), None), "abc") == (span, 3, ("a",), None)
    assert located((span,), "abc")[0].text == "ab"
    assert located(span, "abc") == span, "spans are equal by place, label and score"
    nothing = {"a": 1}
    assert located(nothing, "abc") is nothing


def test_reprs_say_what_there_is(bundles):
    nlp = spanbert.load(bundles["bio"])
    assert repr(nlp) == f"<Pipeline {bundles['bio'].name}: tag (tag)>"
    doc = nlp(TEXT)
    entity = doc.entities[0]
    assert repr(doc).startswith(f"<'{TEXT}' | tag: {entity.text} [{entity.label}]")
    assert (
        repr(entity)
        == f"Span(start={entity.start}, end={entity.end}, label='{entity.label}', score={entity.score:.4g}, text='{entity.text}')"
    )
    assert repr(spanbert.load(bundles["single"])("the fox")).startswith("<'the fox' | classify: animal, ")
    assert repr(spanbert.load(bundles["regression"])("the fox")).startswith("<'the fox' | classify: ")
    asked = spanbert.load(bundles["qa"]).ask("who sees it?", TEXT)
    assert repr(asked).startswith("<'who sees it?' | qa: ")
    assert len(repr(nlp("the fox runs " * 500))) < 300


def test_repr_of_a_document_leaves_out_what_it_has_not():
    words = tuple(Span(start=n, end=n + 1) for n in range(0, 9, 2))
    document = Document(id="7", text="a b c d e", words=words, labels=("x",), where="a.txt:7")
    assert repr(document) == "Document(id='7', text='a b c d e', words=<5>, labels=('x',), where='a.txt:7')"
    assert eval(repr(Document(id="7", text="a"))) == Document(id="7", text="a")
    assert "stone\u2026" in repr(Document(id="7", text="stone " * 100))


def results(found: Iterator) -> list:
    return [(one.text, one["tag"].spans) for one in found]


TEXTS = [f"{TEXT} {number}" for number in range(11)]


@pytest.mark.parametrize("batch_size", [None, 1, 4, 11, 100])
def test_pipe_keeps_the_order_whatever_the_batches(bundles, batch_size):
    nlp = spanbert.load(bundles["bio"])
    found = list(nlp.pipe(TEXTS, batch_size=batch_size))
    assert [one.text for one in found] == TEXTS
    assert [one.id for one in found] == [str(number) for number in range(1, 12)]
    assert [one["tag"].spans for one in found] == [one["tag"].spans for one in nlp.pipe(TEXTS)]


def test_pipe_with_contexts(bundles):
    nlp = spanbert.load(bundles["bio"])
    found = list(nlp.pipe(((text, {"n": number}) for number, text in enumerate(TEXTS)), as_tuples=True, batch_size=3))
    assert [(doc.text, context) for doc, context in found] == [
        (text, {"n": number}) for number, text in enumerate(TEXTS)
    ]


@pytest.mark.parametrize("as_tuples", [False, True])
def test_pipe_reads_no_further_than_it_must(bundles, as_tuples: bool):
    drawn = []

    def endless() -> Iterator:
        for number in count():
            drawn.append(number)
            yield (TEXT, number) if as_tuples else TEXT

    found = list(islice(spanbert.load(bundles["bio"]).pipe(endless(), batch_size=4, as_tuples=as_tuples), 6))
    assert len(found) == 6
    assert len(drawn) <= 2 * 4 + 1


def test_pipe_in_processes(bundles):
    nlp = spanbert.load(bundles["bio"])
    drawn = []
    texts = (drawn.append(text) or text for text in TEXTS * 10)
    found = nlp.pipe(texts, n_process=2, batch_size=5)
    first = next(found)
    assert (first.text, len(drawn)) == (TEXTS[0], 25), "two batches a process are waiting"
    rest = list(found)
    assert [one.text for one in (first, *rest)] == TEXTS * 10
    here = [[(span.start, span.end, span.label, span.text) for span in one.entities] for one in nlp.pipe(TEXTS)]
    assert [
        [(span.start, span.end, span.label, span.text) for span in one.entities] for one in (first, *rest)
    ] == here * 10
    with pytest.raises(InputError, match="no task that reads texts"):
        list(spanbert.load(bundles["qa"]).pipe(TEXTS, n_process=2))


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ("one text", {}, "one text in place of many"),
        (["a"], {"batch_size": 0}, "batch_size: not a count; got int 0; expected a whole number, at least 1"),
        (["a"], {"batch_size": "64"}, "batch_size: not a count"),
        (["a"], {"n_process": 0}, "n_process: not a count"),
        (["a"], {"n_process": 2, "task": "none"}, "no task 'none'"),
        (["ab"], {"as_tuples": True}, "texts[0]: not a text with its context; got str"),
        ([("a", 1), ("a", 1, 2)], {"as_tuples": True}, "texts[1]: not a text with its context; got tuple"),
    ],
)  # fmt: skip
def test_what_pipe_cannot_use(bundles, texts, options, message):
    with pytest.raises(InputError) as error:
        list(spanbert.load(bundles["bio"]).pipe(texts, **options))
    assert message in str(error.value)


def test_predict_takes_no_batches_of_nothing(bundles):
    document = Document(id="1", text="the fox")
    with pytest.raises(InputError, match="batch_size: not a count; got int 0"):
        list(spanbert.load(bundles["bio"]).predict([document], batch_size=0))


@pytest.mark.parametrize("name", ["bio", "qa", "relation", "joint"])
def test_warm_up_reads_the_weights(bundles, name: str):
    nlp = spanbert.load(bundles[name])
    assert "predictor" not in vars(nlp)
    assert nlp.warm_up() is nlp
    assert "predictor" in vars(nlp)


def test_warm_up_of_a_model_that_fills_blanks(trained_bundle: Path):
    nlp = spanbert.load(trained_bundle).warm_up()
    assert "_scorer" in vars(nlp)
    assert repr(nlp) == f"<Pipeline {trained_bundle.name}: no task, fills blanks>"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tag": 3}, "options['tag']: not settings; got 3"),
        ([], "not settings by kind of task"),
        ({"tagg": {}}, "no kind of task 'tagg'"),
        ({"ner": {"colum": "x"}}, "a task of the kind tag has no colum"),
    ],
)
def test_bad_options_are_input_errors(bundles, options, message):
    with pytest.raises(InputError) as error:
        _ = spanbert.load(bundles["bio"], options=options).tasks
    assert message in str(error.value)
