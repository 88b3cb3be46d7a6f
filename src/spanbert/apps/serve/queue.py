"""What waits to be computed: a bounded queue that is fair between clients, and gives batches by a budget of tokens.

Each client has a count of tokens that it was given; the next turn is that of the client with the least (start-time fair
queueing). A batch holds entries of one computation: the oldest of the client whose turn it is decides which, and the
entries of all clients for the same computation fill it up, turn by turn. Of one client, those of a computation stay in
order.

No threads, no clock, no model: `take` is told what time it is. Cost of a batch: its entries times log of the clients.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Generic, Literal, NamedTuple, TypeVar

ItemT = TypeVar("ItemT")
_SHARE = 0.5  # of the queue that one client may fill
_FORGET = 256  # counts of clients that are away, kept at least


@dataclass(kw_only=True, eq=False, slots=True)
class Entry(Generic[ItemT]):
    """Something to compute.

    Attributes:
        client: Who asked for it.
        computation: Entries of the same one may share a batch.
        cost: In tokens, about.
        deadline: After which nobody waits for it.
        item: What is computed.
        state: Where it is.
        number: In the order of arrival; the queue's.
    """

    client: str
    computation: Hashable
    cost: int
    deadline: float
    item: ItemT
    state: Literal["new", "waiting", "taken", "dropped"] = "new"
    number: int = 0


class Batch(NamedTuple, Generic[ItemT]):
    """What is computed together.

    Attributes:
        entries: All of one computation, at least one unless nothing waits.
        expired: Those that were found to be too late; they are no longer in the queue.
    """

    entries: list[Entry[ItemT]]
    expired: list[Entry[ItemT]]

    @property
    def cost(self) -> int:
        """In tokens, about."""
        return sum(entry.cost for entry in self.entries)


class Full(Exception):
    """There is no room for a request."""


@dataclass(eq=False, slots=True)
class _Client(Generic[ItemT]):
    """A client with entries that wait.

    Attributes:
        name: Its name.
        lines: Entries by computation, in order; dropped ones stay until they are met.
        tokens: What its waiting entries cost.
        count: How many wait.
    """

    name: str
    lines: dict[Hashable, deque[Entry[ItemT]]] = field(default_factory=dict)
    tokens: int = 0
    count: int = 0


class FairQueue(Generic[ItemT]):
    """Entries that wait, by client.

    Args:
        batch_tokens: What a batch may cost; one entry may cost more, and is a batch of its own.
        most_tokens: What all waiting entries may cost together, those of each client counted up to its share.
        most_entries: How many may wait, counted likewise.
    """

    def __init__(self, *, batch_tokens: int, most_tokens: int, most_entries: int) -> None:
        self._batch_tokens, self._most_tokens, self._most_entries = batch_tokens, most_tokens, most_entries
        self._clients: dict[str, _Client[ItemT]] = {}
        self._given: dict[str, float] = {}  # tokens that each client was given, counted from a common start
        self._turn = 0.0  # the count of the client that had the last turn
        self._numbers = 0
        self.tokens = 0
        self.count = 0

    def add(self, entries: Sequence[Entry[ItemT]]) -> None:
        """Takes in the entries of a request, all or none.

        A request that is larger than the share of its client is taken when nothing else of the client waits, and counts
        for the share, so that others find room beside it.

        Args:
            entries: All of one client.

        Raises:
            Full: All clients together, or this one, would have too much waiting.
        """
        if not entries:
            return
        name, tokens = entries[0].client, sum(entry.cost for entry in entries)
        client = self._clients.get(name)
        own = client or _Client[ItemT](name)
        clients = [*(one for one in self._clients.values() if one is not own), own]
        for most, more, waiting in (
            (self._most_tokens, tokens, [one.tokens for one in clients]),
            (self._most_entries, len(entries), [one.count for one in clients]),
        ):
            share = ceil(_SHARE * most)
            waiting[-1] += more
            if (own.count and waiting[-1] > share) or sum(min(one, share) for one in waiting) > most:
                raise Full
        if client is None:
            self._clients[name] = own
            self._given[name] = max(self._given.get(name, 0.0), self._turn)
        for entry in entries:
            self._numbers += 1
            entry.number, entry.state = self._numbers, "waiting"
            own.lines.setdefault(entry.computation, deque()).append(entry)
            self._count(own, entry, 1)

    def drop(self, entry: Entry[ItemT]) -> None:
        """An entry is not wanted any more; one that was taken already is computed nevertheless."""
        if entry.state == "waiting":
            entry.state = "dropped"
            self._count(self._clients[entry.client], entry, -1)

    def take(self, now: float) -> Batch[ItemT]:
        """The next batch.

        Args:
            now: The time, by the clock of the deadlines.
        """
        expired: list[Entry[ItemT]] = []
        heads: list[tuple[float, int, str]] = []  # count of the client, number of its oldest entry, name
        for name in list(self._clients):
            oldest = self._oldest(self._clients[name], now, expired)
            if oldest is None:
                del self._clients[name]
            else:
                heads.append((self._given[name], oldest.number, name))
        self._forget()
        if not heads:
            return Batch([], expired)
        heapq.heapify(heads)
        first = self._oldest(self._clients[heads[0][2]], now, expired)
        assert first is not None
        taken = self._fill(first.computation, heads, now, expired)
        if not self.count:  # nobody waits, so nobody has had more than others: all begin anew
            self._clients.clear()
            self._given.clear()
        return Batch(taken, expired)

    def _fill(
        self, computation: Hashable, turns: list[tuple[float, int, str]], now: float, expired: list[Entry[ItemT]]
    ) -> list[Entry[ItemT]]:
        """Entries of a computation, turn by turn, up to the budget."""
        taken: list[Entry[ItemT]] = []
        left = self._batch_tokens
        while turns:
            given, number, name = heapq.heappop(turns)
            client = self._clients[name]
            entry = self._head(client, computation, now, expired)
            if entry is None or (taken and entry.cost > left):
                continue
            client.lines[computation].popleft()
            entry.state = "taken"
            self._count(client, entry, -1)
            self._turn = max(self._turn, given)
            self._given[name] = given + entry.cost
            taken.append(entry)
            left -= entry.cost
            heapq.heappush(turns, (self._given[name], number, name))
        return taken

    def _oldest(self, client: _Client[ItemT], now: float, expired: list[Entry[ItemT]]) -> Entry[ItemT] | None:
        heads = [self._head(client, computation, now, expired) for computation in list(client.lines)]
        return min((one for one in heads if one is not None), key=lambda one: one.number, default=None)

    def _head(
        self, client: _Client[ItemT], computation: Hashable, now: float, expired: list[Entry[ItemT]]
    ) -> Entry[ItemT] | None:
        """The first entry of a client for a computation that somebody waits for."""
        line = client.lines.get(computation)
        while line:
            entry = line[0]
            if entry.state == "waiting" and entry.deadline > now:
                return entry
            if entry.state == "waiting":
                self.drop(entry)
                expired.append(entry)
            line.popleft()
        client.lines.pop(computation, None)
        return None

    def _count(self, client: _Client[ItemT], entry: Entry[ItemT], sign: int) -> None:
        client.tokens += sign * entry.cost
        client.count += sign
        self.tokens += sign * entry.cost
        self.count += sign

    def _forget(self) -> None:
        """Counts of clients that are away and would begin anew anyway."""
        if len(self._given) > _FORGET + 2 * len(self._clients):
            self._given = {
                name: given for name, given in self._given.items() if name in self._clients or given > self._turn
            }
