"""BERT's layers on packed tokens (Devlin et al. 2019): post-norm, learned positions, erf-GELU.

Shapes: T tokens, R rows of them, V pieces, D hidden size, H heads, d = D / H.
"""

from __future__ import annotations

from torch import Tensor, nn

from spanbert.encoder.attention import Backend, Bounds, attend
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.int8_layers import Int8Embedding
from spanbert.encoder.linear import Dense, Linear


class Embeddings(nn.Module):
    """Sum of word, position (Transformer alone) and token-type embeddings, normalised."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.word: nn.Embedding | Int8Embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        has_positions = config.kind == "transformer"
        self.position = nn.Embedding(config.positions, config.hidden_size) if has_positions else None
        self.token_type = nn.Embedding(config.token_types, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.dropout = config.hidden_dropout

    @property
    def words_VD(self) -> Tensor:
        """The table of words in float32, (V, D)."""
        return self.word.table_VD if isinstance(self.word, Int8Embedding) else self.word.weight

    def forward(
        self, ids_T: Tensor, positions_T: Tensor, token_types_T: Tensor | None, words_TD: Tensor | None = None
    ) -> Tensor:
        """(T,) ids, positions and token types (None: all 0) to (T, D); `words_TD` replaces the words' own vectors."""
        types_TD = self.token_type.weight[0] if token_types_T is None else self.token_type(token_types_T)
        hidden_TD = self.word(ids_T) if words_TD is None else words_TD
        if self.position is not None:
            hidden_TD = hidden_TD + self.position(positions_T)
        hidden_TD = hidden_TD + types_TD
        return dropout(self.norm(hidden_TD), self.dropout, self.training)


class SelfAttention(nn.Module):
    """Multi-head self-attention with residual and norm; queries, keys and values in one product."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.input: Dense = Linear(config.hidden_size, 3 * config.hidden_size)
        self.output: Dense = Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.heads = config.heads
        self.dropout, self.attention_dropout = config.hidden_dropout, config.attention_dropout

    def forward(self, hidden_TD: Tensor, bounds: Bounds, backend: Backend | None) -> Tensor:
        """(T, D) to (T, D)."""
        query_THd, key_THd, value_THd = self.input(hidden_TD).unflatten(1, (3, self.heads, -1)).unbind(1)
        return self._finish(hidden_TD, query_THd, key_THd, value_THd, bounds, bounds, backend)

    def of_rows(
        self,
        hidden_TD: Tensor,
        rows_R: Tensor,
        row_bounds: Bounds,
        bounds: Bounds,
        backend: Backend | None,
    ) -> Tensor:
        """(T, D) to (R, D): what `forward` gives for some rows; `row_bounds` says where those of each segment start."""
        size = hidden_TD.shape[1]
        hidden_RD = hidden_TD.index_select(0, rows_R)
        query_RD = self.input.part(hidden_RD, 0, size)
        both_TE = self.input.part(hidden_TD, size, 3 * size)
        key_THd, value_THd = both_TE.view(len(hidden_TD), 2, self.heads, -1).unbind(1)
        query_RHd = query_RD.view(len(hidden_RD), self.heads, -1)
        return self._finish(hidden_RD, query_RHd, key_THd, value_THd, row_bounds, bounds, backend)

    def _finish(
        self,
        hidden_RD: Tensor,
        query_RHd: Tensor,
        key_THd: Tensor,
        value_THd: Tensor,
        row_bounds: Bounds,
        bounds: Bounds,
        backend: Backend | None,
    ) -> Tensor:
        attended_RHd = attend(
            query_RHd,
            key_THd,
            value_THd,
            row_bounds,
            bounds,
            dropout=self.attention_dropout if self.training else 0.0,
            backend=backend,
        )
        update_RD = dropout(self.output(attended_RHd.flatten(1)), self.dropout, self.training)
        output_RD: Tensor = self.norm(hidden_RD + update_RD)
        return output_RD


class FeedForward(nn.Module):
    """Two dense layers with erf-GELU between, residual and norm."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.input: Dense = Linear(config.hidden_size, config.feed_forward_size)
        self.output: Dense = Linear(config.feed_forward_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.dropout = config.hidden_dropout

    def forward(self, hidden_TD: Tensor) -> Tensor:
        """(T, D) to (T, D)."""
        update_TD = dropout(self.output(self.input.gelu(hidden_TD)), self.dropout, self.training)
        output_TD: Tensor = self.norm(hidden_TD + update_TD)
        return output_TD


class Block(nn.Module):
    """One Transformer layer."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = SelfAttention(config)
        self.feed_forward = FeedForward(config)

    def forward(self, hidden_TD: Tensor, bounds: Bounds, backend: Backend | None) -> Tensor:
        """(T, D) to (T, D)."""
        output_TD: Tensor = self.feed_forward(self.attention(hidden_TD, bounds, backend))
        return output_TD

    def of_rows(
        self,
        hidden_TD: Tensor,
        rows_R: Tensor,
        row_bounds: Bounds,
        bounds: Bounds,
        backend: Backend | None,
    ) -> Tensor:
        """(T, D) to (R, D): what `forward` gives for some rows; keys and values alone are computed for the others."""
        output_RD: Tensor = self.feed_forward(self.attention.of_rows(hidden_TD, rows_R, row_bounds, bounds, backend))
        return output_RD
