"""Connections of clients that are slow, that break off, or that do not speak HTTP; the test says when time is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.guard import CROWDED
from spanbert.apps.serve.protocol import Connection
from spanbert.apps.serve.supervisor import bound

LIMITS = ServeConfig(header_time=7.0, body_time=11.0, connections=2)
HEADERS = b"POST /v1/x HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n"
REQUEST = HEADERS + b"\r\n1234"


class Timer:
    def __init__(self, delay: float, callback: Callable[[], None]) -> None:
        self.delay, self.callback, self.cancelled = delay, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class Transport:
    """What the server wrote, and whether the connection was ended."""

    def __init__(self) -> None:
        self.written, self.closed, self.aborted = b"", False, False
        self.untaken = 0

    def get_write_buffer_size(self) -> int:
        return self.untaken

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> None:
        return None

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Bench:
    """A connection to an app that reads bodies, or answers at once."""

    def __init__(self, *, reads: bool = True, before: int = 0) -> None:
        self.timers: list[Timer] = []
        self.states: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self._reads = reads
        self.answer = self._app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self.answer(scope, receive, send)

        config = Config(app, interface="asgi3", ws="none", log_level="error")
        config.load()
        state = ServerState()
        state.connections |= {object() for _ in range(before)}  # type: ignore[misc]  # they are counted alone
        self.transport = Transport()
        self.connection = Connection(limits=LIMITS, config=config, server_state=state, app_state={}, _loop=self)
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay, callback))
        return self.timers[-1]

    def create_task(self, work: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.states.append(scope["state"])
        more, body = self._reads, b""
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    def waits(self, delay: float) -> list[Timer]:
        """Timers of this delay that still run."""
        return [timer for timer in self.timers if timer.delay == delay and not timer.cancelled]

    async def sends(self, data: bytes) -> None:
        self.connection.data_received(data)
        for _ in range(5):
            await asyncio.sleep(0)

    def refused(self, status: int, error_type: str) -> None:
        head, _, body = self.transport.written.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), head
        assert json.loads(body)["error_type"] == error_type
        assert json.loads(body).keys() == {"error", "error_type", "request_id"}
        assert self.transport.closed


def run(test: Callable[[Bench], Any], **settings: Any) -> None:
    async def whole() -> None:
        await test(Bench(**settings))

    asyncio.run(whole())


def test_answers_are_sent_at_once(monkeypatch: pytest.MonkeyPatch):
    """Else the kernel keeps the body of an answer until the client has confirmed its headers, some 40 ms."""
    with (
        bound("127.0.0.1", 0) as listening,
        create_connection(listening.getsockname()) as _,
        listening.accept()[0] as own,
    ):
        assert not own.getsockopt(IPPROTO_TCP, TCP_NODELAY), "asyncio leaves such a socket as it is"
        monkeypatch.setattr(Transport, "get_extra_info", lambda self, name: own if name == "socket" else None)

        async def connected() -> None:
            Bench()

        asyncio.run(connected())
        assert own.getsockopt(IPPROTO_TCP, TCP_NODELAY)


def test_headers_have_their_time_from_the_first_moment():
    async def test(bench: Bench) -> None:
        [timer] = bench.waits(LIMITS.header_time)
        for byte in HEADERS:
            await bench.sends(bytes([byte]))
            assert bench.waits(LIMITS.header_time) == [timer], "a byte gives no new time"
        timer.callback()
        bench.refused(408, "slow")

    run(test)


def test_who_says_nothing_is_told_nothing():
    async def test(bench: Bench) -> None:
        [timer] = bench.waits(LIMITS.header_time)
        timer.callback()
        assert bench.transport.closed
        assert bench.transport.written == b""

    run(test)


def test_requests_that_come_end_the_wait_and_further_ones_have_it_anew():
    async def test(bench: Bench) -> None:
        for number in (1, 3):
            await bench.sends(REQUEST)
            assert bench.waits(LIMITS.header_time) == []
            assert bench.transport.written.count(b"200 OK") == number
            await bench.sends(HEADERS)
            assert len(bench.waits(LIMITS.header_time)) == 1
            await bench.sends(b"\r\n1234")
        assert bench.waits(LIMITS.header_time) == []
        assert not bench.transport.closed

    run(test)


def test_the_rest_of_a_body_that_was_answered_has_its_time():
    async def test(bench: Bench) -> None:
        await bench.sends(HEADERS + b"\r\n1")
        assert b"200 OK" in bench.transport.written
        [timer] = bench.waits(LIMITS.header_time)
        await bench.sends(b"2")
        assert bench.waits(LIMITS.header_time) == [timer]
        await bench.sends(b"34")
        assert timer.cancelled, "it has all come"
        [next_headers] = bench.waits(LIMITS.header_time)
        await bench.sends(HEADERS + b"\r\n1")
        assert next_headers.cancelled
        [timer] = bench.waits(LIMITS.header_time)
        timer.callback()
        assert bench.transport.closed
        assert bench.transport.written.count(b"HTTP/1.1") == 2, "no third answer"

    run(test, reads=False)


def test_who_takes_up_nothing_is_cut_off():
    async def test(bench: Bench) -> None:
        bench.connection.pause_writing()
        [timer] = bench.waits(LIMITS.body_time)
        bench.connection.resume_writing()
        assert bench.waits(LIMITS.body_time) == []
        bench.connection.pause_writing()
        [timer] = bench.waits(LIMITS.body_time)
        timer.callback()
        assert bench.transport.aborted

    run(test)


def test_who_takes_up_a_large_answer_steadily_is_not_cut_off():
    async def test(bench: Bench) -> None:
        bench.transport.untaken = 5_000_000
        bench.connection.pause_writing()
        for left in (4_000_000, 1_000_000, 999_999):
            bench.transport.untaken = left
            bench.timers[-1].callback()
            assert not bench.transport.aborted
        bench.connection.resume_writing()
        assert bench.timers[-1].cancelled
        bench.connection.pause_writing()
        bench.timers[-1].callback()
        assert bench.transport.aborted, "nothing was taken up"

    run(test)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: here\r\n" + b"".join(b"x-%d: %s\r\n" % (one, b"y" * 100) for one in range(1000)),
        b"GET / HTTP/1.1\r\nhost: here\r\n" + b"x: %s\r\n" % (b"y" * 1000) * 100 + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: here\r\nx" + b"y" * 100_000,
        b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\nhost: here\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: here\r\nhost: there\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"GET / HTTP/3.1\r\nhost: here\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT here:80 HTTP/1.1\r\nhost: here\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: here\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\nno number\r\n",
    ],
    ids=[
        "tls", "no request", "no host", "header flood", "whole header flood", "endless name", "long address", "two hosts",
        "version 0.9", "version 3.1", "version 2", "a proxy", "address", "two lengths", "length and chunks", "length",
        "chunks",
    ],
)  # fmt: skip
def test_what_is_not_http(said: bytes):
    async def test(bench: Bench) -> None:
        await bench.sends(said)
        bench.refused(400, "malformed")
        assert bench.waits(LIMITS.header_time) == []

    run(test)


def test_rubbish_after_an_answer_has_begun_ends_the_connection():
    async def test(bench: Bench) -> None:
        await bench.sends(b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n")
        assert bench.transport.written.count(b"HTTP/1.1") == 1
        await bench.sends(b"no number\r\n")
        assert bench.transport.closed
        assert bench.transport.written.count(b"HTTP/1.1") == 1

    run(test, reads=False)


def test_headers_after_a_body_are_not_kept_and_have_their_bound():
    chunks = b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"

    async def few(bench: Bench) -> None:
        await bench.sends(chunks + b"checksum: 1\r\n\r\n" + REQUEST)
        assert bench.transport.written.count(b"200 OK") == 2
        assert not bench.transport.closed

    async def flood(bench: Bench) -> None:
        await bench.sends(chunks)
        for _ in range(100):
            await bench.sends(b"x: %s\r\n" % (b"y" * 1000))
            if bench.transport.closed:
                break
        bench.refused(400, "malformed")

    run(few)
    run(flood)


def test_requests_in_one_go_are_answered_in_their_order():
    async def test(bench: Bench) -> None:
        await bench.sends(3 * REQUEST + HEADERS)
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.transport.written.count(b"200 OK") == 3
        assert not bench.transport.closed
        await bench.sends(b"\r\n1234")
        assert bench.transport.written.count(b"200 OK") == 4

    run(test)


def test_offers_of_another_protocol_are_not_taken_up():
    """Clients of Java make one with every request, such with a body among them."""
    offer = HEADERS + b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAA\r\n"

    async def test(bench: Bench) -> None:
        for part in (offer, b"\r\n12", b"34", offer + b"\r\n5678" + REQUEST):
            await bench.sends(part)
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.bodies == [b"1234", b"5678", b"1234"]
        assert bench.transport.written.count(b"200 OK") == 3
        assert not bench.transport.closed

    async def many(bench: Bench) -> None:
        await bench.sends(2000 * (b"GET / HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"))
        for _ in range(20_000):
            await asyncio.sleep(0)
        assert bench.transport.written.count(b"200 OK") == 2000

    run(test)
    run(many)


def test_what_came_before_rubbish_is_answered():
    async def test(bench: Bench) -> None:
        await bench.sends(2 * REQUEST + b"GET\r\n\r\n")
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.transport.written.count(b"200 OK") == 2
        assert bench.transport.written.count(b"HTTP/1.1") == 2, "and nothing else"
        assert bench.transport.closed

    run(test)


def test_a_request_is_told_that_its_client_has_gone_though_another_one_waits_behind_it():
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        told.append((await receive())["type"])

    async def test(bench: Bench) -> None:
        bench.answer = app
        await bench.sends(2 * REQUEST)
        assert told == []
        bench.transport.close()
        bench.connection.connection_lost(None)
        for _ in range(5):
            await asyncio.sleep(0)
        assert told == ["http.disconnect"]

    run(test)


def test_connections_too_many_are_known():
    async def test(bench: Bench) -> None:
        await bench.sends(REQUEST)
        assert bench.states == [{CROWDED: True}]

    async def room(bench: Bench) -> None:
        await bench.sends(REQUEST)
        assert bench.states == [{}]

    run(test, before=LIMITS.connections)
    run(room, before=LIMITS.connections - 1)


def test_nothing_is_left_of_a_connection_that_is_gone():
    async def test(bench: Bench) -> None:
        bench.connection.pause_writing()
        bench.connection.connection_lost(None)
        assert bench.waits(LIMITS.header_time) == bench.waits(LIMITS.body_time) == []

    run(test)
