"""What every request passes before a route sees it: its id, the key of its client, the size and time of its body.

An ASGI middleware; what fails here, and faults of the app, are answered in the same form as all errors.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.errors import GONE, ServiceError, ending
from spanbert.apps.serve.keys import KeyFile
from spanbert.apps.serve.metrics import Metrics
from spanbert.apps.serve.page import PLACE

log = logging.getLogger("spanbert.serve")
OPEN = frozenset({"/", "/health", "/ready", "/docs", "/openapi.json"})  # no key is asked for; never too many
CROWDED = "crowded"  # in the state of requests: their connection is one too many
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MEBIBYTE = 2**20
_IDS = random.Random()


class Guard:
    """Lets requests through.

    Args:
        app: What answers them.
        limits: Of their bodies.
        keys: Of the clients; None: everybody may ask.
        metrics: Counts them.
    """

    def __init__(self, app: ASGIApp, *, limits: ServeConfig, keys: KeyFile | None, metrics: Metrics) -> None:
        self._app, self._limits, self._keys, self._metrics = app, limits, keys, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = _Answer(send, _request_id(headers))
        scope.setdefault("state", {})["request_id"] = answer.request_id
        begin = time.perf_counter()
        try:
            bounded = self._bounded(receive)
            await self._require_room(scope, bounded)
            self._let_in(scope, headers)
            await self._app(scope, bounded, answer.send)
        except ServiceError as error:
            await answer.fail(error)
        except asyncio.CancelledError:  # the time to drain is over
            if not answer.begun:
                await answer.fail(ending())
            if not answer.ended:
                raise
        finally:
            self._metrics.request(_route(scope), answer.status, time.perf_counter() - begin)

    async def _require_room(self, scope: Scope, receive: Receive) -> None:
        """Refuses what comes by one connection too many, when all of it has come: else the client might not hear why.

        Raises:
            ServiceError: It does.
        """
        if scope["state"].get(CROWDED) and not _is_open(scope["path"]):
            while (await receive()).get("more_body", False):
                pass
            raise ServiceError("unavailable", "too many connections", retry_after=1, closes=True)

    def _let_in(self, scope: Scope, headers: Headers) -> None:
        """Finds out whose request it is.

        Raises:
            ServiceError: No key, or a body that says it is too large.
        """
        peer = scope.get("client")
        client: str | None = f"address {peer[0]}" if peer else "address unknown"
        if self._keys is not None and not _is_open(scope["path"]):
            client = self._keys.client(headers.get("authorization"))
            if client is None:
                raise ServiceError("unauthorized", "a key is needed: Authorization: Bearer KEY")
        scope["state"]["client"] = client
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            raise self._too_large()

    def _bounded(self, receive: Receive) -> Receive:
        """Receives a body within its limits; after it, waits as long as it takes for the client to go."""
        size, ended, until = 0, False, asyncio.get_running_loop().time() + self._limits.body_time

        async def received() -> Message:
            nonlocal size, ended
            if ended:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise ServiceError("slow", f"the body did not come within {self._limits.body_time:g} s") from None
            ended = not message.get("more_body", False)
            size += len(message.get("body", b""))
            if size > self._limits.body_bytes:
                raise self._too_large()
            return message

        return received

    def _too_large(self) -> ServiceError:
        limit = self._limits.body_bytes / _MEBIBYTE
        return ServiceError("too_large", f"the body is larger than {limit:g} MiB; send it in parts")


class _Answer:
    """What is sent to a client, with the headers that every answer has.

    Attributes:
        request_id: Of the request.
        status: That was sent; until then that of a client that went away.
        begun: Whether anything was sent.
        ended: Whether all of it was.
    """

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id, self.status = send, request_id, GONE
        self.begun = self.ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], True
            added = [(b"x-request-id", self.request_id.encode()), (b"x-content-type-options", b"nosniff")]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def fail(self, error: ServiceError) -> None:
        body = json.dumps(error.body(self.request_id)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **(error.headers or {})}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": error.status_code, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body})


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(PLACE)


def _request_id(headers: Headers) -> str:
    stated = headers.get("x-request-id", "")
    return stated if _ID.fullmatch(stated) else new_id()


def new_id() -> str:
    """A new id for a request; to ask the kernel for one would let the thread that computes go first."""
    return f"{_IDS.getrandbits(128):032x}"


def _route(scope: Scope) -> str:
    """The route as it is declared, so that figures do not grow with what clients type."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return "none" if path is None else path
