"""The heads of sequence labelling: a linear layer on words, and span classification for nested entities.

Shapes: S windows with w words each, R rows of all of them, D hidden size, L labels, K words of the longest span,
C candidate spans of a window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu
from typing_extensions import override

from spanbert.batches.examples import Layout
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.model import initialise
from spanbert.encoder.placement import on_device
from spanbert.tasks.head import Head

_SPAN_SIZE = 150


class TagHead(Head[IntArray]):
    """A linear layer on the first piece of every word (Devlin et al. 2019, section 5.3)."""

    def __init__(self, config: EncoderConfig, labels: int) -> None:
        super().__init__()
        self.dropout = config.hidden_dropout
        self.output = nn.Linear(config.hidden_size, labels)
        self.apply(initialise)

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """`logits` (R, L)."""
        return {"logits": self.output(dropout(hidden_RD, self.dropout, self.training))}

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[IntArray]) -> Tensor:
        """Gold is the tag index of every word, (w,)."""
        gold_R = on_device(np.concatenate(gold), hidden_RD.device)
        return cross_entropy(self(hidden_RD, layout)["logits"].float(), gold_R, reduction="sum")

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """Logits (w, L) a window."""
        logits_RL = self(hidden_RD, layout)["logits"].float().cpu()
        return [part.numpy() for part in torch.split(logits_RL, list(layout.sizes))]


class SpanHead(Head[IntArray]):
    """Classifies every span of up to K words from its first piece, last piece and width; label 0 is none.

    h = GELU(W_s x_first + W_e x_last + e_width), logits = W h + b (after Joshi et al. 2020, section 5.3, whose span
    representations are end points and width). Every span is scored alone, so that entities may nest and overlap.
    A window's rows are the first pieces of its words, then their last pieces: 2 w rows.
    """

    def __init__(self, config: EncoderConfig, labels: int, longest: int) -> None:
        super().__init__()
        self.dropout, self.longest = config.hidden_dropout, longest
        self.first = nn.Linear(config.hidden_size, _SPAN_SIZE)
        self.last = nn.Linear(config.hidden_size, _SPAN_SIZE)
        self.width = nn.Embedding(longest, _SPAN_SIZE)
        self.output = nn.Linear(_SPAN_SIZE, labels + 1)
        self.apply(initialise)

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """`logits` (sum of C, L + 1) of each window's spans, by width, then by first word."""
        hidden_RD = dropout(hidden_RD, self.dropout, self.training)
        logits = []
        for rows in torch.split(hidden_RD, list(layout.sizes)):
            words = len(rows) // 2
            first_wE, last_wE = self.first(rows[:words]), self.last(rows[words:])
            spans = [
                first_wE[: words - more] + last_wE[more:] + self.width.weight[more]
                for more in range(min(self.longest, words))
            ]
            logits.append(self.output(gelu(torch.cat(spans) if spans else first_wE)))
        return {"logits": torch.cat(logits)}

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[IntArray]) -> Tensor:
        """Gold is the label index of every span, 0 for none, (C,)."""
        gold_C = on_device(np.concatenate(gold), hidden_RD.device)
        return cross_entropy(self(hidden_RD, layout)["logits"].float(), gold_C, reduction="sum")

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """Logits (C, L + 1) a window."""
        logits_CL = self(hidden_RD, layout)["logits"].float().cpu()
        spans = [sum(rows // 2 - more for more in range(min(self.longest, rows // 2))) for rows in layout.sizes]
        return [part.numpy() for part in torch.split(logits_CL, spans)]
