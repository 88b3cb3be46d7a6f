"""A side of the pre-training comparison: `ours`, or the `peer`. Each lives in a process of its own.

Both: random weights of one shape, the same documents, segments of one length, fused AdamW, gradient clip 1, dropout of
hidden states 0.1 and none in attention, products in the device's precision, compiled where that is asked for.
"""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.hardware import prepare_process, resolved_device, resolved_precision, wait_for
from spanbert.tokens.store import TokenStore

_PREPARED = 6  # batches that are made before the clock starts
_ROOM = 0.8  # of its memory that a side may take while it is sized: what a compiler makes may need more
_TRIED, _USEFUL = 2, 0.97  # steps of each size; the smallest size that is so fast is taken
_WARM_UP = 3


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What both sides do.

    Attributes:
        store: The token store.
        tokenizer: A folder with its tokenizer.
        shape: Layers, hidden size, heads.
        length: Tokens of a segment.
        pack: Tokens of a pack; a step reads some of them.
        device: What computes.
        compiled: Whether torch compiles.
        memory: Share of the device's memory that a side may take.
        flash: Whether the peer's attention must be the flash kernel; else torch chooses.
    """

    store: Path
    tokenizer: Path
    shape: tuple[int, int, int]
    length: int
    pack: int
    device: str
    compiled: bool
    memory: float
    flash: bool = False

    def config(self, vocabulary: int) -> EncoderConfig:
        """The encoder."""
        layers, hidden, heads = self.shape
        size = {"layers": layers, "hidden_size": hidden, "heads": heads, "feed_forward_size": 4 * hidden}
        return EncoderConfig(vocab_size=vocabulary, positions=max(self.length, 512), **size)  # type: ignore[arg-type]


class Side(ABC):
    """A model, its optimiser and its batches.

    Args:
        setup: See there.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup, self.device = setup, resolved_device(setup.device)
        prepare_process(self.device)
        torch.manual_seed(0)
        self._allow(setup.memory)
        self.precision = resolved_precision("auto", self.device)
        self.store = TokenStore(setup.store, verify=False)
        self._batches: list[Any] = []
        self._stream: Iterator[Any] = iter(())

    @abstractmethod
    def batches(self, packs: int) -> Iterator[Any]:
        """Batches as they are made in training, with so many packs each, without an end."""

    @abstractmethod
    def step(self, batch: Any) -> int:
        """One optimiser step; the tokens of text that it read."""

    @abstractmethod
    def compile(self) -> None:
        """Lets torch compile the model."""

    @abstractmethod
    def flops(self, batch: Any) -> float:
        """Operations of the products of a step, forward and backward."""

    def _allow(self, share: float) -> None:
        """Bounds the memory of this process, in shares of the device's."""
        if self.device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(share, self.device)

    def built(self) -> bool:
        """True: a side is built when it is first asked something."""
        return True

    def product(self, size: int) -> float:
        """Operations a second of a large product in the precision of the steps: the best of some."""
        kind = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        left, right = (torch.randn(size, size, device=self.device).to(kind) for _ in range(2))
        best = float("inf")
        for _ in range(12):
            wait_for(self.device)
            begun = time.perf_counter()
            torch.mm(left, right)
            wait_for(self.device)
            best = min(best, time.perf_counter() - begun)
        return 2 * size**3 / best

    def useful_packs(self, candidates: Sequence[int]) -> dict[str, Any]:
        """Packs a step: the fewest with which it is about as fast as with any number that fits; without a compiler.

        Args:
            candidates: Rising.

        Returns:
            `packs`, and `tried`: tokens a second with each number.
        """
        tried: dict[int, float] = {}
        self._allow(_ROOM * self.setup.memory)
        for packs in candidates:
            try:
                some = list(itertools.islice(self.batches(packs), 1 + _TRIED))
                self.step(some[0])
                seconds, tokens = self._timed(some[1:])
            except torch.OutOfMemoryError:
                break
            finally:
                self._free()
            tried[packs] = tokens / seconds
        self._allow(self.setup.memory)
        if not tried:
            raise torch.OutOfMemoryError(f"not even {candidates[0]} packs fit")
        packs = next(one for one, speed in tried.items() if speed >= _USEFUL * max(tried.values()))
        return {"packs": packs, "tried": {str(one): round(speed) for one, speed in tried.items()}}

    def prepare(self, packs: int) -> dict[str, Any]:
        """Compiles, warms up, and makes the batches that are timed.

        Args:
            packs: Of a step.

        Returns:
            Seconds until then, tokens a step, seconds a step, operations a token.
        """
        begun = time.perf_counter()
        if self.setup.compiled:
            self.compile()
        self._stream = self.batches(packs)
        self._batches = list(itertools.islice(self._stream, _PREPARED))
        for batch in self._batches[:_WARM_UP]:
            self.step(batch)
        wait_for(self.device)
        ready = time.perf_counter() - begun
        self._free()
        seconds, tokens = self._timed(self._batches)
        flops = sum(map(self.flops, self._batches))
        return {
            "seconds_until_warm": round(ready, 1),
            "tokens_per_step": round(tokens / _PREPARED),
            "seconds_per_step": seconds / _PREPARED,
            "flops_per_token": flops / tokens,
        }

    def prepared_steps(self, steps: int) -> tuple[float, int]:
        """Seconds and tokens of some steps on batches that were made before."""
        return self._timed(list(itertools.islice(itertools.cycle(self._batches), steps)))

    def whole_steps(self, steps: int) -> tuple[float, int]:
        """Seconds and tokens of some steps, the making of batches included."""
        wait_for(self.device)
        begun, tokens = time.perf_counter(), 0
        for batch in itertools.islice(self._stream, steps):
            tokens += self.step(batch)
        wait_for(self.device)
        return time.perf_counter() - begun, tokens

    def peak_memory(self) -> int | None:
        """Most bytes that tensors took since it was warm; None: not a GPU."""
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else None

    def _timed(self, batches: Sequence[Any]) -> tuple[float, int]:
        wait_for(self.device)
        begun = time.perf_counter()
        tokens = sum(self.step(batch) for batch in batches)
        wait_for(self.device)
        return time.perf_counter() - begun, tokens

    def _free(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
