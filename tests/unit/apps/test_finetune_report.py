"""The report of a fine-tuning run: its tables against hand-made scores, and the page of a real tiny run."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from spanbert.apps.reports import finetune_report as module
from spanbert.apps.reports.curves import Scored, reliability_diagram, score_curve, training_curve
from spanbert.apps.reports.finetune_report import finetune_report, write_finetune_report
from spanbert.apps.reports.finetune_tables import TaskTables
from spanbert.train.finetune import finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run_directory import run_directory
from spanbert.train.task_data import TaskData

_DATA = {"train": {"name": "train.tsv"}, "dev": {"name": "dev.tsv"}}
_SIZES = {"texts": 1200, "windows": 1300, "tokens": 20000}
_CLASSIFY = {
    "kind": "classify", "mode": "single", "labels": ["a", "b", "c"], "threshold": 0.5, "pairs": False,
    "window": [512, 128], "options": {"threshold": None},
}  # fmt: skip
_HOSTILE = "<script>alert('fox')</script> & \"co\""


def _figures(f1: float, gold: int, predicted: int) -> dict[str, float]:
    return {"f1": f1, "precision": f1, "recall": f1, "gold": gold, "predicted": predicted}


def _tables(entry: dict, scores: dict, **changes: dict) -> TaskTables:
    return TaskTables.of(entry, scores, **{"data": _DATA, "sizes": _SIZES, "spread": {}, **changes})


def test_classification_shows_labels_by_count_and_what_is_taken_for_what():
    scores = {
        "main": "accuracy", "accuracy": 0.7, "ece": 0.1, "interval": {"accuracy": [0.6, 0.8]}, "examples": 10,
        "by_label": {"a": _figures(0.5, 2, 3), "b": _figures(0.8, 5, 4), "c": _figures(0.6, 3, 3)},
        "confusion": {"labels": ["a", "b", "c"], "matrix": [[2, 0, 0], [1, 4, 0], [0, 0, 3]]},
        "reliability": [{"low": 0.6, "high": 0.7, "count": 10, "confidence": 0.6, "accuracy": 0.7}],
        "signature": "spanbert:x|task:classify",
    }  # fmt: skip
    tables = _tables(_CLASSIFY, scores)
    assert tables.kind == "text classification: one label a text"
    assert [row["label"] for row in tables.labels] == ["b", "c", "a"]
    assert tables.headline == ("accuracy", 0.7, [0.6, 0.8])
    assert [(row["name"], row["value"], row["interval"]) for row in tables.figures] == [
        ("accuracy", 0.7, [0.6, 0.8]),
        ("ECE", 0.1, None),
    ]
    assert [[(cell.count, cell.share, cell.right) for cell in cells] for _, cells in tables.matrix][1] == [
        (1, 0.2, False), (4, 0.8, True), (0, 0.0, False),
    ]  # fmt: skip
    assert tables.confusions == [("b", "a", 1)]
    assert tables.remarks == ["Always saying 'b', the most frequent label, would have an accuracy of 0.5000."]
    assert tables.facts[:2] == [
        ("trained on", "train.tsv (1,200 texts, 1,300 windows, 20,000 tokens)"),
        ("scored on", "dev.tsv (10 examples)"),
    ]


def test_entities_show_what_has_no_counterpart():
    entry = {"kind": "tag", "nested": False, "scheme": "BIO", "labels": ["O", "B-x", "I-x"], "window": [512, 128]}
    scores = {
        "main": "f1", "f1": 0.5, "interval": {"f1": [0.4, 0.6]}, "entities": 8, "by_label": {"x": _figures(0.5, 8, 8)},
        "confusions": [["x", "-", 3], ["x", "y", 1]], "missed": 3, "spurious": 2,
    }  # fmt: skip
    tables = _tables(entry, scores)
    assert tables.confusions == [("x", "nothing there", 3), ("x", "y", 1)]
    assert tables.unpaired == (3, 2)
    tagged = _tables({**entry, "scheme": None}, {**scores, "confusions": [["NN", "-", 3]]})
    assert tagged.confusions == [("NN", "-", 3)]  # a dash may be a tag of words


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"threshold": None, "options": {"threshold": None}}, []),
        (
            {"threshold": 0.25, "options": {"threshold": None}},
            ["Threshold, tuned on this dev data: nothing is answered above 0.25 nats in favour of no answer."],
        ),
        (
            {"threshold": 2.0, "options": {"threshold": 2.0}},
            ["Threshold, set by hand: nothing is answered above 2 nats in favour of no answer."],
        ),
    ],
)
def test_answers_say_which_threshold(entry: dict, expected: list[str]):
    scores = {"main": "f1", "em": 0.1, "f1": 0.2, "interval": {}, "questions": 4, "has_answer_f1": 0.3}
    scores |= {"ece": 0.0, "reliability": []}  # nothing was answered
    tables = _tables({"kind": "qa", "window": [384, 128], **entry}, scores)
    assert tables.remarks == expected
    assert [row["name"] for row in tables.figures] == ["exact match", "F1", "F1, answerable"]


def test_nothing_scored_leaves_tables_empty():
    tables = _tables(_CLASSIFY, {}, data={"train": {"name": "t"}, "dev": None})
    assert tables.headline is None
    assert [tables.figures, tables.labels, tables.matrix, tables.confusions, tables.remarks] == [[]] * 5
    assert ("scored on", "nothing: there is no dev data") in tables.facts


def test_pictures_are_svg_in_the_readers_colours_and_stay_small():
    steps = range(1, 20_001)
    pictures = [
        training_curve(steps, [1 / step for step in steps], [1e-4] * len(steps)),
        score_curve({"F1": [Scored(step=1, value=0.5, interval=(0.4, 0.6)), Scored(step=2, value=0.6)]}, best=2),
        reliability_diagram([{"low": 0.8, "high": 0.9, "count": 3, "confidence": 0.85, "accuracy": 0.5}]),
    ]
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        assert root.tag.endswith("svg")
        assert b"currentColor" in picture
        assert b"#000001" not in picture
        assert b"prefers-color-scheme:dark" in picture
        assert len(picture) < 60_000
    said = ["".join(ElementTree.fromstring(picture).itertext()) for picture in pictures]
    assert "kept: step 2" in said[1]
    assert pictures[0] == training_curve(steps, [1 / step for step in steps], [1e-4] * len(steps))


class _Page(HTMLParser):
    """Collects a page's text, its addresses, and whether elements are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.addresses, self.open, self.tags = "", [], [], set()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, hugging_face_model: Path) -> Path:
    """Two tasks learned for a few steps; one of them has no dev data."""
    folder = tmp_path_factory.mktemp("finetuned")
    texts = [("The quick fox runs.", "fox"), ("A slow dog sleeps.", _HOSTILE), ("The old cat eats.", "cat")] * 6
    for name in ("train", "dev"):
        lines = ["text\tlabel", *("\t".join(pair) for pair in texts)]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tags.conll").write_text(
        "The O\nfox B-animal\nruns O\n\nKing B-person\nsleeps O\n\n" * 4, encoding="utf-8"
    )
    finetune(
        {
            "pets": TaskData(kind="classify", train=folder / "train.tsv", dev=folder / "dev.tsv"),
            "names": TaskData(kind="tag", train=folder / "tags.conll"),
        },
        model=hugging_face_model,
        out=folder / "bundle",
        config=FinetuneConfig.assemble(
            overrides=["train.max_steps=8", "batch.examples=4", "train.evaluate_every=4steps"]
        ),
    )
    return folder / "bundle"


