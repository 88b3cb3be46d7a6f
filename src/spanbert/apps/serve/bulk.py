"""NDJSON: a request a line, an answer a line, in order; a line that cannot be answered has its error.

    {"id": 7, "inputs": "Ann left.", "parameters": {...}}      {"line": 1, "id": 7, "outputs": [...]}
    {"inputs": 5}                                              {"line": 2, "error": ..., "error_type": ...}

Only so many lines are asked at once, and they wait for room in the queue, so that a large file neither fills it nor is
refused half-way.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from spanbert.apps.serve.errors import ServiceError, ending, internal, of_faults
from spanbert.core.types import Record

log = logging.getLogger("spanbert.serve")
MEDIA_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines")
MEDIA_TYPE = MEDIA_TYPES[0]
_AHEAD = 64  # lines that are asked at once
Ask = Callable[[Any], Awaitable[Any]]  # a validated body to its outputs


def is_bulk(content_type: str | None) -> bool:
    """Whether a body is lines of JSON."""
    return (content_type or "").partition(";")[0].strip().lower() in MEDIA_TYPES


async def answer_lines(body: bytes, model: type[BaseModel], ask: Ask, *, request_id: str) -> AsyncIterator[bytes]:
    """The lines of an answer to the lines of a body; those that are being asked are dropped when nobody reads on.

    Args:
        body: Lines of JSON; blank ones are left out, and counted.
        model: What a line is, `id` aside.
        ask: Answers a line; other exceptions than `ServiceError` are faults, which the log has.
        request_id: Under which the log has them.

    Yields:
        A line for each; where the service ends before, an error for the first that has no answer, as the last one.
    """
    asked: deque[tuple[int, asyncio.Task[Record]]] = deque()
    try:
        for number, line in _lines(body):
            asked.append((number, asyncio.create_task(_answer(number, line, model, ask))))
            if len(asked) == _AHEAD:
                yield await _done(*asked[0], request_id)
                asked.popleft()
        while asked:
            yield await _done(*asked[0], request_id)
            asked.popleft()
    except asyncio.CancelledError:  # the time to drain is over
        yield _as_line({"line": asked[0][0]} | _failure(ending()))
    finally:
        for _, task in asked:
            task.cancel()


async def _done(number: int, task: asyncio.Task[Record], request_id: str) -> bytes:
    """The line of an answer; a fault ends its own line, not those after it."""
    await asyncio.wait({task})
    fault = task.exception()
    if fault is None:
        return _as_line(task.result())
    log.error("request %s: line %d failed", request_id, number, exc_info=fault)
    return _as_line({"line": number} | _failure(internal()))


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    start, number = 0, 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        number += 1
        if line := body[start:end].strip():
            yield number, line
        start = end + 1


async def _answer(number: int, line: bytes, model: type[BaseModel], ask: Ask) -> Record:
    facts: Record = {"line": number}
    try:
        given = _parsed(line)
        if "id" in given:
            facts["id"] = given.pop("id")
        return facts | {"outputs": await ask(model.model_validate(given))}
    except ValidationError as error:
        return facts | _failure(of_faults(error.errors(include_url=False, include_input=False)))
    except ServiceError as error:
        return facts | _failure(error)


def _parsed(line: bytes) -> Record:
    """The object of a line.

    Raises:
        ServiceError: Not JSON, or something else than an object.
    """
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise ServiceError("malformed", "the line is not JSON") from None
    if not isinstance(given, dict):
        raise ServiceError("unprocessable", 'an object is expected: {"inputs": ...}')
    return given


def _failure(error: ServiceError) -> Record:
    return {"error": error.detail, "error_type": error.error_type}


def _as_line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
