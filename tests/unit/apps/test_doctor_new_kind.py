"""A kind of task that only the registry knows, with a survey of its own, is diagnosed, repaired and reported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.apps.doctor.diagnose import doctor
from spanbert.core.errors import InputError
from spanbert.core.findings import Rule, excerpt
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document
from spanbert.tasks import registry
from spanbert.tasks.classify.spec import CLASSIFY
from spanbert.tasks.classify.task import ClassifyTask
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.survey import Item, Survey


class WordsSurvey(Survey[ClassifyTask]):
    """A file of texts, each with the number of words that its author counted."""

    conflicts = Rule(severity="warning", name="conflicts", what="texts whose words were counted twice, differently")
    miscounted = Rule(severity="error", name="miscounted", what="texts with another number of words than stated")
    split = Rule(severity="note", name="split", what="texts with more pieces than words")
    total = Rule(severity="note", name="total", what="words in all")

    words = 0

    def items_of(self, document: Document) -> Iterator[Item]:
        yield Item(self.place(document), document.text, stated(document))

    def look(self, document: Document) -> Document:
        count = len(document.text.split())
        self.words += count
        self.labels[stated(document)] += 1
        if stated(document) != str(count):
            self.ledger.add(self.miscounted, f"{self.place(document)} {excerpt(document.text)} has {count}")
        return document

    def examine(self, windowed: WindowedDocument, task: ClassifyTask) -> None:
        assert isinstance(task, WordsTask)
        if len(windowed.pieces.ids) > len(windowed.document.text.split()):
            self.ledger.add(self.split, self.place(windowed.document))

    def finish(self) -> None:
        self.ledger.add(self.total, times=self.words)

    def counts(self) -> dict[str, int]:
        return {"counted_words": self.words}

    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        rows = [(one.text, len(one.text.split())) for one in self.read()]
        target.write_text("text\tlabel\n" + "".join(f"{text}\t{count}\n" for text, count in rows))
        return {**self.left_out(), "numbers of words corrected": self.ledger.count(self.miscounted)}


def stated(document: Document) -> str:
    assert document.labels is not None
    return document.labels[0]


WORDS = replace(
    CLASSIFY,
    kind="words",
    title="number of words",
    task=f"{__name__}:WordsTask",
    check=f"{__name__}:WordsSurvey",
    examples_a_step=4,
    epochs=7.0,
    options=(),
    examples={},
)


class WordsTask(ClassifyTask):
    """How many words a text has."""

    spec = WORDS


TABLE = "text\tlabel\na fox\t2\nthe transformations\t3\nthe old house\t3\nmore\tcells\tthan two\na fox\t1\na dog\t2\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "REGISTRY", (*registry.REGISTRY, WORDS))
    (tmp_path / "train.tsv").write_text(TABLE)
    (tmp_path / "dev.tsv").write_text("text\tlabel\na dog\t2\na\t1\n")
    return tmp_path / "train.tsv"


def test_on_the_command_line(cli, data: Path, hugging_face_model: Path):
    out = data.with_name("fixed.tsv")
    model, dev = ["--model", hugging_face_model], ["--dev", data.with_name("dev.tsv")]
    code, text, _ = cli("doctor", "words", "--data", data, *dev, *model, "--fix", out)
    assert code == 2
    for line in (
        "spanbert doctor words: train.tsv, dev.tsv; ",
        "  counted words            11\n",
        "error          2  texts with another number of words than stated [train.tsv]\n",
        "train.tsv:3 'the transformations' has 2\n",
        "error          1  texts that cannot be read [train.tsv]\n",
        "train.tsv:2 and train.tsv:6 'a fox': 2 and 1\n",
        "note           1  texts with more pieces than words [train.tsv]\n",
        "note          11  words in all [train.tsv]\n",
        "note           3  words in all [dev.tsv]\n",
        "warning        1  dev texts that stand in train.tsv too: 50.0% of 2 [dev.tsv]\n",
        "  texts that cannot be read left out: 1\n  numbers of words corrected: 2\n",
        "tokens/s",
    ):
        assert line in text
    assert out.read_text() == "text\tlabel\na fox\t2\nthe transformations\t2\nthe old house\t3\na fox\t2\na dog\t2\n"
    code, text, _ = cli("doctor", "words", "--data", out, *model, "--no-estimate", "--json")
    record = json.loads(text.splitlines()[-1])
    assert (code, record["kind"], record["counted_words"]) == (0, "words", 11)
    assert record["labels"] == {"2": {"fixed.tsv": 4}, "3": {"fixed.tsv": 1}}
    assert {one["name"] for one in record["findings"]} == {"duplicates", "rare_labels", "split", "total"}


def test_what_training_would_cost_by_the_spec(data: Path, hugging_face_model: Path):
    cost = doctor("words", data, model=hugging_face_model).estimate
    assert cost is not None
    assert (cost.windows_an_epoch, cost.steps_an_epoch, cost.epochs) == (5, 2, 7.0)


def test_a_kind_that_is_misspelled(data: Path, hugging_face_model: Path):
    with pytest.raises(InputError, match="no kind of task 'wordz'; did you mean 'words'"):
        doctor("wordz", data, model=hugging_face_model)
