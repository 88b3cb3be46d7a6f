"""Lines of JSON, clients that go away, models that are loaded again, figures, and the pages about the service."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from spanbert.apps.serve.app import make_app, read_again
from spanbert.apps.serve.bulk import answer_lines
from spanbert.apps.serve.config import ModelPlace, ServePlan, model_places
from spanbert.apps.serve.metrics import Metrics
from spanbert.apps.serve.models import LoadedModel, load_place
from spanbert.apps.serve.ray import ClusterPlan, build
from spanbert.apps.serve.service import Service, operations
from spanbert.core.errors import InputError
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.service import Parameters
from tests.unit.apps.serve.conftest import JOINT, PRETRAINED, plan
from tests.word_count.result import WordCount
from tests.word_count.spec import WORDS

LINES = {"content-type": "application/x-ndjson"}


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_lines_in_and_out(client: TestClient):
    texts = [f"the king {'runs ' * (number % 7)}" for number in range(150)]
    body = "\n".join(
        json.dumps({"id": number, "inputs": text, "parameters": {"task": "ner"}}) for number, text in enumerate(texts)
    )
    found = lines(client.post("/v1/token-classification", content=body, headers=LINES))
    assert [one["line"] for one in found] == list(range(1, 151))
    assert [one["id"] for one in found] == list(range(150))
    together = client.post("/v1/token-classification", json={"inputs": texts, "parameters": {"task": "ner"}}).json()
    assert [[part["start"] for part in one["outputs"]] for one in found] == [
        [part["start"] for part in one] for one in together
    ]


def test_errors_by_line(client: TestClient):
    body = b'{"inputs": "the king"}\nnope\n\n[1]\n{"inputs": 5}\n{"inputs": ["a", "b"]}\r\n{"inputs": "\\ud800"}\n\xff\n{"inputs":'
    found = lines(client.post("/models/joint/analyze", content=body, headers=LINES))
    assert [(one["line"], one.get("error_type", "fine")) for one in found] == [
        (1, "fine"), (2, "malformed"), (4, "unprocessable"), (5, "unprocessable"), (6, "fine"), (7, "unprocessable"),
        (8, "malformed"), (9, "malformed"),
    ]  # fmt: skip
    assert len(found[4]["outputs"]) == 2
    wrong = lines(client.post("/v1/analyze", content=b'{"inputs": "a", "model": "nobody"}', headers=LINES))
    assert wrong[0]["error_type"] == "not_found"
    assert lines(client.post("/v1/analyze", content=b"", headers=LINES)) == []


def test_a_fault_ends_its_line_alone(caplog: pytest.LogCaptureFixture):
    async def ask(body: Any) -> Any:
        if body.task == "bad":
            raise RuntimeError("/secret/place")
        return body.task

    async def test() -> list[Any]:
        body = b'{"task": "a"}\n{"task": "bad"}\n{"task": "c"}'
        return [json.loads(line) async for line in answer_lines(body, Parameters, ask, request_id="r-1")]

    assert asyncio.run(test()) == [
        {"line": 1, "outputs": "a"},
        {"line": 2, "error": "a fault of the service; its log says more", "error_type": "internal"},
        {"line": 3, "outputs": "c"},
    ]
    assert "/secret/place" in caplog.text
    assert caplog.messages == ["request r-1: line 2 failed"]


class Held:
    """A model that computes when it is let go on, and says what it computed."""

    def __init__(self) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.computed: list[str] = []

    def __call__(self, plan: ServePlan, place: ModelPlace) -> LoadedModel:
        loaded = load_place(plan, place)
        inner = loaded.outcomes

        def outcomes(queries: Any) -> Any:
            self.begun.set()
            assert self.goes_on.wait(60)
            self.computed += [query.payload.text for query in queries]
            return inner(queries)

        loaded.outcomes = outcomes  # type: ignore[method-assign]
        return loaded


async def post(app: Any, path: str, body: Any, gone: asyncio.Event, *, lines: bool = False) -> list[Any]:
    """Posts to an application, as a client that goes away when the event is set; what it was sent until then."""
    sent: list[Any] = []
    content = body if lines else json.dumps(body).encode()
    kind = LINES["content-type"].encode() if lines else b"application/json"
    received = iter([{"type": "http.request", "body": content, "more_body": False}])

    async def receive() -> Any:
        for message in received:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "scheme": "http", "http_version": "1.1", "headers": [(b"content-type", kind)],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "asgi": {"version": "3.0"}, "extensions": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


def test_who_goes_away_costs_nothing():
    held = Held()
    app = make_app(plan(JOINT), load=held)

    async def test() -> None:
        async with app.router.lifespan_context(app):
            first_gone, gone, stays = asyncio.Event(), asyncio.Event(), asyncio.Event()
            first = asyncio.create_task(post(app, "/v1/analyze", {"inputs": "first"}, first_gone))
            await asyncio.to_thread(held.begun.wait, 60)
            second = asyncio.create_task(post(app, "/v1/analyze", {"inputs": ["gone", "gone too"]}, gone))
            third = asyncio.create_task(post(app, "/v1/analyze", {"inputs": "stays"}, stays))
            queue = app.state.service.models["joint"].batcher._queue
            while queue.count < 3:
                await asyncio.sleep(0)
            gone.set()
            await second
            assert queue.count == 1
            held.goes_on.set()
            for answered in await asyncio.gather(first, third):
                assert answered[0]["status"] == 200

    asyncio.run(test())
    assert held.computed == ["first", "stays"]


def test_what_nobody_waits_for_any_more_is_not_read_on():
    """A text of many windows whose client goes away while the first ones are read."""
    gone, app = asyncio.Event(), make_app(plan(JOINT))
    read: list[float] = []

    async def test() -> None:
        async with app.router.lifespan_context(app):
            loop, loaded = asyncio.get_running_loop(), app.state.service.models["joint"].loaded
            inner, let_go = loaded.pipeline.predict, threading.Event()

            def predict(documents: Any, *, progress: Any, **settings: Any) -> Any:
                def told(share: float) -> None:
                    read.append(share)
                    if share:
                        loop.call_soon_threadsafe(gone.set)
                        assert let_go.wait(60)
                    progress(share)

                return inner(documents, progress=told, **settings)

            loaded.pipeline.predict = predict
            body = {"inputs": "the king runs. " * 2000, "parameters": {"task": "ner"}}
            asked = await post(app, "/v1/token-classification", body, gone)
            let_go.set()
            assert asked[0]["status"] == 499

    asyncio.run(test())
    assert len(read) == 2
    assert 0 < read[1] < 1


def test_who_has_no_answer_when_the_time_to_drain_is_over_is_told_to_come_again():
    held = Held()
    app = make_app(plan(JOINT), load=held)

    async def test() -> None:
        async with app.router.lifespan_context(app):
            asked = asyncio.create_task(post(app, "/v1/analyze", {"inputs": "first"}, asyncio.Event()))
            await asyncio.to_thread(held.begun.wait, 60)
            asked.cancel()  # as uvicorn does
            start, body = await asked
            held.goes_on.set()
        assert start["status"] == 503
        assert (b"retry-after", b"1") in start["headers"]
        assert json.loads(body["body"])["error_type"] == "unavailable"

    asyncio.run(test())


def test_lines_end_with_an_error_when_the_time_to_drain_is_over():
    held = Held()
    app = make_app(plan(JOINT), load=held)

    async def test() -> None:
        async with app.router.lifespan_context(app):
            body = b'\n{"inputs": "first"}\n{"inputs": "second"}'
            asked = asyncio.create_task(post(app, "/v1/analyze", body, asyncio.Event(), lines=True))
            await asyncio.to_thread(held.begun.wait, 60)
            asked.cancel()
            start, told, end = await asked
            held.goes_on.set()
        assert start["status"] == 200
        line = {"line": 2, "error": "the service is ending", "error_type": "unavailable"}
        assert json.loads(told["body"]) == line
        assert end == {"type": "http.response.body", "body": b"", "more_body": False}

    asyncio.run(test())


def test_models_are_loaded_again_beside_the_old_ones():
    """Requests that are being computed end with the old model; the next ones are answered by the new one."""
    loads: list[str] = []
    held = Held()

    def load(plan: ServePlan, place: ModelPlace) -> LoadedModel:
        loads.append(place.name)
        return held(plan, place) if len(loads) == 1 else load_place(plan, place)

    service = Service(plan(JOINT), Metrics(), load)
    [analyze] = [one for one in operations() if one.slug == "analyze"]

    async def asked(text: str) -> Any:
        return await service.answer(analyze, None, text, analyze.parameters(), client="a")

    async def test() -> None:
        await service.start()
        old = service.models["joint"].loaded
        running = asyncio.create_task(asked("the king"))
        await asyncio.to_thread(held.begun.wait, 60)
        await service.reload()
        assert service.models["joint"].loaded is not old
        later = asyncio.create_task(asked("the fox"))
        held.goes_on.set()
        assert (await running)["tags"]
        assert (await later)["tags"]
        await service.stop()

    asyncio.run(test())
    assert held.computed == ["the king"]
    assert b'spanbert_reloads_total{model="joint",outcome="swapped"} 1.0' in service.metrics.text()


@pytest.mark.parametrize("broken", ["raises", "lacks", "other kind", "no memory"])
def test_a_model_that_cannot_be_loaded_again_stays(broken: str, caplog: pytest.LogCaptureFixture):
    loads: list[str] = []

    def load(plan: ServePlan, place: ModelPlace) -> LoadedModel:
        loads.append(place.name)
        if len(loads) > 1 and broken == "raises":
            raise InputError("damaged", where=place.path)
        if len(loads) > 1 and broken == "no memory":
            raise RuntimeError("CUDA out of memory\nTried to allocate")
        if len(loads) > 1 and broken == "other kind":
            loaded = load_place(plan, place)
            loaded.pipeline.tasks["ner"], loaded.pipeline.tasks["sent"] = (
                loaded.pipeline.tasks[name] for name in ("sent", "ner")
            )
            return LoadedModel(loaded.pipeline)
        return load_place(plan, place if len(loads) == 1 else ModelPlace(name="joint", path=str(PRETRAINED)))

    service = Service(plan(JOINT), Metrics(), load)

    async def test() -> None:
        await service.start()
        old = service.models["joint"].loaded
        await service.reload()
        assert service.models["joint"].loaded is old
        await service.stop()

    asyncio.run(test())
    [said] = caplog.messages
    assert said.startswith("joint was not loaded again: ")
    assert "\n" not in said
    assert ("ner (tag, token-classification)" in said) == (broken in ("lacks", "other kind"))
    assert b'outcome="failed"} 1.0' in service.metrics.text()


def test_a_task_that_comes_with_a_reload_can_be_asked():
    places = [PRETRAINED, JOINT]

    def load(plan: ServePlan, place: ModelPlace) -> LoadedModel:
        loaded = load_place(plan, ModelPlace(name="it", path=str(places.pop(0))))
        loaded.fills = True  # which the new one would have to go on with
        return loaded

    app = make_app(ServePlan(models=(ModelPlace(name="it", path=str(PRETRAINED)),)), load=load)
    body = {"inputs": "the king", "parameters": {"task": "ner"}}
    with TestClient(app) as client:
        document = client.get("/openapi.json").json()
        assert "/v1/token-classification" not in document["paths"]
        assert "/v1/span-fill" in document["paths"]
        assert not [name for name in document["components"]["schemas"] if "TokenClassification" in name]
        absent = client.post("/v1/token-classification", json=body)
        assert (absent.status_code, absent.json()["error_type"]) == (404, "not_found")
        assert absent.json()["error"] == "no such task here; there is fill-mask, span-fill"
        asyncio.run(read_again(app))
        for path in ("/v1/token-classification", "/models/it/token-classification"):
            assert client.post(path, json=body).json()[0]["word"] == "king"
        document = client.get("/openapi.json").json()
        assert {"/v1/token-classification", "/models/{name}/token-classification/drawing"} <= document["paths"].keys()
        assert "TokenClassificationRequest" in document["components"]["schemas"]


def test_threads_that_loaded_a_model_are_gone_when_others_compute():
    """OpenMP keeps threads for each of them, and all wait less busily then."""
    loading: list[threading.Thread] = []

    def load(plan: ServePlan, place: ModelPlace) -> LoadedModel:
        loading.append(threading.current_thread())
        return load_place(plan, place)

    app = make_app(plan(JOINT), load=load)
    with TestClient(app):
        asyncio.run(read_again(app))
        assert len(set(loading)) == 2
        for thread in loading:
            thread.join(timeout=30)
            assert not thread.is_alive()


def test_what_is_served(client: TestClient, nlp: Pipeline):
    info = client.get("/info").json()
    assert [one["name"] for one in info["models"]] == ["joint", "pretrained"]
    asks = {"name": "asks", "kind": "qa", "route": "question-answering", "explained": True}
    assert asks in info["models"][0]["tasks"]
    assert info["models"][1]["routes"] == ["fill-mask", "span-fill"]
    assert info["models"][0]["device"] == str(nlp.device)
    assert str(JOINT) not in json.dumps(info)


def test_figures(client: TestClient):
    client.post("/v1/analyze", json={"inputs": "the king"})
    client.get("/wp-login.php")
    text = client.get("/metrics").text
    assert re.search(r'^spanbert_requests_total\{route="/v1/analyze",status="200"\} [1-9]', text, flags=re.MULTILINE)
    assert 'spanbert_requests_total{route="none",status="404"}' in text
    assert "wp-login" not in text
    assert 'spanbert_queue_texts{model="joint"} 0.0' in text
    assert re.search(r'^spanbert_batch_texts_count\{model="joint"\} [1-9]', text, flags=re.MULTILINE)


def test_the_page_of_addresses_asks_nobody_else(client: TestClient):
    page = client.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"<script|https?:|//|@import|url\(", page.text.partition("</style>")[2].replace("://", ":"))
    assert page.text.startswith("<!doctype html>")
    document = client.get("/openapi.json").json()
    for path in document["paths"]:
        assert path in page.text


def test_names_of_models(tmp_path: Path):
    (tmp_path / "my model").mkdir()
    assert [one.name for one in model_places([str(JOINT), f"ours={PRETRAINED}"])] == ["joint", "ours"]
    for stated in ([str(tmp_path / "my model")], [str(JOINT), str(JOINT)], [f"={JOINT}"]):
        with pytest.raises(InputError, match="NAME=PATH"):
            model_places(stated)


def test_a_kind_without_a_service_is_asked_by_texts_and_answers_with_records():
    service = WORDS.serving()
    document = service.document("two words", where="inputs", place=lambda text, place: place)
    assert (service.slug, service.input, document.text) == ("words", str, "two words")
    assert service.answer("two words", WordCount(words=2), Parameters()) == {"words": 2}


def test_a_cluster_without_ray(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Ray is not installed. pip install 'spanbert\[scale\] @ "):
        build(ClusterPlan(bundles=["names"]))


def test_who_supervises_loads_no_model():
    code = "import sys, spanbert.apps.serve.supervisor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
