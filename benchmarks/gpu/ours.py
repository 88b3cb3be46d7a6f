"""Our side of the pre-training comparison."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from typing_extensions import override

from benchmarks.gpu.side import Setup, Side
from spanbert.batches.loader import Loader, Step
from spanbert.batches.plan import Pack, PackingPlan, PlanPosition
from spanbert.encoder.model import Encoder
from spanbert.tasks.pretrain.costs import step_flops
from spanbert.tasks.pretrain.encode import PackSize
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer
from spanbert.train.parallel import OneProcess
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.runtime import Runtime
from spanbert.train.step import backward

_PACKS = 384  # that are read, again and again


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
