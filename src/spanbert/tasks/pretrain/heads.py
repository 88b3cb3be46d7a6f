"""The two heads of span pre-training and their losses, on target rows only.

Shapes: T tokens, D hidden size, K masked pieces, J with an SBO target, V vocabulary, P size of SBO positions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear

from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import initialise
from spanbert.tasks.pretrain.encode import PretrainTargets


class MLMHead(nn.Module):
    """BERT's transform (dense, GELU, norm) before the decoder that is tied to the word embeddings."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.apply(initialise)

    def forward(self, hidden_KD: Tensor, words_VD: Tensor) -> Tensor:
        """(K, D) rows of masked pieces and the word embeddings (V, D) to logits (K, V)."""
        return linear(self.norm(gelu(self.dense(hidden_KD))), words_VD, self.bias)


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

    def forward(self, left_JD: Tensor, right_JD: Tensor, offset_J: Tensor, words_VD: Tensor) -> Tensor:
        """(J, D) boundary rows, offsets (J,) and the word embeddings (V, D) to logits (J, V)."""
        boundary = torch.cat([left_JD, right_JD, self.position(offset_J)], dim=1)
        first_JD = self.first_norm(gelu(self.first(boundary)))
        return linear(self.second_norm(gelu(self.second(first_JD))), words_VD, self.bias)


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
        """Logits of the masked pieces: MLM (K, V), and SBO (J, V) where there is such a head."""
        mlm_KV = self.mlm(_rows(hidden_TD, targets.mlm_index_K), words_VD)
        if self.sbo is None:
            return mlm_KV, None
        left_JD, right_JD = _rows(hidden_TD, targets.left_J), _rows(hidden_TD, targets.right_J)
        offset_J = torch.from_numpy(targets.offset_J).to(hidden_TD.device)
        return mlm_KV, self.sbo(left_JD, right_JD, offset_J, words_VD)

    def losses(self, hidden_TD: Tensor, targets: PretrainTargets, words_VD: Tensor) -> dict[str, Tensor]:
        """Summed cross-entropy of each objective in nats, scalars."""
        mlm_KV, sbo_JV = self.logits(hidden_TD, targets, words_VD)
        ids_K = torch.from_numpy(targets.mlm_id_K).to(hidden_TD.device)
        sums = {"mlm": cross_entropy(mlm_KV, ids_K, reduction="sum")}
        if sbo_JV is not None:
            ids_J = torch.from_numpy(targets.mlm_id_K[targets.sbo_index_J]).to(hidden_TD.device)
            sums["sbo"] = cross_entropy(sbo_JV, ids_J, reduction="sum")
        return sums


def _rows(hidden_TD: Tensor, index: object) -> Tensor:
    """Rows of the hidden states; `index_select`, because the backward of plain indexing sums in no fixed order."""
    return hidden_TD.index_select(0, torch.as_tensor(index).to(hidden_TD.device))
