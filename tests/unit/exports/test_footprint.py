"""What memory a process takes that answers, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.errors import SpanbertError
from spanbert.core.memory import resident_memory
from spanbert.core.types import Document
from spanbert.exports import export as exporting
from spanbert.exports.footprint import peak_memory
from tests.labelled import single_file

pytest.importorskip("onnxruntime")

JOINT = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"


@pytest.mark.skipif(resident_memory() is None, reason="nothing says how much memory a process takes here")
def test_memory_of_a_process_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "peak_memory", peak_memory)
    data = {"sent": single_file(tmp_path / "dev.tsv", 20, seed=3)}
    done = exporting.export(JOINT, tmp_path / "out", data=data)
    assert done.memory is not None
    assert 20e6 < done.memory["after"] < done.memory["before"], "torch is not loaded"
    assert json.loads((done.path / "spanbert.json").read_text())["export"]["memory"] == done.memory
    card = (done.path / "README.md").read_text()
    assert f"takes {done.memory['after'] / 1e6:,.0f} MB of memory at its peak" in card
    assert "takes" not in "".join(replace(done, memory=None).lines())


@pytest.mark.skipif(resident_memory() is None, reason="nothing says how much memory a process takes here")
def test_a_model_that_does_not_answer(tmp_path: Path):
    with pytest.raises(SpanbertError, match="does not answer in a new process: .*no config.json"):
        peak_memory(tmp_path, {"sent": [Document(id="1", text="a fox")]})
