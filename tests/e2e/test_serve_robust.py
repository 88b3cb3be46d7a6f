"""A service under clients that ask too much, break off, flood it or send rubbish, and workers that are killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.serving import JOINT, PATIENCE, PRETRAINED, ended, service, workers

BODY = json.dumps({"inputs": "the [MASK] runs"}).encode()
START = b"POST /v1/fill-mask HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
LINES = START.replace(b"application/json", b"application/x-ndjson")
REQUEST = START + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A service that waits for nobody for long."""
    limits = ("header_time=0.2", "body_time=0.2", "max_body=1")
    with service(PRETRAINED, *(part for one in limits for part in ("--set", one))) as (process, client):
        client.post("/v1/fill-mask", content=BODY, headers={"content-type": "application/json"}).raise_for_status()
        yield process, client
        assert ended(process) == (0, ""), "nothing was told to the log"


def connected(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=PATIENCE)


def answer(connection: socket.socket) -> bytes:
    """All that the service says until it ends the connection."""
    said = b""
    try:
        while part := connection.recv(1 << 16):
            said += part
    except ConnectionResetError:  # it ended while something that it did not read was under way
        pass
    return said


def flood() -> bytes:
    return b"GET / HTTP/1.1\r\nhost: here\r\n" + b"".join(b"x-%d: %s\r\n" % (one, b"y" * 90) for one in range(2000))


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"", None),
        (b"POST /v1/fill-mask HT", 408),
        (START + b"x-more:", 408),
        (START + b"content-length: 100\r\n\r\n{", 408),
        (LINES + b"content-length: 100\r\n\r\n{", 408),
        (START + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n", 408),
        (START + b"content-length: 99999999\r\n\r\n{", 413),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400),
        (b"GET /health SPDY/9\r\n\r\n", 400),
        (START + b"transfer-encoding: chunked\r\n\r\nno number\r\n", 400),
        (flood(), 400),
    ],
    ids=["silent", "line", "headers", "body", "lines", "chunks", "large", "tls", "version", "malformed", "flood"],
)  # fmt: skip
def test_who_is_slow_or_sends_rubbish_is_cut_off(
    served: tuple[subprocess.Popen[str], httpx.Client], said: bytes, status: int | None
):
    _, client = served
    with connected(client) as connection:
        try:
            connection.sendall(said)
        except (BrokenPipeError, ConnectionResetError):
            assert status == 400
        found = answer(connection)
    if status is None:
        assert found == b""
    elif found or status != 400:  # who sends on after the end may not hear it
        head, _, body = found.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), head
        assert json.loads(body).keys() == {"error", "error_type", "request_id"}
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "said", [START, START + b"content-length: 100\r\n\r\n{", LINES + b"content-length: 100\r\n\r\n{", REQUEST],
    ids=["headers", "body", "lines", "whole"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["half", "whole", "reset"])
def test_who_breaks_off_does_no_harm(served: tuple[subprocess.Popen[str], httpx.Client], said: bytes, how: str):
    _, client = served
    connection = connected(client)
    connection.sendall(said)
    if how == "half":
        connection.shutdown(socket.SHUT_WR)
        answer(connection)
    elif how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    again = client.post("/v1/fill-mask", content=BODY, headers={"content-type": "application/json"})
    assert again.status_code == 200


def test_two_hundred_clients_are_answered_or_refused():
    limits = ("connections=64", "queue_inputs=200", "batch_tokens=50", "time_limit=600")
    with service(PRETRAINED, *(part for one in limits for part in ("--set", one))) as (process, client):
        client.get("/ready").raise_for_status()
        one, many = BODY, json.dumps({"inputs": ["the [MASK] runs"] * 20}).encode()
        crowd = asyncio.run(asked_at_once(client, [one] * 200))
        assert crowd.keys() == {200, 503}
        assert client.get("/health").status_code == 200, "the service knows by now that the others are gone"
        found = asyncio.run(asked_at_once(client, [many] * 40))
        assert found.keys() == {200, 429}
        client.get("/health").raise_for_status()
        after = client.post("/v1/fill-mask", content=one, headers={"content-type": "application/json"})
        assert after.status_code == 200
        assert ended(process) == (0, "")


