"""Scores of bundles on files: streaming, figures, comparisons, and what cannot be scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.predictions import Classification
from spanbert.core.types import Document
from spanbert.inference.scoring import score_task
from spanbert.tasks.classify.scoring import ClassifyScorer
from tests.labelled import single_rows, tiny, write_table


@pytest.fixture(scope="module")
def runs(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    base = tmp_path_factory.getbasetemp()
    return {
        name: tiny(name, hugging_face_model, base)
        for name in ("joint", "single", "multi", "regression", "bio", "pos", "qa")
    }


FIGURES = {
    "single": {"accuracy", "macro_f1", "micro_f1", "mcc", "ece"},
    "multi": {"micro_f1", "macro_f1", "exact_match"},
    "regression": {"pearson", "spearman", "mse", "mae"},
    "bio": {"f1", "precision", "recall", "ece"},
    "pos": {"accuracy"},
    "qa": {"em", "f1", "best_f1", "no_answer_accuracy"},
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_fractions_with_interval_and_signature(runs, name: str):
    result, tasks = runs[name]
    [(task, data)] = tasks.items()
    found = spanbert.evaluate(result.path, data.dev)
    assert (found["task"], found["kind"], found["data"]) == (task, data.kind, data.dev.name)
    assert FIGURES[name] <= found.keys()
    assert found["main"] in found["interval"]
    low, high = found["interval"][found["main"]]
    assert low <= found[found["main"]] <= high
    assert all(0 <= found[one] <= 1 for one in FIGURES[name] - {"mse", "mae", "pearson", "spearman", "mcc"})
    assert found["signature"].startswith(f"spanbert:{spanbert.__version__}|task:{data.kind}")


def test_the_scorer_sees_documents_while_the_file_is_still_read(runs, monkeypatch):
    result, tasks = runs["single"]
    nlp = spanbert.load(result.path)
    task = nlp.tasks["classify"]
    read, most = 0, 0
    seen: list[str] = []

    def many(*_: object) -> Iterator[Document]:
        nonlocal read
        for number in range(2000):
            read += 1
            yield Document(id=str(number), text="the fox runs", labels=("animal",))

    add = ClassifyScorer.add

    def note(self: ClassifyScorer, document: Document, prediction: Classification) -> None:
        nonlocal most
        seen.append(document.id)
        most = max(most, read - len(seen))
        add(self, document, prediction)

    data = task.opened(tasks["classify"].dev)
    endless = replace(data, format=replace(data.format, read=many))
    monkeypatch.setattr(ClassifyScorer, "add", note)
    scores = score_task(nlp.predictor, "classify", endless).scores()
    assert (scores["examples"], len(seen)) == (2000, 2000)
    assert most < 600, "documents that are read but not yet scored"


def test_labels_of_the_test_data_that_were_never_trained_count_as_wrong(runs, tmp_path: Path):
    result, _ = runs["single"]
    rows = single_rows(20, 2)
    write_table(tmp_path / "a.tsv", ("text", "label"), rows)
    write_table(
        tmp_path / "b.tsv",
        ("text", "label"),
        [(text, "mineral" if n < 10 else label) for n, (text, label) in enumerate(rows)],
    )
    before, after = (spanbert.evaluate(result.path, tmp_path / name) for name in ("a.tsv", "b.tsv"))
    nlp = spanbert.load(result.path)
    right = [nlp(text).labels == (label,) for text, label in rows]
    assert before["accuracy"] == sum(right) / 20 > 0.9
    assert after["accuracy"] == sum(right[10:]) / 20
    assert after["by_label"]["mineral"] == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 10, "predicted": 0}


def test_one_task_of_several(runs):
    result, tasks = runs["joint"]
    assert spanbert.evaluate(result.path, tasks["pos"].dev, task="pos")["accuracy"] > 0.9
    with pytest.raises(InputError, match="which task.; got kind, ner, pos, who. Name one with --task"):
        spanbert.evaluate(result.path, tasks["pos"].dev)
    with pytest.raises(InputError, match="no task 'pso'. did you mean 'pos'"):
        spanbert.evaluate(result.path, tasks["pos"].dev, task="pso")


def test_two_bundles_are_compared_on_the_same_texts(runs, hugging_face_model: Path):
    result, tasks = runs["single"]
    dev = tasks["classify"].dev
    itself = spanbert.evaluate(result.path, dev, other=result.path)["compared"]
    assert (itself["difference"], itself["p_value"], itself["units"]) == (0.0, 1.0, 24)
    entities = spanbert.evaluate(runs["bio"][0].path, tasks_dev(runs, "bio"), other=runs["bio"][0].path, seed=3)
    assert entities["compared"]["score"] == entities["f1"]
    assert entities["compared"]["interval"] == [0.0, 0.0]


def tasks_dev(runs, name: str) -> Path:
    return next(iter(runs[name][1].values())).dev


@pytest.mark.parametrize(
    ("name", "other", "message"),
    [
        (
            "single",
            "bio",
            "tasks that are scored in different ways; got tag, scored by f1; expected classify, scored by accuracy",
        ),
        ("bio", "pos", "got tag, scored by accuracy; expected tag, scored by f1"),
        ("single", "multi", "got classify, scored by micro_f1"),
        ("single", "joint", "which task"),
    ],
)
def test_bundles_that_cannot_be_compared(runs, name: str, other: str, message: str):
    with pytest.raises(InputError, match=message):
        spanbert.evaluate(runs[name][0].path, tasks_dev(runs, name), other=runs[other][0].path)


def test_gold_that_differs_is_not_compared(runs, tmp_path: Path):
    path, rows = runs["single"][0].path, single_rows(12, 5)
    table = [(text, label, "person") for text, label in rows]
    file = write_table(tmp_path / "two.tsv", ("text", "label", "other"), table)
    usual = spanbert.evaluate(path, file, options={"label_column": "other"})
    assert usual["accuracy"] == sum(label == "person" for _, label in rows) / 12
    assert spanbert.evaluate(path, file, other=path)["compared"]["units"] == 12
    with pytest.raises(InputError, match="a task of the kind classify has no column"):
        spanbert.evaluate(path, file, options={"column": "upos"})


def test_every_score_has_an_interval(runs):
    without = {"ece", "threshold", "best_threshold", "best_micro_f1", "best_em", "best_em_threshold", "best_f1", "best_f1_threshold"}  # fmt: skip
    for name, (result, tasks) in runs.items():
        if name != "joint":
            found = spanbert.evaluate(result.path, next(iter(tasks.values())).dev)
            scores = {key for key, value in found.items() if isinstance(value, float)}
            assert scores - without == found["interval"].keys(), name
            for key, (low, high) in found["interval"].items():
                assert low <= found[key] <= high or low == high, (name, key)


class Heard:
    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.finished: list[str] = []

    def say(self, message: str) -> None:
        raise AssertionError(message)

    def update(self, stage: str, fraction: float, figures: object) -> None:
        self.fractions.append(fraction)

    def finish(self, stage: str) -> None:
        self.finished.append(stage)


def test_progress_reaches_the_end(runs):
    heard = Heard()
    spanbert.evaluate(runs["single"][0].path, tasks_dev(runs, "single"), reporter=heard)
    assert heard.fractions == sorted(heard.fractions)
    assert len(heard.fractions) > 1
    assert heard.fractions[-1] == 1.0
    assert heard.finished == ["evaluate classify on dev.tsv"]


def test_files_that_cannot_be_scored(runs, trained_bundle: Path, tmp_path: Path):
    path = runs["single"][0].path
    with pytest.raises(InputError, match="none.tsv: no such file"):
        spanbert.evaluate(path, tmp_path / "none.tsv")
    write_table(tmp_path / "a.tsv", ("text", "label"), [("a fox", ""), ("a dog", "")])
    with pytest.raises(InputError, match="nothing labelled to score|cannot tell"):
        spanbert.evaluate(path, tmp_path / "a.tsv")
    with pytest.raises(InputError, match="no fine-tuned task"):
        spanbert.evaluate(trained_bundle, tmp_path / "a.tsv")
    write_table(tmp_path / "b.tsv", ("text", "score"), [("a fox", "4.5"), ("a dog", "high")])
    with pytest.raises(InputError, match=r"b\.tsv:3: not a number; got 'high'"):
        spanbert.evaluate(runs["regression"][0].path, tmp_path / "b.tsv")
