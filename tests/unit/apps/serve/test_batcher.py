"""Requests to batches and back, with a computation that the test lets go on, and a clock that it sets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from spanbert.apps.serve.batcher import Batcher, Query
from spanbert.apps.serve.errors import ServiceError
from spanbert.apps.serve.queue import FairQueue
from spanbert.core.errors import InputError


def upper(pipeline: object, payloads: Sequence[str]) -> list[str]:
    return [payload.upper() for payload in payloads]


def query(text: str, cost: int = 10) -> Query:
    return Query(computation=upper, payload=text, cost=cost, answer=str, draw=str)


class Watched:
    """What a batcher said."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.dropped_texts: list[tuple[str, int]] = []
        self.now_waiting = (0, 0)

    def batch(self, texts: int, tokens: int, seconds: float) -> None:
        self.batches.append(texts)

    def waiting(self, texts: int, tokens: int) -> None:
        self.now_waiting = (texts, tokens)

    def dropped(self, why: str, texts: int) -> None:
        self.dropped_texts.append((why, texts))


class Bench:
    """A batcher whose batches wait until the test opens the gate."""

    def __init__(self, *, batch_tokens: int = 1000, most_entries: int = 100, fault: Exception | None = None) -> None:
        self.gate, self.begun = asyncio.Event(), asyncio.Event()
        self.computed: list[list[str]] = []
        self.now = 0.0
        self.watched = Watched()
        self.fault = fault
        queue: FairQueue[Any] = FairQueue(batch_tokens=batch_tokens, most_tokens=10**6, most_entries=most_entries)
        self.batcher = Batcher(queue, self._compute, self.watched, lambda: self.now)
        self.queue = queue

    async def _compute(self, queries: Sequence[Query]) -> list[Any]:
        self.computed.append([one.payload for one in queries])
        self.begun.set()
        await self.gate.wait()
        self.now += 1.0
        if self.fault is not None:
            raise self.fault
        return [
            InputError("no text", where="/secret/place") if one.payload == "bad" else one.payload.upper()
            for one in queries
        ]

    def asks(self, client: str, *texts: str, within: float = 60.0, patient: bool = False) -> asyncio.Task[list[Any]]:
        work = self.batcher.answers(client, [query(text) for text in texts], within=within, patient=patient)
        return asyncio.create_task(work)


def run(test: Callable[[Bench], Awaitable[None]], **settings: Any) -> Bench:
    async def whole() -> Bench:
        bench = Bench(**settings)
        running = asyncio.create_task(bench.batcher.run())
        await test(bench)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return bench

    return asyncio.run(whole())


async def settled() -> None:
    """Lets every task go on until it waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_arrives_while_a_batch_is_computed_is_the_next_batch():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        others = [bench.asks(client, "two", "three") for client in "bcd"]
        await settled()
        bench.gate.set()
        assert await first == ["ONE"]
        assert await asyncio.gather(*others) == [["TWO", "THREE"]] * 3

    bench = run(test)
    assert [len(batch) for batch in bench.computed] == [1, 6]
    assert bench.watched.batches == [1, 6]
    assert bench.watched.now_waiting == (0, 0)


def test_answers_come_in_the_order_of_the_inputs_whatever_the_batches():
    async def test(bench: Bench) -> None:
        bench.gate.set()
        assert await bench.asks("a", *"abcdefg") == list("ABCDEFG")

    assert [len(batch) for batch in run(test, batch_tokens=20).computed] == [2, 2, 2, 1]


def test_who_goes_away_is_not_computed():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        gone, stays = bench.asks("b", "gone", "gone too"), bench.asks("c", "stays")
        await settled()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert bench.queue.count == 1
        bench.gate.set()
        assert (await first, await stays) == (["ONE"], ["STAYS"])

    bench = run(test)
    assert bench.computed == [["one"], ["stays"]]
    assert bench.watched.dropped_texts == [("abandoned", 2)]


def test_too_late_is_not_computed():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        with pytest.raises(ServiceError) as refused:
            await bench.asks("b", "late", within=0.0)
        assert (refused.value.status_code, refused.value.error_type) == (503, "timed_out")
        assert refused.value.headers is not None
        assert int(refused.value.headers["Retry-After"]) >= 1
        bench.gate.set()
        await first

    bench = run(test)
    assert bench.computed == [["one"]]
    assert bench.watched.dropped_texts == [("timed_out", 1)]


def test_what_expired_by_the_clock_of_the_queue_is_refused():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        late = bench.asks("b", "late", within=30.0)
        await settled()
        bench.now = 40.0
        bench.gate.set()
        await first
        with pytest.raises(ServiceError, match="time limit"):
            await late

    assert run(test).computed == [["one"]]


def test_a_full_queue_says_when_to_come_again():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        waiting = [bench.asks(client, "x", "x") for client in "bc"]
        await settled()
        with pytest.raises(ServiceError) as refused:
            await bench.asks("d", "no room")
        assert (refused.value.status_code, refused.value.error_type) == (429, "overloaded")
        assert refused.value.headers == {"Retry-After": "1"}
        bench.gate.set()
        await asyncio.gather(first, *waiting)
        assert await bench.asks("d", "room") == ["ROOM"]

    assert run(test, most_entries=4).watched.dropped_texts == [("overloaded", 1)]


def test_who_is_patient_waits_for_room():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        waiting = [bench.asks(client, "x", "x") for client in "bc"]
        await settled()
        patient = bench.asks("d", "room", patient=True)
        await settled()
        assert not patient.done()
        bench.gate.set()
        await asyncio.gather(first, *waiting)
        assert await patient == ["ROOM"]

    run(test, most_entries=4)


def test_an_input_that_cannot_be_read_fails_its_request_alone_and_names_no_path():
    async def test(bench: Bench) -> None:
        bench.gate.set()
        bad, good = bench.asks("a", "fine", "bad"), bench.asks("b", "good")
        with pytest.raises(ServiceError) as refused:
            await bad
        assert refused.value.status_code == 422
        assert refused.value.detail == "no text"
        assert await good == ["GOOD"]

    run(test)


def test_a_fault_fails_its_batch_and_the_next_one_is_computed():
    async def test(bench: Bench) -> None:
        bench.gate.set()
        with pytest.raises(RuntimeError, match="broken"):
            await bench.asks("a", "one")
        bench.fault = None
        assert await bench.asks("a", "two") == ["TWO"]

    run(test, fault=RuntimeError("broken"))


def test_after_the_end_nothing_more_is_taken():
    async def test(bench: Bench) -> None:
        first = bench.asks("a", "one")
        await bench.begun.wait()
        bench.batcher.close()
        with pytest.raises(ServiceError) as refused:
            await bench.asks("b", "two")
        assert refused.value.status_code == 503
        bench.gate.set()
        assert await first == ["ONE"]

    run(test)


def test_the_wait_that_is_asked_for_is_what_the_queue_takes():
    async def test(bench: Bench) -> None:
        bench.gate.set()
        await bench.asks("a", "one")  # 10 tokens in a second
        bench.gate.clear()
        bench.begun.clear()
        running = bench.asks("a", "two")
        await bench.begun.wait()
        waiting = bench.asks("b", *["x"] * 9)
        await settled()
        assert bench.batcher.retry_after == 9
        bench.gate.set()
        await asyncio.gather(running, waiting)

    run(test)
