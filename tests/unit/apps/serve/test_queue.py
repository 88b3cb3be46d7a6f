"""What waits to be computed: bounds, turns between clients, batches by a budget, what is dropped."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.apps.serve.queue import Entry, FairQueue, Full


def entry(
    client: str, cost: int = 10, *, computation: str = "ner", deadline: float = 100.0, item: str = ""
) -> Entry[str]:
    return Entry(client=client, computation=computation, cost=cost, deadline=deadline, item=item)


def queue(batch_tokens: int = 40, most_tokens: int = 10_000, most_entries: int = 1000) -> FairQueue[str]:
    return FairQueue(batch_tokens=batch_tokens, most_tokens=most_tokens, most_entries=most_entries)


def taken(own: FairQueue[str], now: float = 0.0) -> list[str]:
    return [one.client for one in own.take(now).entries]


def test_a_batch_is_filled_up_to_the_budget():
    own = queue(batch_tokens=40)
    own.add([entry("a") for _ in range(7)])
    assert [len(own.take(0.0).entries) for _ in range(3)] == [4, 3, 0]
    assert (own.tokens, own.count) == (0, 0)


def test_requests_of_many_clients_share_a_batch():
    own = queue(batch_tokens=40)
    for client in "abcd":
        own.add([entry(client)])
    assert sorted(taken(own)) == ["a", "b", "c", "d"]


def test_an_entry_larger_than_the_budget_is_a_batch_of_its_own():
    own = queue(batch_tokens=40)
    own.add([entry("a", 500)])
    own.add([entry("b")])
    assert [taken(own), taken(own)] == [["a"], ["b"]]


def test_a_batch_holds_one_computation():
    own = queue()
    own.add([entry("a", computation="ner"), entry("a", computation="qa"), entry("a", computation="ner")])
    batches = [own.take(0.0).entries for _ in range(2)]
    assert [[one.computation for one in batch] for batch in batches] == [["ner", "ner"], ["qa"]]


def test_one_who_asks_little_does_not_wait_for_one_who_asks_much():
    own = queue(batch_tokens=20)
    own.add([entry("bulk") for _ in range(50)])
    assert taken(own) == ["bulk", "bulk"]
    own.add([entry("late")])
    assert "late" in taken(own)


def test_turns_are_by_tokens_and_not_by_requests():
    own = queue(batch_tokens=100)
    own.add([entry("long", 100) for _ in range(20)])
    own.add([entry("short", 10) for _ in range(200)])
    given_out: Counter[str] = Counter()
    for _ in range(20):
        for one in own.take(0.0).entries:
            given_out[one.client] += one.cost
    assert abs(given_out["long"] - given_out["short"]) <= 200


def test_who_comes_back_has_no_more_than_the_others():
    """A client that was away does not get the turns that it did not ask for."""
    own = queue(batch_tokens=10)
    own.add([entry("steady") for _ in range(30)])
    for _ in range(10):
        own.take(0.0)
    own.add([entry("new") for _ in range(10)])
    first = [taken(own)[0] for _ in range(10)]
    assert 4 <= first.count("new") <= 6


def test_dropped_entries_cost_nothing():
    own = queue()
    entries = [entry("a", item=str(number)) for number in range(4)]
    own.add(entries)
    own.drop(entries[0])
    own.drop(entries[2])
    own.drop(entries[2])
    assert (own.count, own.tokens) == (2, 20)
    assert [one.item for one in own.take(0.0).entries] == ["1", "3"]
    own.drop(entries[1])
    assert (own.count, own.tokens, entries[1].state) == (0, 0, "taken")


def test_entries_that_are_too_late_are_given_back():
    own = queue()
    own.add([entry("a", deadline=5.0, item="late"), entry("a", deadline=50.0, item="in time")])
    batch = own.take(5.0)
    assert ([one.item for one in batch.entries], [one.item for one in batch.expired]) == (["in time"], ["late"])
    assert own.count == 0


def test_a_full_queue_refuses_all_of_a_request():
    own = queue(most_entries=10)
    for client in "abcde":
        own.add([entry(client), entry(client)])
    with pytest.raises(Full):
        own.add([entry("f")])
    assert own.count == 10
    own.take(0.0)
    own.add([entry("f")])


def test_one_client_cannot_fill_the_queue():
    own = queue(most_tokens=100)
    own.add([entry("bulk") for _ in range(5)])
    with pytest.raises(Full):
        own.add([entry("bulk")])
    own.add([entry("other") for _ in range(5)])


def test_a_request_larger_than_the_queue_is_taken_when_nothing_of_its_client_waits():
    own = queue(most_tokens=100)
    own.add([entry("steady")])
    own.add([entry("bulk") for _ in range(50)])
    assert own.count == 51
    own.add([entry("steady") for _ in range(4)])
    with pytest.raises(Full):
        own.add([entry("third")])
    with pytest.raises(Full):
        own.add([entry("bulk")])
    own.take(0.0)
    own.add([entry("third")])


def test_a_queue_for_one():
    own = queue(most_entries=1)
    own.add([entry("a")])
    for client in "ab":
        with pytest.raises(Full):
            own.add([entry(client)])


def test_counts_of_clients_that_left_are_forgotten():
    own = queue(batch_tokens=1)
    for number in range(2000):
        own.add([entry(f"client {number}")])
        own.take(0.0)
    assert len(own._given) < 600


asked = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.sampled_from(["ner", "qa"]), st.booleans()), max_size=40
)


@given(asked)
def test_whatever_comes_is_taken_once_or_dropped(requests: list[tuple[str, int, str, bool]]):
    own = queue(batch_tokens=50, most_tokens=10**6, most_entries=10**6)
    entries = [entry(client, cost, computation=name) for client, cost, name, _ in requests]
    for one in entries:
        own.add([one])
    dropped = [one for one, (*_, drop) in zip(entries, requests, strict=True) if drop]
    for one in dropped:
        own.drop(one)
    found: list[Entry[str]] = []
    while batch := own.take(0.0).entries:
        assert len({one.computation for one in batch}) == 1
        assert len(batch) == 1 or sum(one.cost for one in batch) <= 50
        found += batch
    assert (own.count, own.tokens) == (0, 0)
    assert {id(one) for one in found} == {id(one) for one in entries} - {id(one) for one in dropped}
    for client in "abc":
        for name in ("ner", "qa"):
            order = [one.number for one in found if (one.client, one.computation) == (client, name)]
            assert order == sorted(order)
