"""A connection to a worker, which neither slow clients nor such as do not speak HTTP can hold for long.

uvicorn reads HTTP by httptools, whose parser is that of Node.js, and waits without end for headers, for the rest of a
body that was answered already, and for clients that do not take up their answers. Here each of these has its time, of
an answer each part. Bodies that somebody reads have theirs in `guard`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY
from typing import Any, Literal

from httptools import HttpParserError, HttpParserUpgrade
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.errors import ServiceError
from spanbert.apps.serve.guard import CROWDED, new_id

_HEAD = 2**14  # bytes that headers may have
Owed = Literal["headers", "body"]


class NotHttp(Exception):
    """Headers that no request may have."""


def _send_at_once(transport: asyncio.Transport) -> None:
    """Lets the kernel not hold back the body of an answer until the client has confirmed its headers (40 ms).

    asyncio does so of itself for sockets that say that they are TCP; those that a listening socket gives say nothing.
    """
    own = transport.get_extra_info("socket")
    if own is not None and own.family in (AF_INET, AF_INET6):
        own.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


class Connection(HttpToolsProtocol):
    """A connection of a client.

    Args:
        limits: Its times, and how many there may be.
        settings: Those of uvicorn.
    """

    def __init__(self, *, limits: ServeConfig, **settings: Any) -> None:
        super().__init__(**settings)
        self._limits = limits
        self._comes: Owed | None = None  # the part of a request that has begun to come
        self._unread = 0  # bytes of which nothing has come of yet
        self._answered: RequestResponseCycle | None = None  # with the last answer that was begun
        self._owed: Owed | None = None
        self._waiting: asyncio.TimerHandle | None = None  # ends it when the client keeps us waiting for that
        self._untaken: asyncio.TimerHandle | None = None  # ends it when the client takes up nothing

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _send_at_once(transport)
        transport.set_write_buffer_limits(0)  # tells of the first byte that the client does not take up
        if len(self.connections) > self._limits.connections:
            self.app_state = {**self.app_state, CROWDED: True}
        self._watch()

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._unread += len(data)
        try:
            self._read(data)
        except HttpParserError:
            self._no_http()
        if self._unread > _HEAD and not self.transport.is_closing():
            self._no_http()
        self._watch()

    def _read(self, data: bytes) -> None:
        """Reads what came; offers to go on in another protocol, which Java's clients make, are not taken up.

        The parser ends a request with such an offer at its headers, since the other protocol would follow them; so it
        reads them again without the offer, and then the body.
        """
        rest = memoryview(data)
        while rest:
            try:
                self.parser.feed_data(rest)
            except HttpParserUpgrade as offer:
                [length] = offer.args
                rest = rest[length:]
                self.parser.feed_data(b"".join(self._without_offer()))
            else:
                break

    def _without_offer(self) -> Iterator[bytes]:
        yield b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        for name, value in self.headers:
            if name != b"upgrade":
                yield b"%s: %s\r\n" % (name, value)
        yield b"\r\n"

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._comes = "headers"

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if self._comes == "headers":  # what follows a body in chunks is not kept
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        hosts = sum(name == b"host" for name, _ in self.headers)
        version = self.parser.get_http_version()
        if size > _HEAD or version not in ("1.0", "1.1") or hosts > 1 or (version == "1.1" and not hosts):
            raise NotHttp
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._comes = None  # see _read
            return
        super().on_headers_complete()
        self._comes, self._unread = "body", 0

    @override
    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if self._comes == "body":
            self._comes, self._unread = None, 0
            super().on_message_complete()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_answers()
        super().connection_lost(exc)
        for timer in (self._waiting, self._untaken):
            if timer is not None:
                timer.cancel()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_taking()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _await_taking(self) -> None:
        """Gives the client some time to take up a part of what waits for it."""
        left = self.transport.get_write_buffer_size()

        def look() -> None:
            if self.transport.get_write_buffer_size() < left:
                self._await_taking()
            else:
                self.transport.abort()

        self._untaken = self.loop.call_later(self._limits.body_time, look)

    def _no_http(self) -> None:
        """What comes is no HTTP: requests before it are answered, and then the connection ends."""
        if self._comes != "body" and self._is_answering():
            self.cycle.keep_alive = False
            self._unread = 0
            self.flow.pause_reading()
        else:
            self._refuse(ServiceError("malformed", "this is not HTTP, or its headers are too long"))

    def _is_answering(self) -> bool:
        """Whether a request, or several, are not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        """Gives the client some time for what it owes, from when it began to owe it."""
        owed = self._owes()
        if owed == self._owed:
            return
        if self._waiting is not None:
            self._waiting.cancel()
        self._owed = owed
        self._waiting = None if owed is None else self.loop.call_later(self._limits.header_time, self._too_late)

    def _owes(self) -> Owed | None:
        """What is to come: headers, or the rest of a body that was answered already."""
        if self.transport.is_closing() or self._is_answering():
            return None
        if self._comes == "body":
            return "body"
        return "headers" if self.timeout_keep_alive_task is None else None  # uvicorn's, between requests

    def _too_late(self) -> None:
        if self._comes == "headers":
            self._refuse(ServiceError("slow", f"the headers did not come within {self._limits.header_time:g} s"))
        else:
            self.transport.close()

    def _refuse(self, error: ServiceError) -> None:
        """Ends the connection, with this answer unless another one has begun."""
        if self._comes == "body":
            turn = self.cycle is self._answered and not self.cycle.response_started
        else:
            turn = not self._is_answering()
        self._forget_answers()
        if turn:
            body = json.dumps(error.body(new_id())).encode()
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[error.status_code] + head + body)
        self.transport.close()

    def _forget_answers(self) -> None:
        """What the app has to say will not be sent."""
        cycle = self._answered
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
