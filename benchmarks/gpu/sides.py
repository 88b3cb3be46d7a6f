"""The two sides of the pre-training comparison: ours, and `BertForMaskedLM`. Each lives in a process of its own.

Both: random weights of one shape, the same documents, segments of one length, fused AdamW, gradient clip 1, dropout of
hidden states 0.1 and none in attention, products in the device's precision, compiled where that is asked for.
"""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from typing_extensions import override

from spanbert.batches.loader import Loader, Step
from spanbert.batches.plan import Pack, PackingPlan, PlanPosition
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.hardware import prepare_process, resolved_device, resolved_precision, wait_for
from spanbert.encoder.model import Encoder
from spanbert.tasks.pretrain.costs import step_flops
from spanbert.tasks.pretrain.encode import PackSize
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer
from spanbert.train.parallel import OneProcess
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.runtime import Runtime
from spanbert.train.step import backward

_PACKS = 384  # that our side reads, again and again
_PREPARED = 6  # batches that are made before the clock starts
_ROOM = 0.8  # of its memory that a side may take while it is sized: what a compiler makes may need more
_TRIED, _USEFUL = 2, 0.97  # steps of each size; the smallest size that is so fast is taken
_WARM_UP = 3
_MASKED = 0.15


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


class _Again:
    """The plan of a loader: some packs, again and again, so that they are laid out once for all sizes of a step."""

    def __init__(self, packs: Sequence[Pack], size: int) -> None:
        self._packs, self._size = packs, size

    @property
    def step_sizes(self) -> Collection[int]:
        """Packs a step."""
        return (self._size,)

    def steps(self, start: PlanPosition) -> Iterator[list[Pack]]:
        """The packs of each step."""
        stream = itertools.cycle(self._packs)
        while True:
            yield list(itertools.islice(stream, self._size))


class Ours(Side):
    """Span masking, MLM and SBO, as `spanbert pretrain` computes them."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        adapter = self.store.tokenizer()
        self.config = PretrainConfig.assemble(base={"train": {"device": str(self.device)}})
        self.runtime = Runtime.of(self.config.train)
        self.task = PretrainTask(
            adapter, self.store.unigram_counts(), masking=self.config.masking, sbo=self.config.sbo, seed=0,
            filled=PackSize(setup.pack, setup.length),
        )  # fmt: skip
        encoder = Encoder(setup.config(adapter.vocab_size))
        self.model = TaskModel(self.task, encoder, self.task.build_head(encoder)).to(self.device).train()
        self.optimizer = make_optimizer(self.model, self.config.optim)
        plan = PackingPlan(self.store, segment_length=setup.length, pack_tokens=setup.pack)
        self._packs = list(itertools.islice(plan.stream(PlanPosition()), _PACKS))
        self._number = 0

    @override
    def batches(self, packs: int) -> Iterator[Step[Any]]:
        return iter(Loader[Pack, Any](_Again(self._packs, packs), self.task.collate))

    @override
    def step(self, batch: Step[Any]) -> int:
        backward(OneProcess(self.model), batch, number=self._number, runtime=self.runtime)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._number += 1
        return batch.tokens

    @override
    def compile(self) -> None:
        self.model.encoder.compile_layers(at_most=self.setup.length)

    @override
    def flops(self, batch: Step[Any]) -> float:
        (micro,) = batch.micro_batches
        lengths, left = [], batch.tokens  # segments of text come first, then filling
        for one in np.diff(micro.inputs.cu_seqlens).tolist():
            if left <= 0:
                break
            lengths.append(one)
            left -= one
        return step_flops(
            self.model.encoder.config, lengths, mlm_rows=micro.counts["mlm"], sbo_rows=micro.counts["sbo"]
        )  # fmt: skip


class Peer(Side):
    """`BertForMaskedLM` on blocks of full length, so that its attention needs no mask and may be the flash kernel."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, DataCollatorForLanguageModeling

        shape = setup.config(self.store.tokenizer().vocab_size)
        self.shape = shape
        config = BertConfig(
            vocab_size=shape.vocab_size, hidden_size=shape.hidden_size, num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads, intermediate_size=shape.feed_forward_size,
            max_position_embeddings=shape.positions, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.0,
            attn_implementation="sdpa",
        )  # fmt: skip
        self.model: Any = BertForMaskedLM(config).train().to(self.device)
        self.forward: Any = self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=5e-4, weight_decay=0.1, fused=True)
        tokenizer = AutoTokenizer.from_pretrained(setup.tokenizer, model_max_length=1 << 30)
        self.collate = DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm_probability=_MASKED)

    @override
    def batches(self, packs: int) -> Iterator[dict[str, Any]]:
        """Blocks of documents end to end, as `run_mlm` makes them; the mask of padding, of which there is none, is left
        out."""
        size = packs * self.setup.pack // self.setup.length
        blocks = self._blocks()
        while some := [{"input_ids": one.tolist()} for one in itertools.islice(blocks, size)]:
            made = self.collate(some)
            yield {name: made[name].to(self.device) for name in ("input_ids", "labels")}

    def _blocks(self) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
        special, length = self.store.tokenizer().special, self.setup.length
        row = np.zeros(0, dtype=np.int64)
        while True:
            for document in self.store.documents("train"):
                row = np.concatenate([row, [special["cls"]], document.ids, [special["sep"]]])
                while len(row) >= length:
                    yield row[:length]
                    row = row[length:]

    @override
    def step(self, batch: dict[str, Any]) -> int:
        bfloat16 = self.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bfloat16), self._attention():
            loss = self.forward(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return int(batch["input_ids"].numel())

    def _attention(self) -> AbstractContextManager[None]:
        return sdpa_kernel(SDPBackend.FLASH_ATTENTION) if self.setup.flash else nullcontext()

    @override
    def compile(self) -> None:
        self.forward = torch.compile(self.model)

    @override
    def flops(self, batch: dict[str, Any]) -> float:
        rows, length = batch["input_ids"].shape
        return step_flops(self.shape, [length] * rows, mlm_rows=rows * length, sbo_rows=0)
