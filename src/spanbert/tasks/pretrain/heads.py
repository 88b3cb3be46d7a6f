"""The two heads of span pre-training and their losses, on target rows only.

Shapes: T tokens, D hidden size, K masked pieces, J with an SBO target, V vocabulary, P size of SBO positions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from spanbert.checkpoint.bundle import HEADS_PREFIX
from spanbert.core.types import IntArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import initialise
from spanbert.encoder.placement import on_device
from spanbert.encoder.tied_loss import tied_cross_entropy, tied_logits
from spanbert.tasks.pretrain.encode import PretrainTargets

TASK = "pretrain"  # under which a bundle keeps the SBO head
HUB_TASK = "fill-mask"  # what the hub calls it
SBO_PREFIX = f"{HEADS_PREFIX}{TASK}."  # before its names there


class MLMHead(nn.Module):
    """BERT's transform (dense, GELU, norm) before the decoder that is tied to the word embeddings."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.apply(initialise)

    def forward(self, hidden_KD: Tensor) -> Tensor:
        """(K, D) rows of masked pieces to (K, D) in the space of the word embeddings."""
        transformed_KD: Tensor = self.norm(gelu(self.dense(hidden_KD)))
        return transformed_KD


class SBOHead(nn.Module):
    """The span-boundary objective (Joshi et al. 2020, section 3.2): a piece from the two pieces around its span.

    h0 = [x_left; x_right; p_offset], h1 = LN(GELU(W1 h0)), y = LN(GELU(W2 h1)), logits = y E^T + b.
    """

    def __init__(self, config: EncoderConfig, positions: int, position_size: int) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.position = nn.Embedding(positions, position_size)
        self.first = nn.Linear(2 * hidden + position_size, hidden)
        self.first_norm = nn.LayerNorm(hidden, eps=config.norm_epsilon)
        self.second = nn.Linear(hidden, hidden)
        self.second_norm = nn.LayerNorm(hidden, eps=config.norm_epsilon)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.apply(initialise)

    def forward(self, left_JD: Tensor, right_JD: Tensor, offset_J: Tensor) -> Tensor:
        """(J, D) boundary rows and offsets (J,) to (J, D) in the space of the word embeddings."""
        boundary = torch.cat([left_JD, right_JD, self.position(offset_J)], dim=1)
        first_JD = self.first_norm(gelu(self.first(boundary)))
        second_JD: Tensor = self.second_norm(gelu(self.second(first_JD)))
        return second_JD


class PretrainHead(nn.Module):
    """Both heads; without `sbo` where a model has an MLM head alone."""

    def __init__(self, config: EncoderConfig, *, sbo_positions: int = 20, sbo_position_size: int = 200) -> None:
        super().__init__()
        self.mlm = MLMHead(config)
        self.sbo = SBOHead(config, sbo_positions, sbo_position_size) if sbo_positions else None

    def set_biases(self, log_frequencies_V: Tensor) -> None:
        """Starts the output biases at the log unigram frequencies of the corpus, (V,)."""
        with torch.no_grad():
            for head in (self.mlm, self.sbo):
                if head is not None:
                    head.bias.copy_(log_frequencies_V)

    def logits(self, hidden_TD: Tensor, targets: PretrainTargets, words_VD: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of the masked pieces, for prediction: MLM (K, V), and SBO (J, V) where there is such a head."""
        mlm_KD, sbo_JD = self._transform(hidden_TD, targets)
        mlm_KV = tied_logits(mlm_KD, words_VD, self.mlm.bias)
        if self.sbo is None or sbo_JD is None:
            return mlm_KV, None
        return mlm_KV, tied_logits(sbo_JD, words_VD, self.sbo.bias)

    def losses(self, hidden_TD: Tensor, targets: PretrainTargets, words_VD: Tensor) -> dict[str, Tensor]:
        """Summed cross-entropy of each objective in nats, scalars."""
        mlm_KD, sbo_JD = self._transform(hidden_TD, targets)
        ids_K = on_device(targets.mlm_id_K, hidden_TD.device)
        sums = {"mlm": tied_cross_entropy(mlm_KD, words_VD, self.mlm.bias, ids_K).sum()}
        if self.sbo is not None and sbo_JD is not None:
            ids_J = on_device(targets.mlm_id_K[targets.sbo_index_J], hidden_TD.device)
            sums["sbo"] = tied_cross_entropy(sbo_JD, words_VD, self.sbo.bias, ids_J).sum()
        return sums

    def _transform(self, hidden_TD: Tensor, targets: PretrainTargets) -> tuple[Tensor, Tensor | None]:
        mlm_KD = self.mlm(_rows(hidden_TD, targets.mlm_index_K))
        if self.sbo is None:
            return mlm_KD, None
        left_JD, right_JD = _rows(hidden_TD, targets.left_J), _rows(hidden_TD, targets.right_J)
        return mlm_KD, self.sbo(left_JD, right_JD, on_device(targets.offset_J, hidden_TD.device))


def _rows(hidden_TD: Tensor, index: IntArray) -> Tensor:
    """Rows of the hidden states; `index_select`, because the backward of plain indexing sums in no fixed order."""
    return hidden_TD.index_select(0, on_device(index, hidden_TD.device))
