"""The last stage of recipes/small_en: half of the bytes, and a card with the scores, its data and its limits."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import spanbert
from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.hub_facts import head_of
from spanbert.core.types import Document, Span
from spanbert.corpus.data import documents_of
from spanbert.corpus.text.words import text_of_words

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "fixtures" / "bundles" / "joint"


def scored(**figures: float) -> dict[str, Any]:
    return {**figures, "interval": {name: [value - 0.02, value + 0.02] for name, value in figures.items()}}


SCORES = {
    "tests": {
        "entities, UNER-EWT": scored(f1=0.701),
        "parts of speech, English-EWT": scored(accuracy=0.962),
        "clusters, LitBank": scored(conll_f1=0.61),
        "sentiment, rotten_tomatoes": scored(accuracy=0.8),
        "questions, SQuADShifts": scored(f1=0.577),
    },
    "text": {"mlm_accuracy": 0.31},
    "blanks": [
        {"text": "a", "rank": 1},
        {"text": "b", "rank": 3},
        {"text": "c", "rank": 4},
        {"text": "d", "rank": None},
    ],
}


_TEXT, _WORDS = text_of_words(["Ann", "left", "."])
NAMED = Document(id="a", text=_TEXT, words=tuple(_WORDS), spans=(Span(start=0, end=3, label="PER"),))
BROUGHT = {"ner": ("columns", [NAMED]), "sent": ("labelled", [Document(id="b", text="good", labels=("animal",))])}


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(ROOT / "recipes" / "small_en"))
    import package

    monkeypatch.setattr(package, "MODEL", tmp_path / "model")
    work = tmp_path / "work"
    stages = ("heads-whole", "heads")
    for stage in stages:
        shutil.copytree(TINY, work / stage)
    (work / "scores.json").write_text(json.dumps(SCORES), encoding="utf-8")
    (work / "begun.json").write_text(json.dumps({"tokens": 2_400_430}), encoding="utf-8")
    for _ in range(2):  # the second time in place of the first
        package.write_package(work, stages, BROUGHT)
    del sys.modules["package"]
    return tmp_path / "model"


def test_weights_are_halved_and_answer_alike(packaged: Path):
    for file in ("model.safetensors", "heads.safetensors"):
        before, after = load_file(TINY / file), load_file(packaged / file)
        assert before.keys() == after.keys()
        assert {one.dtype for one in after.values()} == {torch.float16}
        assert all(torch.equal(one.half(), after[name]) for name, one in before.items())
    text = "the old fox sees a dog ."
    assert spanbert.load(packaged)(text).tasks.keys() == spanbert.load(TINY)(text).tasks.keys()


def test_dev_texts_come_with_the_weights(packaged: Path):
    files = open_bundle(packaged)
    assert {name: path.name for name, path in files.dev_data.items()} == {"ner": "ner.conll.gz", "sent": "sent.csv.gz"}
    found = list(documents_of(spanbert.load(packaged).tasks["ner"].opened(files.dev_data["ner"])))
    assert [(one.text, one.spans) for one in found] == [(NAMED.text, NAMED.spans)]


def test_the_card_has_scores_data_and_limits(packaged: Path):
    card = (packaged / "README.md").read_text(encoding="utf-8")
    head = head_of(card, "README.md")
    assert head["license"] == "cc-by-sa-4.0"
    assert "license_name" not in head
    assert head["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    [index] = head["model-index"]
    assert [one["metrics"][0]["value"] for one in index["results"]] == [0.701, 0.962, 0.61, 0.8, 0.577]
    assert {one["metrics"][0]["type"] for one in index["results"]} == {"f1", "accuracy"}
    assert "| entities, UNER-EWT | F1 70.1 | 68.1 to 72.1 |" in card
    assert "| clusters, LitBank | CoNLL F1 61.0 | 59.0 to 63.0 |" in card
    assert "31.0% right" in card
    assert "2 of 4 right at rank 1 to 3" in card
    assert "2.4 million tokens of text, then 800 steps of all tasks and text" in card
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings))
    for one in ("## Scores on test data", "## Data and licences", "## What it is bad at", "## Settings", "## Use"):
        assert one in headings
    assert not set(headings) & {"## Held-out figures", "## Limits", "## Data"}
    assert "{" not in card.partition("## Scores on test data")[2].partition("## Settings")[0]
