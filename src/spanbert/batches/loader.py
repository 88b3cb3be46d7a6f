"""The loader: packs of a plan -> the micro-batches of one optimiser step, made ahead in a thread.

    PackingPlan.stream(position) -> G packs a step -> `encode` -> Step(micro-batches, position after)

Its whole state is the plan position of the last step that was used.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from spanbert.batches.plan import Pack, PackingPlan, PlanPosition
from spanbert.core.errors import InputError

EncodedT = TypeVar("EncodedT")


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(Generic[EncodedT]):
    """What one optimiser step reads.

    Attributes:
        micro_batches: Encoded batches; gradients are summed over them.
        tokens: Tokens in all of them, specials included.
        after: Where the plan stands when the step is done.
    """

    micro_batches: list[EncodedT]
    tokens: int
    after: PlanPosition


class Loader(Generic[EncodedT]):
    """Encoded steps of a packing plan, prefetched.

    Args:
        plan: Where the packs come from.
        encode: Makes a batch of the packs of one micro-batch (masking happens here); a pure function of them.
        packs: G, packs a step.
        accumulation: Micro-batches a step; must divide `packs`.
        start: Where to begin.
        prefetch: Steps made ahead.

    Raises:
        InputError: `accumulation` does not divide `packs`.
    """

    def __init__(
        self,
        plan: PackingPlan,
        encode: Callable[[Sequence[Pack]], EncodedT],
        *,
        packs: int,
        accumulation: int = 1,
        start: PlanPosition | None = None,
        prefetch: int = 4,
    ) -> None:
        if packs % accumulation:
            raise InputError(
                "accumulation must divide the packs of a step",
                where="train.accumulation",
                got=f"{accumulation} micro-batches for batch.packs = {packs}",
            )
        self.plan, self.encode = plan, encode
        self.packs, self.accumulation = packs, accumulation
        self.start = start or PlanPosition()
        self.prefetch = prefetch

    def _make(self) -> Iterator[Step[EncodedT]]:
        stream = self.plan.stream(self.start)
        size = self.packs // self.accumulation
        while True:
            packs = list(islice(stream, self.packs))
            yield Step(
                micro_batches=[self.encode(packs[first : first + size]) for first in range(0, len(packs), size)],
                tokens=sum(pack.tokens for pack in packs),
                after=packs[-1].after,
            )

    def __iter__(self) -> Iterator[Step[EncodedT]]:
        ready: queue.Queue[Step[EncodedT] | BaseException] = queue.Queue(maxsize=self.prefetch)
        closed = threading.Event()

        def put(item: Step[EncodedT] | BaseException) -> None:
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