async def asked_at_once(client: httpx.Client, bodies: list[bytes]) -> Counter[int]:
    """Connects for each body, then sends them all; how many answers had which status."""
    host, port = client.base_url.host, client.base_url.port
    connections = [await asyncio.open_connection(host, port) for _ in bodies]

    async def asked(body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(START + b"content-length: %d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        said: Any = json.loads(await reader.readexactly(int(length[1])))
        if status != 200:
            assert b"retry-after: " in head.lower()
            assert said.keys() == {"error", "error_type", "request_id"}
        return status

    statuses = await asyncio.gather(
        *(asked(body, *connection) for body, connection in zip(bodies, connections, strict=True))
    )
    for _, writer in connections:
        writer.close()
    return Counter(statuses)


def test_a_worker_that_is_killed_loses_its_own_requests_alone():
    with service(PRETRAINED, "--workers", 2, "--threads", 1) as (process, client):
        of_worker: dict[int, socket.socket] = {}
        while len(of_worker) < 2:
            connection = connected(client)
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: here\r\n\r\n")
            said = b""
            while not said.endswith(b"}"):
                said += connection.recv(1 << 16)
            assert said.startswith(b"HTTP/1.1 200 ")
            of_worker.setdefault(owner(process, connection), connection)
        body = json.dumps({"inputs": ["the [MASK] runs"] * 1000}).encode()
        for connection in of_worker.values():
            connection.sendall(START + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        killed, other = of_worker
        os.kill(killed, signal.SIGKILL)
        assert answer(of_worker[killed]) == b""
        head, _, found = answer(of_worker[other]).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(found)) == 1000
        assert process.stderr is not None
        assert process.stderr.readline() == f"worker {killed} ended by signal 9; another one takes its place\n"
        while "spanbert_worker_starts_total 3.0" not in client.get("/metrics").text:
            assert process.poll() is None
        assert ended(process) == (0, "")


def owner(process: subprocess.Popen[str], connection: socket.socket) -> int:
    """The worker at the other end of a connection."""
    port = connection.getsockname()[1]
    [found] = [
        pid
        for pid in workers(process)
        if any(one.raddr and one.raddr.port == port for one in psutil.Process(pid).net_connections("tcp"))
    ]
    return found


def has_started(worker: int) -> bool:
    """Whether a worker has loaded its models: from then on it hears SIGHUP."""
    status = Path(f"/proc/{worker}/status").read_text()
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught, 16) & 1 << (signal.SIGHUP - 1))


def test_a_worker_that_cannot_come_back_does_not_end_the_others(tmp_path: Path):
    bundle = tmp_path / "bundle"
    shutil.copytree(PRETRAINED, bundle)
    with service(bundle, "--workers", 2, "--threads", 1) as (process, client):

        def asked() -> httpx.Response | None:
            try:
                with httpx.Client(base_url=client.base_url, timeout=PATIENCE) as one:
                    return one.post("/v1/fill-mask", json={"inputs": "the [MASK] runs"})
            except httpx.TransportError:  # of the worker that was killed
                return None

        before = asked()
        assert before is not None
        before.raise_for_status()
        while not all(map(has_started, workers(process))):
            asked()
        (bundle / "spanbert.json").rename(bundle / "away.json")
        (bundle / "config.json").rename(bundle / "gone.json")
        first, second = workers(process)
        os.kill(first, signal.SIGKILL)
        assert process.stderr is not None
        assert process.stderr.readline() == f"worker {first} ended by signal 9; another one takes its place\n"
        assert process.stderr.readline().startswith("a worker cannot start, and is tried again: ")
        answered = asked()
        assert answered is not None
        assert answered.json() == before.json()
        (bundle / "away.json").rename(bundle / "spanbert.json")
        (bundle / "gone.json").rename(bundle / "config.json")
        os.kill(second, signal.SIGKILL)
        while (answered := asked()) is None:
            pass
        assert answered.json() == before.json()
        assert ended(process)[0] == 0


def test_a_worker_that_cannot_start_says_why_in_one_line():
    command = [sys.executable, "-m", "spanbert", "serve", str(JOINT), "--port", "0", "--device", "cuda:99"]
    done = subprocess.run([*command, "--workers", "2"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("spanbert: error: --device: ")
