"""What is refused, with which status, and that all of it has one form and tells nothing of the machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from spanbert.apps.serve import models
from spanbert.apps.serve.app import make_app, read_again
from spanbert.apps.serve.config import ServePlan
from spanbert.apps.serve.keys import Keys
from spanbert.apps.serve.models import LoadedModel, load_place
from spanbert.core.errors import InputError
from tests.unit.apps.serve.conftest import JOINT, PRETRAINED, plan

KEY, OTHER = "k" * 20, "o" * 20
JSON = {"content-type": "application/json"}
Asked = dict[str, Any]


@pytest.fixture(scope="module")
def small() -> Iterator[TestClient]:
    """A service with small limits."""
    limited = plan(JOINT, max_inputs=3, max_length=50, max_body=1)
    with TestClient(make_app(limited), raise_server_exceptions=False) as asking:
        yield asking


def refused(answer: Any, status: int, error_type: str, saying: str = "") -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"error", "error_type", "request_id"}
    assert body["error_type"] == error_type
    assert saying in body["error"], body["error"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    for secret in (str(JOINT), "site-packages", "Traceback", 'File "'):
        assert secret not in answer.text
    return str(body["error"])


@pytest.mark.parametrize(
    ("content", "headers", "status", "error_type", "saying"),
    [
        (b"{nope", JSON, 400, "malformed", "not JSON"),
        (b"[" * 100_000, JSON, 400, "malformed", ""),
        (b'{"inputs": "\xff"}', JSON, 400, "malformed", ""),
        (b'{"inputs": []}', JSON, 400, "empty", "empty list"),
        (b"", JSON, 422, "unprocessable", ""),
        (b"the king", {"content-type": "text/plain"}, 422, "unprocessable", ""),
        (b"{}", JSON, 422, "unprocessable", "inputs: Field required"),
        (b'{"inputs": 5}', JSON, 422, "unprocessable", "inputs: Input should be a valid string"),
        (b'{"inputs": ["a", null]}', JSON, 422, "unprocessable", "inputs"),
        (b'{"inputs": "a", "input": 1}', JSON, 422, "unprocessable", "input: Extra inputs"),
        (b'{"inputs": "a", "parameters": {"stride": 1}}', JSON, 422, "unprocessable", "parameters.stride: Extra"),
        (b'{"inputs": "\\ud800"}', JSON, 422, "unprocessable", "inputs"),
        (b'{"inputs": "a", "model": "elsewhere"}', JSON, 404, "not_found", "no such model; there is joint"),
        (b'{"inputs": ["a", "b", "c", "d"]}', JSON, 413, "too_large", "4 of them, of at most 3"),
        (b'{"inputs": ["a", "' + b"b" * 51 + b'"]}', JSON, 413, "too_large", "inputs[1]: 51 characters"),
        (b'{"inputs": "' + b"b" * 2_000_000 + b'"}', JSON, 413, "too_large", "larger than 1 MiB"),
    ],
)  # fmt: skip
def test_bodies(small: TestClient, content: bytes, headers: Asked, status: int, error_type: str, saying: str):
    refused(small.post("/v1/analyze", content=content, headers=headers), status, error_type, saying)


def test_a_body_without_a_stated_length_is_bounded_too(small: TestClient):
    def endless() -> Iterator[bytes]:
        yield b'{"inputs": "'
        for _ in range(100):
            yield b"b" * 100_000

    answer = small.post("/v1/analyze", content=endless(), headers=JSON)
    refused(answer, 413, "too_large", "larger than 1 MiB")


def test_addresses(small: TestClient):
    refused(small.get("/nowhere"), 404, "not_found")
    body = {"inputs": "a"}
    assert "token-classification" in refused(small.post("/v1/translation", json=body), 404, "not_found", "no such task")
    refused(small.post("/v1/fill-mask", json=body), 404, "not_found", "no such task")
    refused(small.post("/models/nobody/analyze", json=body), 404, "not_found", "no such model; there is joint")
    refused(small.post("/models/nobody/nothing", json=body), 404, "not_found", "no such model")
    wrong = small.get("/v1/analyze")
    refused(wrong, 405, "not_allowed")
    assert wrong.headers["allow"] == "POST"
    refused(small.post("/admin/reload"), 404, "not_found")


def test_tasks_that_could_be_meant(small: TestClient):
    body: Asked = {"inputs": "a"}
    refused(small.post("/v1/token-classification", json=body), 422, "unprocessable", "nested, ner, pos")
    body["parameters"] = {"task": "net"}
    refused(small.post("/v1/token-classification", json=body), 422, "unprocessable", "no such task here")


def test_blanks_that_take_too_long():
    with TestClient(make_app(plan(PRETRAINED, max_work=2000))) as client:
        for text, top_k in (("the [MASK] runs", 100), ("[MASK:9] runs", 5)):
            answer = client.post("/v1/span-fill", json={"inputs": [text], "parameters": {"top_k": top_k}})
            assert answer.status_code == 200, answer.text
        saying = "inputs: takes some 8,844 tokens in all, of at most 2,000; narrow the lengths of the blanks"
        body = {"inputs": "[MASK:40] runs [MASK]", "parameters": {"top_k": 5}}
        refused(client.post("/v1/span-fill", json=body), 413, "too_large", saying)


def test_a_model_that_can_be_asked_nothing_is_not_served(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "has_mlm_head", lambda files: False)
    with (
        pytest.raises(InputError, match="a model that can be asked nothing"),
        TestClient(make_app(plan(PRETRAINED))),
    ):
        pass


def test_models_that_could_be_meant(tmp_path: Path):
    two = ServePlan(models=(*plan(JOINT).models, plan(JOINT).models[0].model_copy(update={"name": "again"})))
    with TestClient(make_app(two)) as client:
        body: Asked = {"inputs": "the king runs", "parameters": {"task": "ner"}}
        refused(
            client.post("/v1/token-classification", json=body), 422, "unprocessable", "name one as model; joint, again"
        )
        for name in ("joint", "again"):
            assert client.post("/v1/token-classification", json={**body, "model": name}).json()


def test_a_fault_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture):
    def broken(plan: ServePlan, place: Any) -> LoadedModel:
        loaded = load_place(plan, place)

        def fails(queries: Any) -> Any:
            raise RuntimeError("/secret/place")

        loaded.outcomes = fails  # type: ignore[method-assign]
        return loaded

    with TestClient(make_app(plan(JOINT), load=broken), raise_server_exceptions=False) as client:
        for _ in range(2):
            error = refused(client.post("/v1/analyze", json={"inputs": "a"}), 500, "internal")
            assert "secret" not in error
        assert client.get("/health").status_code == 200
    assert "/secret/place" in caplog.text


def test_ids_of_requests(small: TestClient):
    stated = small.get("/health", headers={"X-Request-ID": "abc-1"})
    assert stated.headers["x-request-id"] == "abc-1"
    odd = small.get("/health", headers={"X-Request-ID": "a b\u00e9".encode()})
    assert len(odd.headers["x-request-id"]) == 32


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text(f"# ours\n\n{KEY}\nweb: {OTHER}\n")
    return path


def test_keys(key_file: Path):
    asked: list[None] = []
    app = make_app(plan(PRETRAINED, keys=key_file), reload=lambda: asked.append(None))
    with TestClient(app) as client:
        body = {"inputs": "the [MASK] runs"}
        for headers in (
            {},
            {"authorization": "Bearer nope"},
            {"authorization": f"Basic {KEY}"},
            {"authorization": KEY},
        ):
            answer = client.post("/v1/fill-mask", json=body, headers=headers)
            refused(answer, 401, "unauthorized", "Authorization: Bearer KEY")
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/info", "/metrics"):
            refused(client.get(path), 401, "unauthorized")
        refused(client.post("/admin/reload"), 401, "unauthorized")
        for path in ("/health", "/ready", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        for key in (KEY, OTHER):
            assert (
                client.post("/v1/fill-mask", json=body, headers={"authorization": f"Bearer {key}"}).status_code == 200
            )
        assert client.post("/admin/reload", headers={"authorization": f"bearer {KEY}"}).status_code == 202
    assert len(asked) == 1


def test_clients_have_the_names_of_their_keys(key_file: Path):
    keys = Keys.read(key_file)
    assert [keys.client(f"Bearer {key}") for key in (KEY, OTHER, KEY + "k", "")] == ["key 3", "web", None, None]
    assert keys.client(None) is None


@pytest.mark.parametrize("content", [b"short\n", b"", b"\xff" * 20, None])
def test_keys_are_read_again_unless_they_are_broken(key_file: Path, content: bytes | None, caplog: Any):
    app = make_app(plan(PRETRAINED, keys=key_file))
    new = "n" * 20

    with TestClient(app) as client:

        def accepted(key: str) -> bool:
            return client.get("/info", headers={"authorization": f"Bearer {key}"}).status_code == 200

        assert [accepted(key) for key in (KEY, OTHER, new)] == [True, True, False]
        key_file.write_text(f"{KEY}\n{new}\n")
        asyncio.run(read_again(app))
        assert [accepted(key) for key in (KEY, OTHER, new)] == [True, False, True]
        assert not caplog.records
        if content is None:
            key_file.unlink()
        else:
            key_file.write_bytes(content)
        asyncio.run(read_again(app))
        assert [accepted(key) for key in (KEY, OTHER, new)] == [True, False, True], "the old ones stay"
        assert client.get("/info", headers={"authorization": f"Bearer {KEY}"}).json()["models"][0]["loads"] == 3
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("the keys were not read again, the old ones stay: ")
    assert "\n" not in said


@pytest.mark.parametrize(
    "content",
    [b"", b"# nothing\n", b"short\n", f"{KEY} {KEY}\n".encode(), b"\xff" * 20, f"web: a:{KEY}\n".encode(), f"web:{KEY}\n".encode(), ("é" * 20).encode()],
    ids=["empty", "comment", "short", "blank", "binary", "colon", "no blank", "no ascii"],
)  # fmt: skip
def test_files_without_good_keys(tmp_path: Path, content: bytes):
    path = tmp_path / "keys.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="key"):
        Keys.read(path)


def test_pages_of_other_origins_are_refused_unless_named(small: TestClient):
    asking = {"origin": "https://ours.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in small.options("/v1/analyze", headers=asking).headers
    assert "access-control-allow-origin" not in small.get("/health", headers=asking).headers
    with TestClient(make_app(plan(PRETRAINED, origins=("https://ours.example",)))) as client:
        allowed = client.options("/v1/fill-mask", headers=asking)
        assert allowed.headers["access-control-allow-origin"] == "https://ours.example"
        other = client.options("/v1/fill-mask", headers={**asking, "origin": "https://theirs.example"})
        assert "access-control-allow-origin" not in other.headers


def test_before_it_is_ready():
    app = make_app(plan(PRETRAINED))
    client = TestClient(app)  # has not started up
    refused(client.get("/ready"), 503, "unavailable")
    assert client.get("/health").json() == {"status": "ok"}


def test_errors_are_documented(client: TestClient):
    document = client.get("/openapi.json").json()
    assert document["components"]["schemas"]["ErrorBody"]["required"] == ["error", "error_type", "request_id"]
    for path, methods in document["paths"].items():
        if path.startswith(("/v1/", "/models/")):
            assert {"400", "401", "404", "408", "413", "422", "429", "500", "503"} <= methods["post"][
                "responses"
            ].keys()
            assert "application/x-ndjson" in methods["post"]["requestBody"]["content"]
    assert "HTTPValidationError" not in json.dumps(document)
