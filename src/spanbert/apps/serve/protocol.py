"""A connection to a worker, which neither slow clients nor such as do not speak HTTP can hold for long.

uvicorn reads HTTP, and waits without end for headers, for the rest of a body that was answered already, and for clients
that do not take up their answers. Here each of these has its time, of an answer each part. Bodies that somebody reads
have theirs in `guard`.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from http import HTTPStatus
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY
from typing import Any, Literal

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.errors import ServiceError
from spanbert.apps.serve.guard import CROWDED

Owed = Literal["headers", "body"]


def _send_at_once(transport: asyncio.Transport) -> None:
    """Lets the kernel not hold back the body of an answer until the client has confirmed its headers (40 ms).

    asyncio does so of itself for sockets that say that they are TCP; those that a listening socket gives say nothing.
    """
    own = transport.get_extra_info("socket")
    if own is not None and own.family in (AF_INET, AF_INET6):
        own.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


class Connection(H11Protocol):
    """A connection of a client.

    Args:
        limits: Its times, and how many there may be.
        settings: Those of uvicorn.
    """

    def __init__(self, *, limits: ServeConfig, **settings: Any) -> None:
        super().__init__(**settings)
        self._limits = limits
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
        super().data_received(data)
        self._watch()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
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

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(ServiceError("malformed", "this is not HTTP, or its headers are too long"))

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
        if self.transport.is_closing():
            return None
        if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:  # uvicorn's, between requests
            return "headers"
        if self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE:
            return "body"
        return None

    def _too_late(self) -> None:
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(ServiceError("slow", f"the headers did not come within {self._limits.header_time:g} s"))
        else:
            self.transport.close()

    def _refuse(self, error: ServiceError) -> None:
        """Ends the connection, with this answer unless another one has begun."""
        if self.cycle is not None:  # what the app has to say will not be sent
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(error.body(uuid.uuid4().hex)).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            reason = HTTPStatus(error.status_code).phrase.encode()
            head = h11.Response(status_code=error.status_code, headers=headers, reason=reason)
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
