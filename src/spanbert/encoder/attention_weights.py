"""Where the heads of an encoder look: the attention weights, which the kernels of `encoder.attention` do not give.

Shapes: T tokens of one text, N layers, H heads, D hidden size, d = D / H.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from spanbert.core.errors import InputError
from spanbert.core.types import PackedBatch
from spanbert.encoder.attention import Bounds
from spanbert.encoder.blocks import Block, SelfAttention
from spanbert.encoder.model import Encoder
from spanbert.encoder.placement import on_device


@torch.no_grad()
def attention_weights(encoder: Encoder, batch: PackedBatch) -> Tensor:
    """The attention weights of every layer and head for one text (Vaswani et al. 2017, section 3.2.1).

    Cost: the pass of the encoder, and N H T T numbers.

    Args:
        encoder: A Transformer, in eval mode.
        batch: One segment.

    Returns:
        How much each token looks at each, (N, H, T, T): rows of sum 1. With span-wise attention a token looks at
        nothing outside of its span.

    Raises:
        InputError: An encoder without attention.
    """
    config, device = encoder.config, encoder.device
    if config.kind != "transformer":
        raise InputError("an encoder without attention", got=config.kind, expected="a Transformer")
    if len(batch.cu_seqlens) != 2:
        raise ValueError(f"one segment is looked at, got {len(batch.cu_seqlens) - 1}")
    types_T = None if batch.token_types_T is None else on_device(batch.token_types_T, device)
    hidden_TD: Tensor = encoder.embeddings(
        on_device(batch.ids_T, device), on_device(batch.positions_T + config.position_offset, device), types_T
    )
    bounds = encoder.attention_bounds(batch.cu_seqlens.tolist())
    found = []
    for number, block in enumerate(encoder.blocks):
        assert isinstance(block, Block)
        within = bounds[number % 2]
        found.append(_weights(block.attention, hidden_TD, within))
        hidden_TD = block(hidden_TD, within, encoder.backend)
    return torch.stack(found)


def _weights(attention: SelfAttention, hidden_TD: Tensor, bounds: Bounds) -> Tensor:
    """Of one layer, (H, T, T)."""
    query_THd, key_THd, _ = attention.input(hidden_TD).float().unflatten(1, (3, attention.heads, -1)).unbind(1)
    tokens = len(hidden_TD)
    weights_HTT: Tensor = query_THd.new_zeros(attention.heads, tokens, tokens)
    for start, end in pairwise(bounds.starts):
        query_Htd, key_Htd = (one[start:end].transpose(0, 1) for one in (query_THd, key_THd))
        scores_Htt = query_Htd @ key_Htd.transpose(1, 2) / query_Htd.shape[2] ** 0.5
        weights_HTT[:, start:end, start:end] = scores_Htt.softmax(-1)
    return weights_HTT
