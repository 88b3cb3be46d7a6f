"""A loaded bundle: texts, pairs and questions to results, task by task."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Question, Span
from spanbert.pipelines.load import Pipeline
from tests.labelled import data, pair_file, single_file, tiny, tune


@pytest.fixture(scope="module")
def bundles(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pipeline]:
    base = tmp_path_factory.getbasetemp()
    names = ("joint", "single", "pair", "regression", "nested", "qa")
    return {name: spanbert.load(tiny(name, hugging_face_model, base)[0].path) for name in names}


def test_texts_one_by_one_and_many(bundles):
    nlp = bundles["joint"]
    texts = ["the red fox runs", "a king sleeps", "", "the dog " * 60, "a queen"]
    together = list(nlp.pipe(texts))
    assert [doc.id for doc in together] == ["1", "2", "3", "4", "5"]
    assert [doc.text for doc in together] == texts
    for text, doc in zip(texts, together, strict=True):
        alone = nlp(text)
        assert (alone.labels, alone.entities == doc.entities or pytest.approx(alone.scores) == doc.scores) == (
            doc.labels, True,
        )  # fmt: skip
    assert together[1].labels == ("person",)
    assert [span.label for span in together[1].entities] == ["PER"]
    assert [(tag.start, tag.end) for tag in together[1].tags] == [(0, 1), (2, 6), (7, 13)]
    assert len(together[3].tags) == 120, "nothing of a long text is cut off"


def test_words_that_a_document_brings_are_kept(bundles):
    words = (Span(start=0, end=7), Span(start=8, end=12))
    [doc] = bundles["joint"].predict([Document(id="a", text="red fox runs", words=words)], task="ner")
    assert [(word.start, word.end) for word in doc["ner"].words] == [(0, 7), (8, 12)]


def test_pairs_numbers_and_nested_entities(bundles):
    assert bundles["pair"]("the fox runs", pair="a king sleeps").labels == ("yes",)
    assert bundles["pair"]("the fox runs", pair="a river sleeps").labels == ("no",)
    high, low = bundles["regression"]("the fox runs").value, bundles["regression"]("the king runs").value
    assert high > 3 > low
    nested = bundles["nested"]("the red fox and the king")
    assert [(one.start, one.end, one.label) for one in nested.entities] == [
        (4, 11, "ANI"), (8, 11, "CORE"), (20, 24, "PER"),
    ]  # fmt: skip


def test_answers_point_into_the_context(bundles):
    nlp = bundles["qa"]
    context = "  the Old  King\nsleeps behind a small ."
    asked = nlp.ask("who sees it?", context)
    best = asked.answering.candidates[0]
    assert best.text == context[best.start : best.end] == "King"
    assert nlp.answer("who sees it?", context) == asked.answering.answer
    assert nlp.ask("who sees it?", "").as_record()["tasks"]["qa"]["null_score"] is None, "JSON has no infinity"
    long = "the old runs over a near " * 60 + "the queen sleeps " + "the old runs over a near " * 60
    assert nlp.ask("who sees it?", long).answering.candidates[0].start == long.index("queen")


def test_tasks_on_pairs_wait_for_a_second_text(bundles, hugging_face_model: Path, tmp_path: Path):
    folder = tmp_path / "both"
    tasks = {"alone": data("classify", single_file, folder / "a"), "two": data("classify", pair_file, folder / "b")}
    nlp = spanbert.load(tune(tasks, hugging_face_model, folder / "bundle", "train.max_steps=2").path)
    assert list(nlp("the fox")) == ["alone"]
    assert list(nlp("the fox", pair="a king")) == ["alone", "two"]
    with pytest.raises(InputError, match="task classify: a text alone"):
        bundles["pair"]("the fox")
    with pytest.raises(InputError, match="a second text, which no task of this bundle reads"):
        bundles["single"]("the fox", pair="a king")
    assert list(nlp.pipe([])) == []


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no instructions for such products"
)
def test_a_faster_precision_moves_scores_a_little(bundles, monkeypatch: pytest.MonkeyPatch):
    path, text = bundles["joint"].files.path, "the red fox and the king"
    wanted = bundles["joint"](text)
    monkeypatch.setattr("spanbert.encoder.hardware.has_bfloat16", lambda device: True)
    found = spanbert.load(path, precision="bfloat16")(text)
    assert found.labels == wanted.labels
    assert found.scores == pytest.approx(wanted.scores, abs=0.05)
    assert found.scores != wanted.scores, "computed in another precision"


def test_precisions_that_cannot_be_had(bundles, monkeypatch: pytest.MonkeyPatch):
    path, text = bundles["joint"].files.path, "the red fox and the king"
    monkeypatch.setattr("spanbert.encoder.hardware.has_bfloat16", lambda device: False)
    with pytest.raises(InputError, match="this processor does not multiply bfloat16"):
        spanbert.load(path, precision="bfloat16")(text)
    with pytest.raises(InputError, match="no such precision.*got 'int4'; expected auto, float32, bfloat16, int8"):
        spanbert.load(path, precision="int4")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "task", "questions", "message"),
    [
        ("joint", "nre", False, "no task 'nre'. did you mean 'ner'"),
        ("joint", "who", False, r"no task that reads texts; got kind \(classify\)"),
        ("joint", "ner", True, "no task that reads questions"),
        ("qa", None, False, r"no task that reads texts; got qa \(qa\)"),
        ("single", None, True, "no task that reads questions"),
    ],
)
def test_tasks_that_a_bundle_does_not_have(bundles, name: str, task, questions: bool, message: str):
    asked = (Question(id="q", text="who?"),) if questions else None
    with pytest.raises(InputError, match=message):
        list(bundles[name].predict([Document(id="a", text="a fox", questions=asked)], task=task))
    assert bundles["joint"].names() == ["kind", "ner", "pos", "who"]
    assert bundles["joint"].names("who") == ["who"]


def test_a_bundle_that_was_not_fine_tuned_says_so(trained_bundle: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no task that reads texts; got no fine-tuned task. Train one with spanbert"):
        spanbert.load(trained_bundle)("a fox")
    with pytest.raises(InputError):
        spanbert.load(tmp_path / "none")
