"""Exported models are served: every task, in int8 too, and without torch; only why they say it cannot be asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.config import ServePlan, model_places
from spanbert.exports.export import export
from tests.labelled import conll_file, single_file
from tests.serving import service

pytest.importorskip("onnxruntime")

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
TEXT = "the old fox sees a dog . the king runs"
NO_TORCH = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")\n'


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The bundles of the fixtures, all tasks in float32 and in int8, and blanks."""
    folder = tmp_path_factory.mktemp("exported")
    data = {"ner": conll_file(folder / "dev.conll", 60, seed=3), "sent": single_file(folder / "dev.tsv", 60, seed=3)}
    int8 = export(BUNDLES / "joint", folder / "int8", precision="int8", data=data, max_drop=50)
    return {
        "whole": export(BUNDLES / "joint", folder / "whole").path,
        "int8": int8.path,
        "fills": export(BUNDLES / "pretrained", folder / "fills").path,
    }


@pytest.fixture(scope="module")
def client(exported: dict[str, Path]) -> Iterator[TestClient]:
    places = [
        *(str(one) for one in exported.values()),
        f"bundle={BUNDLES / 'joint'}",
        f"blanks={BUNDLES / 'pretrained'}",
    ]
    with TestClient(make_app(ServePlan(models=model_places(places))), raise_server_exceptions=False) as asking:
        yield asking


def choices(client: Any, model: str) -> list[dict[str, Any]]:
    [facts] = [one for one in client.get("/info").json()["models"] if one["name"] == model]
    return list(facts["choices"])


def ask(client: Any, model: str, choice: dict[str, Any], *, drawn: bool = False) -> Any:
    parameters = {} if choice["task"] is None else {"task": choice["task"]}
    body = {"inputs": choice["example"], "parameters": parameters}
    answer = client.post(f"/models/{model}/{choice['route']}{'/drawing' if drawn else ''}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def same(one: Any, other: Any) -> bool:
    """Equal but for the last digits of numbers."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(*both) for both in zip(one, other, strict=True))
    return bool(one == (pytest.approx(other, abs=1e-3) if isinstance(other, float) else other))


@pytest.mark.parametrize(("model", "original"), [("whole", "bundle"), ("fills", "blanks")])
def test_every_task_answers_as_the_bundle_does(client: TestClient, model: str, original: str):
    asked = choices(client, model)
    assert asked == choices(client, original)
    assert asked
    for choice in asked:
        for example in (choice["example"], TEXT) if choice["route"] == "token-classification" else (choice["example"],):
            one = {**choice, "example": example}
            assert same(ask(client, model, one), ask(client, original, one)), choice
        assert ask(client, model, choice, drawn=True)["html"]


def test_every_task_answers_in_int8(client: TestClient):
    for choice in choices(client, "int8"):
        found, wanted = (ask(client, model, choice) for model in ("int8", "bundle"))
        assert type(found) is type(wanted)
        drawn = ask(client, "int8", choice, drawn=True)
        assert drawn["html"]
        assert drawn["why"] == []
    [labels] = [one for one in choices(client, "int8") if one["task"] == "sent"]
    best = [max(ask(client, model, labels), key=lambda one: one["score"])["label"] for model in ("int8", "bundle")]
    assert best[0] == best[1]


def test_why_cannot_be_asked(client: TestClient, exported: dict[str, Path]):
    body = {"inputs": TEXT, "parameters": {"task": "ner"}}
    for model in ("whole", "int8"):
        answer = client.post(f"/models/{model}/explain", json=body)
        assert (answer.status_code, answer.json()["error_type"]) == (422, "unprocessable")
        assert answer.json()["error"] == "an exported model cannot be explained; ask the bundle that it was made of"
    assert client.post("/v1/explain", json=body).status_code == 200, "the one model that can is meant"
    facts = {one["name"]: one for one in client.get("/info").json()["models"]}
    assert ["explain" in facts[name]["routes"] for name in ("whole", "int8", "fills", "bundle")] == [
        False,
        False,
        False,
        True,
    ]
    assert not any(one["explained"] for one in facts["int8"]["tasks"])
    alone = make_app(ServePlan(models=model_places([str(exported["int8"])])))
    with TestClient(alone) as other:
        for path in ("/v1/explain", "/models/int8/explain", "/models/int8/explain/drawing"):
            answer = other.post(path, json=body)
            assert answer.status_code == 422
            assert "exported" in answer.json()["error"]
        lines = other.post("/v1/explain", content=json.dumps(body), headers={"content-type": "application/x-ndjson"})
        assert json.loads(lines.text)["error_type"] == "unprocessable"
        assert "/v1/explain" in other.get("/openapi.json").json()["paths"]
        assert "explain" not in [one["route"] for one in other.get("/info").json()["routes"]]


@pytest.fixture
def without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are started now cannot import torch."""
    (tmp_path / "torch.py").write_text(NO_TORCH)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    found = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, text=True, check=False)
    assert "No module named 'torch'" in found.stderr


@pytest.mark.usefixtures("without_torch")
def test_a_service_without_torch(exported: dict[str, Path]):
    with service(exported["int8"], exported["fills"]) as (_, client):
        info = client.get("/info").json()
        assert [one["device"] for one in info["models"]] == ["cpu", "cpu"]
        for model in ("int8", "fills"):
            for choice in choices(client, model):
                assert ask(client, model, choice, drawn=True)["html"]
        answer = client.post("/v1/explain", json={"inputs": TEXT, "parameters": {"task": "ner"}})
        assert (answer.status_code, "exported" in answer.json()["error"]) == (422, True)
