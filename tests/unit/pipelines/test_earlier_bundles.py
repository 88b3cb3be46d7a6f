"""Bundles that version 0.1.0 wrote still load, and say what they said there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spanbert

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((BUNDLES / "expected.json").read_text())


def close(found: object, wanted: object) -> object:
    """What was expected, with the numbers of what was found where they are near: other processors round otherwise."""
    if isinstance(found, dict) and isinstance(wanted, dict) and found.keys() == wanted.keys():
        return {key: close(found[key], wanted[key]) for key in wanted}
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [close(one, other) for one, other in zip(found, wanted, strict=True)]
    is_near = isinstance(found, float) and isinstance(wanted, float) and found == pytest.approx(wanted, abs=2e-3)
    return found if is_near else wanted


def test_every_kind_of_task(expected: dict[str, Any]):
    nlp = spanbert.load(BUNDLES / "joint", options={"relation": {"all_pairs": True}})  # as they wrote them
    record = nlp(expected["text"]).as_record()["tasks"]
    assert record.keys() == expected["tasks"].keys() == nlp.tasks.keys() - {"asks"}
    for name, wanted in expected["tasks"].items():
        assert record[name] == close(record[name], wanted), name
    answer = nlp.answer(expected["question"], expected["text"])
    assert answer is not None
    assert answer.text == expected["answer"]


def test_settings_that_are_no_more(expected: dict[str, Any]):
    """Version 0.1.0 stated limits of a whole document for coreference; other settings can be changed beside them."""
    nlp = spanbert.load(BUNDLES / "joint", options={"coref": {"singletons": "keep"}})
    found = nlp(expected["text"]).as_record()["tasks"]
    [name] = [name for name, task in nlp.tasks.items() if task.kind == "coref"]
    assert nlp.tasks[name].config.depth == 1000
    assert len(found[name]["clusters"]) >= len(expected["tasks"][name]["clusters"])


def test_a_manifest_is_read_without_torch():
    code = (
        "import sys, spanbert; from spanbert.inference.loading import task_entries\n"
        "nlp = spanbert.load(sys.argv[1]); assert task_entries(nlp.files).keys() == nlp.tasks.keys()\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, BUNDLES / "joint"], check=False).returncode == 0


def test_answers_take_no_compiler():
    """Its import takes as long as all of torch."""
    code = (
        "import sys, spanbert; assert spanbert.load(sys.argv[1])('The king sleeps near the old river.').as_record()\n"
        "assert 'torch' in sys.modules; sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, BUNDLES / "joint"], check=False).returncode == 0


def test_heads_of_pre_training(expected: dict[str, Any]):
    fillings = spanbert.load(BUNDLES / "pretrained").fill("the quick [MASK:1-2] runs", top_k=3)
    said = [[one.text, one.score] for one in fillings]
    assert said == close(said, expected["fillings"])