def test_the_page_holds_the_scores_of_the_run_and_needs_nothing_else(run: Path):
    html = finetune_report(run)
    page = _Page(html)
    scores = json.loads((run_directory(run) / "scores.json").read_text())
    assert scores.keys() == {"pets"}
    assert f"{scores['pets']['accuracy']:.4f}" in page.text
    assert scores["pets"]["signature"] in page.text
    assert "This task has no dev data, so it was not scored." in page.text
    assert "train.tsv (18 texts, 18 windows" in " ".join(page.text.split())
    assert "train.max_steps" in page.text
    assert "--task names --data TEST" in page.text
    assert all(one.startswith(("data:image/svg+xml;base64,", "#task-")) for one in page.addresses)
    drawn = [base64.b64decode(one.partition(",")[2]) for one in page.addresses if one.startswith("data:")]
    assert len(drawn) == 4  # loss, scores and calibration of pets, loss of names
    assert not re.search(r"url\(|@import|https?://", html)


def test_labels_and_texts_are_escaped(run: Path):
    html = finetune_report(run)
    page = _Page(html)
    assert "script" not in page.tags
    assert _HOSTILE in page.text
    assert _HOSTILE not in html


def test_without_dev_data_it_says_that_nobody_knows(tmp_path: Path, run: Path, hugging_face_model: Path):
    finetune(
        {"names": TaskData(kind="tag", train=run.parent / "tags.conll")},
        model=hugging_face_model,
        out=tmp_path / "bundle",
        config=FinetuneConfig.assemble(overrides=["train.max_steps=2"]),
    )
    text = " ".join(_Page(finetune_report(tmp_path / "bundle")).text.split())
    assert "There was no dev data, so nothing was scored" in text
    assert "of step 2, the last" in text
    assert "Scores on the dev data" not in text


class _Heard:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def test_without_the_extra_it_says_how_to_get_it(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    heard = _Heard()
    assert write_finetune_report(run, heard) is None
    remedy = "pip install 'spanbert[report] @ git+https://github.com/spanbert/spanbert'"
    assert heard.lines == [f"no report: it needs matplotlib and jinja2; {remedy}"]
    assert not (run_directory(run) / "report.html").exists()


def test_the_command_writes_it_and_shows_all_seeds(tmp_path: Path, run: Path, hugging_face_model: Path, cli):
    out = tmp_path / "seeds"
    code, said, _ = cli(
        "finetune", "classify", "--model", hugging_face_model, "--train", run.parent / "train.tsv",
        "--dev", run.parent / "dev.tsv", "--out", out, "--budget", "3steps", "--seeds", "2",
    )  # fmt: skip
    assert code == 0
    assert f"report: {run_directory(out) / 'report.html'}" in said
    page = _Page((run_directory(out) / "report.html").read_text(encoding="utf-8"))
    spread = json.loads((run_directory(out) / "seeds.json").read_text())
    assert "Scores of all seeds" in page.text
    assert f"seed {spread['best']} (kept)" in page.text
    for figure in ("mean", "stdev"):
        assert f"{spread['spread']['classify']['accuracy'][figure]:.4f}" in page.text
