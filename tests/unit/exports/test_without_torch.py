"""An exported model is opened, asked and scored where torch cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert
from spanbert.exports.export import export
from tests.labelled import conll_file

pytest.importorskip("onnxruntime")

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
RUN = "import sys; sys.modules['torch'] = None; sys.argv[0] = 'spanbert'; import spanbert.apps.cli.main as m; m.main()"
ASK = """
import sys, json
sys.modules["torch"] = sys.modules["scipy"] = sys.modules["pyarrow"] = None
import spanbert
nlp = spanbert.load(sys.argv[1])
print(json.dumps([nlp("the old fox sees a dog .").as_record(), nlp.ask("who runs?", "a red dog runs").as_record()]))
print(json.dumps([filling.text for filling in spanbert.load(sys.argv[2]).fill("the [MASK:1-2] fox")]))
"""


def python(code: str, *arguments: object, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        input=text, capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(BUNDLES / "joint", tmp_path_factory.mktemp("exported") / "joint").path


def test_python(joint: Path, tmp_path: Path):
    fills = export(BUNDLES / "pretrained", tmp_path / "fills").path
    asked, filled = (json.loads(line) for line in python(ASK, joint, fills).splitlines())
    assert {"ner", "pos", "nested", "sent", "who", "related"} < asked[0]["tasks"].keys()
    assert asked[1]["tasks"].keys() == {"asks"}
    assert len(filled) == 5


def test_commands(joint: Path, tmp_path: Path):
    found = python(
        RUN, "predict", joint, "--documents", "line", "--threads", 1, text="the old fox sees a dog .\na red dog\n"
    )
    assert [json.loads(line)["text"] for line in found.splitlines()] == ["the old fox sees a dog .", "a red dog"]
    data = conll_file(tmp_path / "dev.conll", 20, seed=1)
    scored = json.loads(python(RUN, "evaluate", joint, "--data", data, "--task", "ner", "--threads", 1, "--json"))
    expected = spanbert.evaluate(BUNDLES / "joint", data, task="ner")
    assert (scored["f1"], scored["interval"]) == (expected["f1"], expected["interval"])
    facts = json.loads(python(RUN, "info", joint, "--json"))
    assert (facts["kind"], facts["runtime"], facts["precision"]) == ("exported model", "onnx", "float32")
