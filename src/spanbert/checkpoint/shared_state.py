"""Training states that several processes write together, while training goes on; read by `checkpoint.state`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor

from spanbert.checkpoint.shards import write_shards
from spanbert.checkpoint.state import OF_MODEL, OF_OPTIMIZER, state_written_whole, write_facts


class SharedStates:
    """Writes states one after the other.

    Args:
        group: All processes, on the CPU; used by nothing else.
        is_first: This is the process that makes directories.
    """

    def __init__(self, group: dist.ProcessGroup, *, is_first: bool) -> None:
        self._group, self._is_first = group, is_first
        self._completing = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._begun: Future[Any] | None = None

    def begin(
        self, directory: Path, *, model: Mapping[str, Tensor], optimizer: Mapping[str, Tensor], facts: Mapping[str, Any]
    ) -> None:
        """Begins to write a state in place of the one before it, which must be whole first; all processes call it.

        Args:
            directory: As `save_state`, on a disk that all processes write to.
            model: Weights, whole or this process's share of them.
            optimizer: Moments, the same.
            facts: What else the state says.
        """
        self.finish()
        place = ExitStack()
        made = [str(place.enter_context(state_written_whole(directory))) if self._is_first else None]
        dist.broadcast_object_list(made, src=0, group=self._group)
        temporary = Path(str(made[0]))
        tensors = {OF_MODEL + name: tensor for name, tensor in model.items()}
        tensors |= {OF_OPTIMIZER + name: tensor for name, tensor in optimizer.items()}
        begun = write_shards(temporary, tensors, self._group)

        def complete() -> None:
            with place:
                begun.result()
                write_facts(temporary, facts)

        self._begun = self._completing.submit(complete) if self._is_first else begun

    def finish(self) -> None:
        """Waits until the state that was begun is whole."""
        if self._begun is not None:
            self._begun.result()
            self._begun = None
