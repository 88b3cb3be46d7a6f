"""The processes that train together: what they agree on, what the first does for all, and how they end.

launcher (torchrun, or --nproc) --environment--> joined_ranks --> Ranks, of the Runtime

The first rank reports and writes; the others see what it wrote on a disk that all can read.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from os import environ
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from spanbert.core import ranks as stated
from spanbert.core.errors import SpanbertError

_WAITING = timedelta(days=7)  # the first may score and write for long
_LOST = re.compile(r"(?i)\bgloo\b|nccl|connection (reset|closed)|broken pipe")  # gloo raises a plain RuntimeError
_ASKING = timedelta(seconds=5)
_SIGNALS = ("SIGTERM", "SIGINT")
ResultT = TypeVar("ResultT")


class RankEndedError(SpanbertError):
    """Another process of the run has ended, so that this one cannot go on."""

    def __init__(self) -> None:
        super().__init__("another process of this run has ended. The same command with --resume goes on")


@dataclass(frozen=True, eq=False)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: Its number.
        size: How many they are.
        control: What they agree through on the CPU; None: it is alone.
        states: What they write states through, beside training; None: it is alone.
    """

    rank: int = 0
    size: int = 1
    control: dist.ProcessGroup | None = None
    states: dist.ProcessGroup | None = None

    @property
    def is_first(self) -> bool:
        """Whether it reports and writes."""
        return self.rank == 0

    def sums(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the ranks, exact for integers up to 2^53."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        with lost_as_error(self):
            dist.all_reduce(tensor, group=self.control)
        found: list[float] = tensor.tolist()
        return found

    def sum_on_device(self, tensor: Tensor) -> Tensor:
        """A tensor on the device of training summed over the ranks, in place; does not wait for the device."""
        if self.size > 1:
            with lost_as_error(self):
                dist.all_reduce(tensor)
        return tensor

    def of_first(self, work: Callable[[], ResultT]) -> ResultT:
        """What some work comes to, which the first rank does for all.

        Args:
            work: Makes something that can be pickled; the others wait for it.
        """
        if self.size == 1:
            return work()
        found = [work() if self.is_first else None]
        with lost_as_error(self):
            dist.broadcast_object_list(found, src=0, group=self.control)
        result: ResultT = found[0]  # type: ignore[assignment]
        return result

    def number_of_first(self, number: float) -> float:
        """The first rank's number, such as what its clock says."""
        return self.sums([number if self.is_first else 0.0])[0]

    def signal_of_any(self, received: str | None) -> str | None:
        """The name of a signal that one of the ranks received; None: none did.

        Args:
            received: What this one received.
        """
        counts = self.sums([float(received == name) for name in _SIGNALS])
        return next((name for name, count in zip(_SIGNALS, counts, strict=True) if count), None)

    def wait(self) -> None:
        """Until all ranks are here."""
        self.sums([0.0])


@contextmanager
def lost_as_error(ranks: Ranks) -> Iterator[None]:
    """Turns what torch says when another process is gone into `RankEndedError`.

    Args:
        ranks: This process among the others.

    Raises:
        RankEndedError: Another one has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if ranks.size == 1 or not (isinstance(error, dist.DistError) or _LOST.search(str(error))):
            raise
        raise RankEndedError from error


_joined: list[Ranks] = []  # of this process, once


def joined_ranks(device: torch.device) -> Ranks:
    """This process among those of its launcher, to which it is connected with the first call; alone without one.

    Args:
        device: What it trains on.
    """
    if stated.world_size() == 1:
        return Ranks()
    if not _joined:
        if not dist.is_initialized():
            if device.type == "cuda":
                torch.cuda.set_device(device)
            backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, store=_store(), rank=stated.rank(), world_size=stated.world_size())
            atexit.register(_leave)
        groups = [dist.new_group(backend="gloo", timeout=_WAITING) for _ in range(2)]
        _joined.append(Ranks(dist.get_rank(), dist.get_world_size(), *groups))
    return _joined[0]


def _store() -> Any:
    """What processes find each other through, without what earlier ones left there before they were started anew."""
    store, _, _ = next(rendezvous("env://"))
    return dist.PrefixStore(f"spanbert/{stated.restarts()}", store)  # type: ignore[attr-defined]


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def tells_error() -> bool:
    """Whether this process is the first of its run that has an error to tell; the others end without a word."""
    if stated.world_size() == 1:
        return True
    try:
        address, port = environ["MASTER_ADDR"], int(environ["MASTER_PORT"])
        store = dist.TCPStore(address, port, is_master=False, timeout=_ASKING)  # type: ignore[attr-defined]
        own = str(stated.rank())
        return bool(store.compare_set(f"spanbert/error/{stated.restarts()}", "", own).decode() == own)
    except RuntimeError:  # the launcher is gone, too
        return stated.is_first_rank()
