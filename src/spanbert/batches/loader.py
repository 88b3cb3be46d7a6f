"""The loader: items of a plan -> the micro-batches of one optimiser step, made ahead in a thread.

    plan.steps(position) -> the items (packs, or examples) of a step -> `encode` -> Step(micro-batches, position after)

Its whole state is the plan position of the last step that was used.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from spanbert.batches.plan import PlanPosition
from spanbert.core.errors import InputError

MicroBatchT = TypeVar("MicroBatchT")


class Item(Protocol):
    """What a plan hands out: a pack of segments, or an example."""

    @property
    def tokens(self) -> int:
        """Tokens in it, specials included."""

    @property
    def after(self) -> PlanPosition:
        """The plan's position after it."""


ItemT = TypeVar("ItemT", bound=Item)
ItemT_co = TypeVar("ItemT_co", bound=Item, covariant=True)


class Plan(Protocol[ItemT_co]):
    """An endless, resumable order of steps."""

    @property
    def step_sizes(self) -> Collection[int]:
        """The numbers of items that a step may have, where all steps of a kind have equally many."""

    def steps(self, start: PlanPosition) -> Iterator[Sequence[ItemT_co]]:
        """The items of each step, from a position between two steps on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(Generic[MicroBatchT]):
    """What one optimiser step reads.

    Attributes:
        micro_batches: Those of this rank; gradients are summed over them and over the ranks.
        tokens: Tokens in those of all ranks, specials included.
        after: The plan's position when the step is done.
        stand_in: A micro-batch of another rank, where this one has none: its loss counts nothing, but all ranks must
            take part in each step.
    """

    micro_batches: list[MicroBatchT]
    tokens: int
    after: PlanPosition
    stand_in: MicroBatchT | None = None


class Loader(Generic[ItemT, MicroBatchT]):
    """MicroBatch steps of a plan, prefetched.

    Args:
        plan: Where the items come from.
        encode: Makes a batch of the items of one micro-batch (masking happens here); a pure function of them.
        accumulation: Micro-batches a step of each rank; with the ranks it must divide the items of every step.
        rank: This process's number among those that train together.
        ranks: How many they are: each makes the micro-batches that it reads.
        start: Where to begin.
        prefetch: Steps made ahead.

    Raises:
        InputError: `accumulation` times `ranks` does not divide the items of a step.
    """

    def __init__(
        self,
        plan: Plan[ItemT],
        collate: Callable[[Sequence[ItemT]], MicroBatchT],
        *,
        accumulation: int = 1,
        rank: int = 0,
        ranks: int = 1,
        start: PlanPosition | None = None,
        prefetch: int = 4,
    ) -> None:
        for size in plan.step_sizes:
            if size % (accumulation * ranks):
                raise InputError(
                    "accumulation must divide what a step reads"
                    if ranks == 1
                    else "processes times accumulation must divide what a step reads",
                    where="train.accumulation",
                    got=("" if ranks == 1 else f"{ranks} processes times ")
                    + f"{accumulation} micro-batches for {size} packs (or examples)",
                )
        self.plan, self.collate, self.accumulation = plan, collate, accumulation
        self._parts, self._own = accumulation * ranks, range(accumulation * rank, accumulation * (rank + 1))
        self.start = start or PlanPosition()
        self.prefetch = prefetch

    def _make(self) -> Iterator[Step[MicroBatchT]]:
        for items in self.plan.steps(self.start):
            bounds = [len(items) * part // self._parts for part in range(self._parts + 1)]
            own = [items[bounds[part] : bounds[part + 1]] for part in self._own]
            micro_batches = [self.collate(part) for part in own if part]
            yield Step(
                micro_batches=micro_batches,
                tokens=sum(item.tokens for item in items),
                after=items[-1].after,
                stand_in=None if micro_batches else self.collate(items[:1]),
            )

    def __iter__(self) -> Iterator[Step[MicroBatchT]]:
        ready: queue.Queue[Step[MicroBatchT] | BaseException] = queue.Queue(maxsize=self.prefetch)
        closed = threading.Event()

        def put(item: Step[MicroBatchT] | BaseException) -> None:
            while not closed.is_set():
                try:
                    return ready.put(item, timeout=0.2)
                except queue.Full:
                    continue
            return None

        def work() -> None:
            try:
                for step in self._make():
                    put(step)
                    if closed.is_set():
                        return
            except BaseException as error:  # noqa: BLE001 (handed to the reader's thread, which raises it)
                put(error)

        thread = threading.Thread(target=work, name="loader", daemon=True)
        thread.start()
        try:
            while True:
                item = ready.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            closed.set()
            thread.join()
