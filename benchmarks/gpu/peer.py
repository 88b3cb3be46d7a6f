"""The other side of the pre-training comparison: `BertForMaskedLM` of `transformers`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from typing_extensions import override

from benchmarks.gpu.side import Setup, Side
from spanbert.core.types import IntArray
from spanbert.tasks.pretrain.costs import step_flops

_MASKED = 0.15


class Peer(Side):
    """`BertForMaskedLM` on blocks of full length, so that its attention needs no mask and may be the flash kernel."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, DataCollatorForLanguageModeling

        shape = setup.config(self.store.tokenizer().vocab_size)
        self.shape = shape
        attention: dict[str, Any] = {"attn_implementation": "sdpa"}  # which its signature does not name
        config = BertConfig(
            vocab_size=shape.vocab_size, hidden_size=shape.hidden_size, num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads, intermediate_size=shape.feed_forward_size,
            max_position_embeddings=shape.positions, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.0,
            **attention,
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

    def _blocks(self) -> Iterator[IntArray]:
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
