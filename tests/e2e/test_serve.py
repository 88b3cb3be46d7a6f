"""`spanbert serve` as a process: its answers, its end, what it refuses before it starts."""

from __future__ import annotations

import os
import re
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import spanbert
from tests.serving import JOINT, KEY, PATIENCE, PRETRAINED, ended, service, workers

TEXT = "the old king sleeps. the queen runs"


def test_a_service_from_beginning_to_end(tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text(KEY + "\n")
    nlp, blanks = spanbert.load(JOINT), spanbert.load(PRETRAINED)
    doc = nlp(TEXT)
    with service(JOINT, f"blanks={PRETRAINED}", "--api-keys", keys) as (process, client):

        def ask(slug: str, inputs: Any, **parameters: Any) -> Any:
            answer = client.post(f"/v1/{slug}", json={"inputs": inputs, "parameters": parameters})
            assert answer.status_code == 200, answer.text
            return answer.json()

        near = pytest.approx
        found = ask("token-classification", TEXT, task="ner")
        assert [(one["start"], one["end"], one["entity_group"]) for one in found] == [
            (one.start, one.end, one.label) for one in doc["ner"].spans
        ]
        labels = ask("text-classification", TEXT, task="sent")
        assert {one["label"]: one["score"] for one in labels} == near(dict(doc["sent"].scores), abs=1e-5)
        answer = ask("question-answering", {"question": "who", "context": TEXT}, handle_impossible_answer=False)
        assert answer["answer"] == nlp.ask("who", TEXT).answering.candidates[0].text
        clusters = ask("coreference-resolution", TEXT)["clusters"]
        assert [len(one["mentions"]) for one in clusters] == [len(one) for one in doc.clusters]
        assert [one["label"] for one in ask("relation-extraction", TEXT)] == [one.label for one in doc.relations]
        assert [one["sequence"] for one in ask("span-fill", "the [MASK:2] runs", top_k=2)] == [
            one.text for one in blanks.fill("the [MASK:2] runs", top_k=2)
        ]
        assert len(ask("analyze", TEXT)["entities"]) == len(doc.entities)
        assert client.get("/info").json()["models"][1]["name"] == "blanks"

        assert client.post("/admin/reload").status_code == 202
        while 'spanbert_reloads_total{model="blanks",outcome="swapped"} 1.0' not in client.get("/metrics").text:
            assert ask("analyze", TEXT)["tags"], "answers go on while models are loaded"
        assert client.get("/info").json()["models"][0]["loads"] == 2

        code, err = ended(process)
    assert (code, err) == (0, "")


def test_keys_are_read_again_by_every_worker(tmp_path: Path):
    keys, old, new = tmp_path / "keys.txt", "o" * 20, "n" * 20
    keys.write_text(f"{KEY}\n{old}\n")
    with service(PRETRAINED, "--workers", 2, "--threads", 1, "--api-keys", keys) as (process, client):

        def answers(key: str) -> set[int]:
            """Of workers that several new connections come to."""
            headers = {"authorization": f"Bearer {key}"}
            return {
                httpx.get(f"{client.base_url}/info", headers=headers, timeout=PATIENCE).status_code for _ in range(12)
            }

        def reloaded(times: int) -> None:
            while f'spanbert_reloads_total{{model="pretrained",outcome="swapped"}} {times}.0' not in figures(client):
                assert process.poll() is None

        assert (answers(old), answers(new)) == ({200}, {401})
        keys.write_text(f"{KEY}\n{new}\n")
        process.send_signal(signal.SIGHUP)
        reloaded(2)
        assert (answers(old), answers(new)) == ({401}, {200})
        keys.write_text("broken\n")
        process.send_signal(signal.SIGHUP)
        reloaded(4)
        assert (answers(old), answers(new)) == ({401}, {200})
        code, err = ended(process)
    assert code == 0
    told = err.splitlines()
    assert len(told) == 2, "a line of each worker"
    assert all(line.startswith("the keys were not read again, the old ones stay: ") for line in told)


def figures(client: httpx.Client) -> str:
    return client.get("/metrics").text


def test_requests_are_answered_before_it_ends():
    with service(JOINT, "--set", "batch_tokens=200", "--set", "time_limit=600") as (process, client):
        texts = [f"{'the old king sleeps ' * 10}{number}" for number in range(60)]
        assert client.get("/ready").status_code == 200
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(client.post("/v1/analyze", json={"inputs": texts})))
        with httpx.Client(base_url=client.base_url, timeout=PATIENCE) as other:
            asking.start()
            waiting = re.compile(r'spanbert_queue_texts\{model="joint"\} [1-9]')
            while not waiting.search(other.get("/metrics").text):
                assert not answers, "answered before anybody could look"
        code, err = ended(process)
        asking.join(PATIENCE)
    assert (code, err) == (0, "")
    assert [one.status_code for one in answers] == [200], answers[0].text
    assert len(answers[0].json()) == len(texts)


def test_a_worker_that_is_killed_comes_back():
    with service(PRETRAINED) as (process, client):
        body = {"inputs": "the [MASK] runs"}
        before = client.post("/v1/fill-mask", json=body).json()
        [worker] = workers(process)
        os.kill(worker, signal.SIGKILL)
        again = None
        while again is None:
            try:
                again = client.post("/v1/fill-mask", json=body)
            except httpx.TransportError:  # the connection that the worker had, or none in its place yet
                continue
        assert again.json() == before
        process.kill()  # and with it all its workers
        with pytest.raises(httpx.ConnectError):
            while True:
                with suppress(httpx.ReadError, httpx.RemoteProtocolError):  # of a worker that is about to end
                    httpx.get(client.base_url, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{nowhere}"], "nowhere"),
        (["{joint}", "{joint}"], "two bundles of the same name"),
        (["{joint}", "--api-keys", "{nowhere}"], "nowhere"),
        (["{joint}", "--set", "max_lenght=5"], "did you mean 'max_length'"),
        (["{joint}", "--host", "256.0.0.1"], "cannot listen"),
        (["{joint}", "--device", "abacus"], "no such device"),
    ],
)
def test_what_is_refused_before_it_starts(cli, arguments: list[str], message: str, tmp_path: Path):
    places = {"joint": JOINT, "nowhere": tmp_path / "nowhere"}
    code, _, err = cli("serve", *(one.format(**places) for one in arguments))
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_figures_of_all_workers():
    with service(PRETRAINED, "--workers", 2, "--threads", 1) as (process, client):
        for _ in range(6):
            with httpx.Client(base_url=client.base_url, timeout=PATIENCE) as one:
                assert one.post("/v1/fill-mask", json={"inputs": "the [MASK] runs"}).status_code == 200
        counted = re.findall(
            r'^spanbert_requests_total\{route="/v1/fill-mask",status="200"\} (\d+)',
            client.get("/metrics").text,
            flags=re.M,
        )
        assert counted == ["6"]
        assert ended(process)[0] == 0
