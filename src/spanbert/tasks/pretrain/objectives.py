"""Span pre-training as a `Task`: store in, two losses and held-out figures out.

Shapes: T tokens, D hidden size, K masked pieces, J with an SBO target, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from spanbert.batches.masking import MaskingConfig
from spanbert.batches.plan import Pack
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.types import IntArray, Record, Scores
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder
from spanbert.encoder.placement import on_device
from spanbert.scores.pretraining import PretrainPredictions, score_predictions, unigram_log_probabilities
from spanbert.tasks.pretrain.costs import head_flops
from spanbert.tasks.pretrain.encode import PackSize, PretrainTargets, SpanCollator
from spanbert.tasks.pretrain.heads import PretrainHead
from spanbert.tasks.protocol import MicroBatch, Task
from spanbert.tokens.store import TokenStore
from spanbert.tokens.tokenizer import TokenizerAdapter


class SBOConfig(Config):
    """The span-boundary objective.

    Attributes:
        weight: Its weight in the loss; 0 leaves the head out.
        positions: Rows of the table of positions in a span.
        position_size: Width of that table.
    """

    weight: float = Field(default=1.0, ge=0)
    positions: int = Field(default=20, ge=1)
    position_size: int = Field(default=200, ge=1)


class PretrainTask(Task[Pack, PretrainTargets]):
    """MLM and SBO over a token store (Joshi et al. 2020, section 3).

    Args:
        tokenizer: The store's tokenizer.
        counts_V: Piece counts of the training text, for the biases and the unigram model.
        masking: How segments are masked.
        sbo: The span-boundary objective.
        seed: Seed of the masks.
        filled: See `SpanCollator`.
    """

    kind = "pretrain"

    def __init__(
        self,
        tokenizer: TokenizerAdapter,
        counts_V: IntArray,
        *,
        masking: MaskingConfig,
        sbo: SBOConfig,
        seed: int,
        filled: PackSize | None = None,
    ) -> None:
        self.counts_V, self.masking, self.sbo = counts_V, masking, sbo
        self.objectives: Mapping[str, float] = {"mlm": 1.0} | ({"sbo": sbo.weight} if sbo.weight else {})
        self._encode = SpanCollator(tokenizer, masking, seed, sbo.positions if sbo.weight else 0, filled)

    def read(self, source: Path) -> TokenStore:
        """Opens and verifies the token store."""
        return TokenStore(source)

    def check(self, data: TokenStore, encoder: Encoder) -> None:
        """Refuses a store whose tokenizer has more pieces than the encoder.

        Raises:
            InputError: Ids of the store reach past the encoder's vocabulary.
        """
        pieces = int(data.index["tokenizer"]["vocab_size"])
        if pieces > encoder.config.vocab_size:
            raise InputError(
                "the store's tokenizer has more pieces than the model",
                where=str(data.path),
                got=f"{pieces} pieces",
                expected=f"at most {encoder.config.vocab_size}",
                remedy="Prepare the text with the model's tokenizer",
            )

    def collate(self, items: Sequence[Pack]) -> MicroBatch[PretrainTargets]:
        """Masks and packs one micro-batch."""
        return self._encode(items)

    def build_head(self, encoder: Encoder) -> PretrainHead:
        """A new head, its biases at the log unigram frequencies."""
        positions = self.sbo.positions if self.sbo.weight else 0
        head = PretrainHead(encoder.config, sbo_positions=positions, sbo_position_size=self.sbo.position_size)
        log_frequencies = np.full(encoder.config.vocab_size, unigram_log_probabilities(self.counts_V).min())
        log_frequencies[: len(self.counts_V)] = unigram_log_probabilities(self.counts_V)
        head.set_biases(torch.from_numpy(log_frequencies).float())
        return head

    def loss(self, encoder: Encoder, head: nn.Module, hidden_TD: Tensor, targets: PretrainTargets) -> dict[str, Tensor]:
        """Summed cross-entropy of each objective in nats."""
        assert isinstance(head, PretrainHead)
        return head.losses(hidden_TD, targets, encoder.embeddings.word.weight)

    def head_flops(self, config: EncoderConfig, counts: Mapping[str, int]) -> float:
        """The products with the word embeddings, most of all."""
        return head_flops(
            config,
            mlm_rows=counts.get("mlm", 0),
            sbo_rows=counts.get("sbo", 0),
            sbo_position_size=self.sbo.position_size,
        )

    def head_of(self, head: nn.Module, targets: PretrainTargets) -> nn.Module:
        """All of it."""
        return head

    @torch.no_grad()
    def decode(self, encoder: Encoder, head: nn.Module, batch: MicroBatch[PretrainTargets]) -> PretrainPredictions:
        """The best piece of each head for each masked piece, and the loss of the true one."""
        assert isinstance(head, PretrainHead)
        targets = batch.targets
        mlm_KV, sbo_JV = head.logits(encoder(batch.inputs), targets, encoder.embeddings.word.weight)
        sbo_index_J = targets.sbo_index_J if sbo_JV is not None else np.zeros(0, dtype=np.int64)
        mlm_loss_K, mlm_best_K = _loss_and_best(mlm_KV, targets.mlm_id_K)
        sbo_loss_J, sbo_best_J = _loss_and_best(mlm_KV[:0] if sbo_JV is None else sbo_JV, targets.mlm_id_K[sbo_index_J])
        return PretrainPredictions(
            ids_K=targets.mlm_id_K,
            mlm_loss_K=mlm_loss_K,
            mlm_best_K=mlm_best_K,
            sbo_index_J=sbo_index_J,
            sbo_loss_J=sbo_loss_J,
            sbo_best_J=sbo_best_J,
            span_K=targets.span_K,
            words_M=targets.words_M,
        )

    def score(self, predictions: Iterable[PretrainPredictions]) -> Record:
        """Held-out figures: see `scores.pretraining`."""
        return score_predictions(predictions, self.counts_V, longest_span=self.masking.longest_span)

    @override
    def selection_score(self, scores: Scores) -> float:
        """Minus the weighted sum of the held-out losses."""
        return -float(
            sum(weight * scores[f"{name}_loss"] for name, weight in self.objectives.items() if f"{name}_loss" in scores)
        )

    @override
    def headline(self, scores: Scores) -> str:
        """The held-out losses."""
        losses = [f"{name} {scores[f'{name}_loss']:.3f}" for name in self.objectives if f"{name}_loss" in scores]
        return f"loss  {'  '.join(losses)}"

    def score_lines(self, scores: Scores) -> list[str]:
        """A small table."""
        rows = [("MLM", "mlm"), ("SBO", "sbo"), ("unigram", "unigram")]
        lines = [
            f"{label:<8} loss {scores[f'{name}_loss']:6.3f}   accuracy {scores[f'{name}_accuracy']:6.1%}"
            for label, name in rows
            if f"{name}_loss" in scores
        ]
        if "exact_match" in scores:
            by_words = scores["exact_match_by_words"]
            lengths = ", ".join(f"{words}: {share:.1%}" for words, share in by_words.items())
            lines.append(f"whole spans right {scores['exact_match']:.1%} (by length in words: {lengths})")
        return lines


def _loss_and_best(logits_KV: Tensor, ids_K: IntArray) -> tuple[Any, Any]:
    log_probabilities_KV = logits_KV.float().log_softmax(-1)
    picked_K = log_probabilities_KV.gather(1, on_device(ids_K, logits_KV.device)[:, None]).squeeze(1)
    return (-picked_K).cpu().double().numpy(), log_probabilities_KV.argmax(-1).cpu().numpy()
