"""Studies of many hours: what a result in the repository has of them is not computed again elsewhere."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STUDIES = {
    "defaults": {"set": "TREC, 500", "encoder": "minilm", "lr": 1e-4, "head_lr": 1e-3, "least": 300, "score": 0.5},
    "bought": {"set": "WNUT-17, all", "encoder": "MiniLM-L6", "seed": 1, "metric": "f1", "score": 0.4},
    "coref_study": {"name": "rate 2e-4", "data": "ontogum", "epochs": 5, "seed": 0, "score": 0.3, "seconds": 60},
}


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module(request.param)
    monkeypatch.setattr(sys.modules["common"], "RESULTS", tmp_path / "results")
    yield module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
            del sys.modules[name]


def kept(work: Path) -> dict[str, Any]:
    return {file.name: json.loads(file.read_text("utf-8")) for file in (work / "cells").glob("*.json")}


def test_cells_of_a_result_are_there_on_another_machine(study: ModuleType, tmp_path: Path):
    cell = STUDIES[study.__name__]
    here, there = tmp_path / "here", tmp_path / "there"
    study.file_of(here, cell).parent.mkdir(parents=True)
    study.file_of(here, cell).write_text(json.dumps(cell), "utf-8")
    study.collect(here)
    study.restore_cells(study.__name__, lambda one: study.file_of(there, one))
    assert kept(there) == kept(here) != {}


@pytest.mark.parametrize("study", ["bought", "coref_study"], indirect=True)
def test_cells_of_two_bundles_are_not_mixed(study: ModuleType, tmp_path: Path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(name)
    weights = study.weights_of(tmp_path / "one")
    cell = {**STUDIES[study.__name__], "weights": weights}
    study.file_of(tmp_path, cell).parent.mkdir()
    study.file_of(tmp_path, cell).write_text(json.dumps(cell), "utf-8")
    with pytest.raises(SystemExit, match=f"cells of another bundle .{weights}; .*remove them"):
        study.run(tmp_path, tmp_path / "other")


def test_cells_that_are_there_already_stay(study: ModuleType, tmp_path: Path):
    cell = STUDIES[study.__name__]
    file = study.file_of(tmp_path, cell)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**cell, "score": 0.9}), "utf-8")
    study.restore_cells(study.__name__, lambda one: study.file_of(tmp_path, one))
    assert len(kept(tmp_path)) == 1, "without a result"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / f"{study.__name__}.json").write_text(json.dumps({"cells": [cell]}), "utf-8")
    study.restore_cells(study.__name__, lambda one: study.file_of(tmp_path, one))
    assert [one["score"] for one in kept(tmp_path).values()] == [0.9]
