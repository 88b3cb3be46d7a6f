"""The Transformer decoder (Vaswani et al. 2017), pre-norm (Xiong et al. 2020): target pieces to hidden states.

In training all rows of all texts are computed at once, packed, each seeing those before it. In search `DecoderState`
keeps the keys and values of what was written, and every step computes one row for each hypothesis.

Shapes: T rows of the targets, R rows of the sources, D width, W width of the encoder, H heads, d = D / H;
S texts, B hypotheses of each, L rows of the longest source, K pieces that all hypotheses of a text wrote.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from spanbert.encoder.attention import Bounds, attend
from spanbert.encoder.dropout import dropout
from spanbert.encoder.linear import Linear
from spanbert.encoder.placement import on_device
from spanbert.tasks.translate.shape import DecoderShape

_GROWTH = 8  # steps for which the memory of keys and values has room when it grows


class DecoderBlock(nn.Module):
    """Causal self-attention, attention over the source, feed-forward; each behind a norm, with a residual."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        width = shape.width
        self.norm_self, self.norm_source, self.norm_forward = (nn.LayerNorm(width) for _ in range(3))
        self.self_input = Linear(width, 3 * width)
        self.self_output = Linear(width, width)
        self.source_query = Linear(width, width)
        self.source_input = Linear(shape.source, 2 * width)
        self.source_output = Linear(width, width)
        self.input = Linear(width, shape.feed_forward)
        self.output = Linear(shape.feed_forward, width)
        self.heads, self.dropout = shape.heads, shape.dropout

    def forward(self, hidden_TD: Tensor, source_RW: Tensor, bounds: Bounds, source_bounds: Bounds) -> Tensor:
        """(T, D) to (T, D).

        Args:
            hidden_TD: Rows of the targets.
            source_RW: Rows of the sources.
            bounds: Where each target starts.
            source_bounds: Where each source starts.
        """
        hidden_TD = self._self_part(hidden_TD, bounds)
        query_THd, key_RHd, value_RHd = self._source_inputs(hidden_TD, source_RW)
        seen_THd = attend(query_THd, key_RHd, value_RHd, bounds, source_bounds)
        return self._forward_part(self._source_part(hidden_TD, seen_THd))

    def _self_part(self, hidden_TD: Tensor, bounds: Bounds) -> Tensor:
        query_THd, key_THd, value_THd = (
            self.self_input(self.norm_self(hidden_TD)).unflatten(1, (3, self.heads, -1)).unbind(1)
        )
        seen_THd = attend(query_THd, key_THd, value_THd, bounds, bounds, causal=True)
        return hidden_TD + dropout(self.self_output(seen_THd.flatten(1)), self.dropout, self.training)

    def _source_inputs(self, hidden_TD: Tensor, source_RW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the targets, (T, H, d); keys and values of the sources, (R, H, d)."""
        query_THd = self.source_query(self.norm_source(hidden_TD)).unflatten(1, (self.heads, -1))
        key_RHd, value_RHd = self.source_input(source_RW).unflatten(1, (2, self.heads, -1)).unbind(1)
        return query_THd, key_RHd, value_RHd

    def _source_part(self, hidden_TD: Tensor, seen_THd: Tensor) -> Tensor:
        return hidden_TD + dropout(self.source_output(seen_THd.flatten(1)), self.dropout, self.training)

    def _forward_part(self, hidden_ND: Tensor) -> Tensor:
        update_ND = self.output(self.input.gelu(self.norm_forward(hidden_ND)))
        return hidden_ND + dropout(update_ND, self.dropout, self.training)

    def source_weights(
        self, hidden_TD: Tensor, source_RW: Tensor, bounds: Bounds, source_bounds: Bounds
    ) -> tuple[Tensor, Tensor]:
        """The output of `forward` for one text, and how much each target row looks at each source row, (T, R).

        Args:
            hidden_TD: Rows of the one target.
            source_RW: Rows of the one source.
            bounds: Of the target.
            source_bounds: Of the source.
        """
        hidden_TD = self._self_part(hidden_TD, bounds)
        query_THd, key_RHd, value_RHd = self._source_inputs(hidden_TD, source_RW)
        seen_THd = attend(query_THd, key_RHd, value_RHd, bounds, source_bounds)
        scores_HTR = torch.einsum("thd,rhd->htr", query_THd, key_RHd) / math.sqrt(query_THd.shape[2])
        output_TD = self._forward_part(self._source_part(hidden_TD, seen_THd))
        return output_TD, scores_HTR.float().softmax(2).mean(0)

    def step(self, hidden_ND: Tensor, state: BlockState, seen_S1BK: Tensor) -> Tensor:
        """One new row of each hypothesis: (N, D) to (N, D), N = S * B; its key and value join the state.

        Args:
            hidden_ND: Of the new pieces, text after text.
            state: Of this block.
            seen_S1BK: Added to scores: 0 for what a hypothesis wrote itself, -inf for what others of its text wrote.
        """
        rows, texts = len(hidden_ND), len(state.keys_SHLd)
        both_SBE = self.self_input(self.norm_self(hidden_ND)).view(
            texts, -1, 3 * self.heads, hidden_ND.shape[1] // self.heads
        )
        query_SHBd, key_SHBd, value_SHBd = both_SBE.transpose(1, 2).split(self.heads, dim=1)
        keys_SHKd, values_SHKd = state.written(key_SHBd, value_SHBd)
        seen_SHBd = _attend(query_SHBd, keys_SHKd, values_SHKd, seen_S1BK)
        hidden_ND = hidden_ND + self.self_output(seen_SHBd.transpose(1, 2).reshape(rows, -1))
        query_SHBd = self.source_query(self.norm_source(hidden_ND)).view(texts, -1, self.heads, keys_SHKd.shape[3])
        seen_SHBd = _attend(query_SHBd.transpose(1, 2), state.keys_SHLd, state.values_SHLd, state.mask_S11L)
        hidden_ND = hidden_ND + self.source_output(seen_SHBd.transpose(1, 2).reshape(rows, -1))
        return self._forward_part(hidden_ND)


class BlockState:
    """What a block keeps of a search: keys and values of the sources, and of all that was written.

    Those of what was written are kept text by text, whichever hypothesis wrote it: hypotheses that go on from one
    another need no copies, only a mask that says what each has written itself.

    Args:
        keys_SHLd: Of the sources, padded.
        values_SHLd: The same.
        mask_S11L: Added to scores: 0, and -inf where a source has no row; None: all sources are equally long.
    """

    def __init__(self, keys_SHLd: Tensor, values_SHLd: Tensor, mask_S11L: Tensor | None) -> None:
        self.keys_SHLd, self.values_SHLd, self.mask_S11L = keys_SHLd, values_SHLd, mask_S11L
        texts, heads, _, size = keys_SHLd.shape
        self._both = keys_SHLd.new_empty(2, texts, heads, 0, size)  # the fourth dimension has room for more
        self._count = 0

    def written(self, key_SHBd: Tensor, value_SHBd: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of all that was written, these new ones included, each (S, H, K, d)."""
        count = self._count + key_SHBd.shape[2]
        if count > self._both.shape[3]:
            _, texts, heads, _, size = self._both.shape
            grown = self._both.new_empty(2, texts, heads, count + _GROWTH * key_SHBd.shape[2], size)
            grown[:, :, :, : self._count] = self._both[:, :, :, : self._count]
            self._both = grown
        self._both[0, :, :, self._count : count] = key_SHBd
        self._both[1, :, :, self._count : count] = value_SHBd
        self._count = count
        return self._both[0, :, :, :count], self._both[1, :, :, :count]

    def keep(self, texts_S: Tensor) -> None:
        """Keeps some texts."""
        self.keys_SHLd, self.values_SHLd = self.keys_SHLd[texts_S], self.values_SHLd[texts_S]
        self.mask_S11L = None if self.mask_S11L is None else self.mask_S11L[texts_S]
        self._both = self._both[:, texts_S]


class Decoder(nn.Module):
    """Embeddings, blocks, a last norm, and the product with the embeddings again.

    Args:
        shape: Its dimensions.
    """

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.word = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(DecoderBlock(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))
        nn.init.normal_(self.word.weight, std=shape.width**-0.5)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, ids_T: Tensor, source_RW: Tensor, bounds: Bounds, source_bounds: Bounds) -> Tensor:
        """Hidden states of the targets, normalised, (T, D).

        Args:
            ids_T: `<s>` and pieces of each target.
            source_RW: Hidden states of the sources.
            bounds: Where each target starts.
            source_bounds: Where each source starts.
        """
        hidden_TD = self.embedded(ids_T, torch.cat([torch.arange(length) for length in bounds.lengths]))
        hidden_TD = dropout(hidden_TD, self.shape.dropout, self.training)
        for block in self.blocks:
            hidden_TD = block(hidden_TD, source_RW, bounds, source_bounds)
        output_TD: Tensor = self.norm(hidden_TD)
        return output_TD

    def embedded(self, ids_N: Tensor, positions_N: Tensor) -> Tensor:
        """Embeddings times sqrt(D) plus sinusoidal positions (Vaswani et al. 2017, sections 3.4, 3.5), (N, D)."""
        words_ND: Tensor = self.word(ids_N) * math.sqrt(self.shape.width)
        return words_ND + positions(on_device(positions_N, words_ND.device), self.shape.width)

    def attention(self, ids_T: Tensor, source_RW: Tensor) -> Tensor:
        """How much each row of one target looks at each row of its source: the mean of all heads and layers, (T, R)."""
        bounds, source_bounds = Bounds([0, len(ids_T)]), Bounds([0, len(source_RW)])
        hidden_TD = self.embedded(ids_T, torch.arange(len(ids_T)))
        weights = []
        for block in self.blocks:
            assert isinstance(block, DecoderBlock)
            hidden_TD, weights_TR = block.source_weights(hidden_TD, source_RW, bounds, source_bounds)
            weights.append(weights_TR)
        return torch.stack(weights).mean(0)

    def begin(self, source_RW: Tensor, source_bounds: Bounds) -> DecoderState:
        """The state of a search that has written nothing."""
        return DecoderState(self, source_RW, source_bounds)


