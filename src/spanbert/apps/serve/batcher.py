"""Requests of any size to batches, and batches to answers: the queue, with a thread that computes and a clock.

One batch is computed at a time; what arrives meanwhile is the next one, so that nothing waits for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NoReturn, Protocol

from spanbert.apps.serve.errors import ServiceError, ending, of_input
from spanbert.apps.serve.queue import Entry, FairQueue, Full
from spanbert.core.errors import InputError

_LONGEST_WAIT = 60  # seconds that clients are asked to wait at most
_FORGETTING = 0.8  # of the speed that was known, after a batch


Wanted = Callable[[], bool]  # whether anybody still waits for an answer; once nobody does, nobody will


class Computation(Protocol):
    """What is done with the payloads of a batch; equal ones may share a batch."""

    def __call__(self, pipeline: Any, payloads: Sequence[Any], wanted: Sequence[Wanted]) -> list[Any]:
        """A result for each payload, whatever for those that nobody waits for any more.

        Args:
            pipeline: What computes.
            payloads: Of the batch.
            wanted: Whether anybody still waits for each.

        Raises:
            InputError: One of them cannot be read.
        """

    def __hash__(self) -> int: ...

    def for_people(self) -> Computation:
        """The same, with what only people look at."""


def _nothing(result: Any) -> list[Any]:
    return []


def _always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Query:
    """One input of a request.

    Attributes:
        computation: What is done with it.
        payload: What that reads.
        cost: In tokens, about.
        answer: Makes what is answered of the result; in the thread that computes.
        draw: Makes HTML of the result, for people.
        reasons: Makes a list of the result of what can be asked of it: why it was said.
        wanted: Whether anybody still waits for the answer.
    """

    computation: Computation
    payload: Any
    cost: int
    answer: Callable[[Any], Any]
    draw: Callable[[Any], str]
    reasons: Callable[[Any], list[Any]] = _nothing
    wanted: Wanted = _always

    def drawn(self, *, reasons: bool) -> Query:
        """The same input, answered with the answer, its drawing, and what can be asked of it.

        Args:
            reasons: Whether anything can.
        """

        def both(result: Any) -> dict[str, Any]:
            why = self.reasons(result) if reasons else []
            return {"answer": self.answer(result), "html": self.draw(result), "why": why}

        return replace(self, computation=self.computation.for_people(), answer=both)


Outcome = Any  # an answer, or the InputError that stands for one
Compute = Callable[[Sequence[Query]], Awaitable[list[Outcome]]]


class Watcher(Protocol):
    """Is told what the batcher does."""

    def batch(self, texts: int, tokens: int, seconds: float) -> None:
        """A batch was computed."""

    def waiting(self, texts: int, tokens: int) -> None:
        """So much waits now."""

    def dropped(self, why: str, texts: int) -> None:
        """Inputs will not be computed: `abandoned`, `timed_out` or `overloaded`."""


@dataclass(eq=False, slots=True)
class _Part:
    """An input in the queue: what it asks, its place in its request, and what the request waits for."""

    query: Query
    place: int
    request: _Request


class _Request:
    """Inputs that are answered together."""

    def __init__(self, count: int) -> None:
        self.done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._answers: list[Any] = [None] * count
        self._left = count

    def is_open(self) -> bool:
        """Whether anybody waits for it; threads that compute may ask."""
        return not self.done.done()

    def settle(self, place: int, outcome: Outcome) -> None:
        if not self.is_open():
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
            return
        self._answers[place] = outcome
        self._left -= 1
        if not self._left:
            self.done.set_result(self._answers)


class Batcher:
    """Computes for many clients at once.

    Args:
        queue: What waits.
        compute: Some queries of one computation to their outcomes; other exceptions than those of inputs are faults.
        watcher: Is told what happens.
        clock: Seconds, from any start.
    """

    def __init__(self, queue: FairQueue[_Part], compute: Compute, watcher: Watcher, clock: Callable[[], float]) -> None:
        self._queue, self._compute, self._watcher, self._clock = queue, compute, watcher, clock
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._speed: float | None = None  # tokens a second
        self._closed = False

    async def answers(
        self, client: str, queries: Sequence[Query], *, within: float, patient: bool = False
    ) -> list[Any]:
        """The answers to some inputs; those that wait are dropped when this is cancelled.

        Args:
            client: Who asks.
            queries: One or more.
            within: Seconds that are left for them.
            patient: Wait for room in the queue rather than be refused.

        Raises:
            ServiceError: No room, the time is over, or an input that cannot be read.
        """
        deadline = self._clock() + within
        request = _Request(len(queries))
        entries = [
            Entry(
                client=client,
                computation=query.computation,
                cost=query.cost,
                deadline=deadline,
                item=_Part(replace(query, wanted=request.is_open), place, request),
            )
            for place, query in enumerate(queries)
        ]
        try:
            async with asyncio.timeout(within):
                await self._enter(entries, patient)
                return await request.done
        except TimeoutError:
            self._dropped("timed_out", entries)
            self._too_late()
        except asyncio.CancelledError:
            self._dropped("abandoned", entries)
            raise
        except InputError as error:
            raise of_input(error) from None
        finally:
            for entry in entries:
                self._queue.drop(entry)
            self._tell()

    async def _enter(self, entries: Sequence[Entry[_Part]], patient: bool) -> None:
        while True:
            if self._closed:
                raise ending()
            try:
                self._queue.add(entries)
            except Full:
                if not patient:
                    self._watcher.dropped("overloaded", len(entries))
                    raise ServiceError(
                        "overloaded", "too many requests are waiting", retry_after=self.retry_after
                    ) from None
                self._room.clear()
                await self._room.wait()
            else:
                self._tell()
                self._more.set()
                return

    @property
    def retry_after(self) -> int:
        """In how many seconds the queue will be empty, about."""
        seconds = 1.0 if self._speed is None else self._queue.tokens / self._speed
        return min(max(1, ceil(seconds)), _LONGEST_WAIT)

    async def run(self) -> None:
        """Computes batch after batch until it is cancelled."""
        while True:
            await self._more.wait()
            batch = self._queue.take(self._clock())
            self._room.set()
            for entry in batch.expired:
                entry.item.request.settle(entry.item.place, _late())
            if batch.expired:
                self._watcher.dropped("timed_out", len(batch.expired))
            if not batch.entries:
                self._more.clear()
                continue
            self._tell()
            await self._computed([entry.item for entry in batch.entries], batch.cost)

    async def _computed(self, parts: Sequence[_Part], cost: int) -> None:
        begin = self._clock()
        work = asyncio.ensure_future(self._compute([part.query for part in parts]))
        await asyncio.wait({work})
        seconds = self._clock() - begin
        fault = work.exception()
        outcomes: list[Outcome] = [fault] * len(parts) if fault is not None else work.result()
        for part, outcome in zip(parts, outcomes, strict=True):
            part.request.settle(part.place, outcome)
        if fault is None and seconds > 0:
            speed = cost / seconds
            self._speed = speed if self._speed is None else _FORGETTING * self._speed + (1 - _FORGETTING) * speed
        self._watcher.batch(len(parts), cost, seconds)

    def close(self) -> None:
        """Takes in nothing more; what waits is still computed."""
        self._closed = True
        self._room.set()

    def _dropped(self, why: str, entries: Sequence[Entry[_Part]]) -> None:
        waiting = sum(entry.state in ("new", "waiting") for entry in entries)
        if waiting:
            self._watcher.dropped(why, waiting)

    def _too_late(self) -> NoReturn:
        raise _late(self.retry_after)

    def _tell(self) -> None:
        self._watcher.waiting(self._queue.count, self._queue.tokens)


def _late(retry_after: int = 1) -> ServiceError:
    return ServiceError("timed_out", "the time limit of the request is over", retry_after=retry_after)