class DecoderState:
    """Hypotheses as far as they are written: keys and values of every layer.

    Args:
        decoder: In eval mode.
        source_RW: Hidden states of the sources.
        source_bounds: Where each source starts.
    """

    def __init__(self, decoder: Decoder, source_RW: Tensor, source_bounds: Bounds) -> None:
        self._decoder, self._count = decoder, 0
        lengths = torch.tensor(source_bounds.lengths)
        longest, texts = source_bounds.longest, len(lengths)
        has_row_SL = torch.arange(longest) < lengths[:, None]
        mask = None
        if int(lengths.min()) < longest:
            mask = torch.zeros(texts, 1, 1, longest).masked_fill_(~has_row_SL[:, None, None], float("-inf"))
            mask = mask.to(source_RW)
        has_row_SL = on_device(has_row_SL, source_RW.device)
        self._blocks = []
        for block in decoder.blocks:
            assert isinstance(block, DecoderBlock)
            both_RE = block.source_input(source_RW)
            both_SLE = both_RE.new_zeros(texts, longest, both_RE.shape[1])
            both_SLE[has_row_SL] = both_RE
            keys, values = both_SLE.view(texts, longest, 2, block.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
            self._blocks.append(BlockState(keys, values, mask))
        self._seen_SBK = source_RW.new_zeros(texts, 1, 0)

    def step(self, ids_SB: Tensor) -> Tensor:
        """The next piece of each hypothesis joins it; hidden states to tell what may follow, (N, D).

        Args:
            ids_SB: The pieces.
        """
        decoder, (texts, rows) = self._decoder, ids_SB.shape
        own_BB = self._seen_SBK.new_full((rows, rows), float("-inf")).fill_diagonal_(0.0)
        self._seen_SBK = torch.cat([self._seen_SBK, own_BB.expand(texts, rows, rows)], dim=2)
        ids_N = on_device(ids_SB.flatten(), self._seen_SBK.device)
        hidden_ND = decoder.embedded(ids_N, torch.tensor([self._count]))
        for block, state in zip(decoder.blocks, self._blocks, strict=True):
            assert isinstance(block, DecoderBlock)
            hidden_ND = block.step(hidden_ND, state, self._seen_SBK[:, None])
        self._count += 1
        output_ND: Tensor = decoder.norm(hidden_ND)
        return output_ND

    def keep(self, texts_S: Tensor | None, parents_SB: Tensor) -> None:
        """Keeps some texts with new hypotheses.

        Args:
            texts_S: Which texts; None: all.
            parents_SB: The hypothesis of its text that each new one goes on from.
        """
        device = self._seen_SBK.device
        if texts_S is not None:
            texts_S = on_device(texts_S, device)
            self._seen_SBK = self._seen_SBK[texts_S]
            for state in self._blocks:
                state.keep(texts_S)
        parents_SBK = on_device(parents_SB, device)[:, :, None].expand(-1, -1, self._seen_SBK.shape[2])
        self._seen_SBK = self._seen_SBK.gather(1, parents_SBK)


def _attend(query_SHBd: Tensor, keys_SHKd: Tensor, values_SHKd: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of few queries, (S, H, B, d): two batched products, quicker than the fused kernel for a handful."""
    scores_SHBK = (query_SHBd / math.sqrt(query_SHBd.shape[3])) @ keys_SHKd.transpose(2, 3)
    if mask is not None:
        scores_SHBK += mask
    return scores_SHBK.softmax(3) @ values_SHKd


def positions(positions_N: Tensor, width: int) -> Tensor:
    """Sinusoids of each position, (N, D): sine in the first half of the columns, cosine in the second."""
    half = width // 2
    rates = torch.exp(torch.arange(half, device=positions_N.device) * (-math.log(10_000.0) / max(half - 1, 1)))
    angles_NF = positions_N[:, None].float() * rates
    found_ND = torch.cat([angles_NF.sin(), angles_NF.cos()], dim=1)
    return found_ND if width % 2 == 0 else torch.nn.functional.pad(found_ND, (0, 1))
