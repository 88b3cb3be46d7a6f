"""The layers that the Transformer is compared with: bidirectional LSTM and gated convolution, on packed tokens.

Both have the residual and norm of a Transformer layer around them and see neither padding nor another segment. A layer
of D units has 18 D^2 weights (LSTM) or 6 D^2 (convolution); a Transformer layer has 12 D^2.

Shapes: T tokens, D hidden size, S segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import glu
from torch.nn.utils.rnn import PackedSequence

from spanbert.core.types import IntArray
from spanbert.encoder.attention import Backend
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout

_DILATIONS = (1, 2, 4, 8)


class RecurrentBlock(nn.Module):
    """One bidirectional LSTM layer (Graves and Schmidhuber 2005): D units a direction, projected back to D.

    Time grows with the longest segment, whatever the batch: each step waits for the one before it.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.recurrent = nn.LSTM(size, size, bidirectional=True)
        self.output = nn.Linear(2 * size, size)
        self.norm = nn.LayerNorm(size, eps=config.norm_epsilon)
        self.dropout = config.hidden_dropout

    def forward(self, hidden_TD: Tensor, cu_seqlens: Sequence[int], backend: Backend | None) -> Tensor:
        """(T, D) to (T, D); `backend` is of attention and means nothing here."""
        order_T, back_T, sizes = (torch.from_numpy(one) for one in _time_order(tuple(cu_seqlens)))
        order_T, back_T = order_T.to(hidden_TD.device), back_T.to(hidden_TD.device)
        states, _ = self.recurrent(PackedSequence(hidden_TD.index_select(0, order_T), sizes))
        update_TD = self.output(states.data).index_select(0, back_T)
        output_TD: Tensor = self.norm(hidden_TD + dropout(update_TD, self.dropout, self.training))
        return output_TD


class ConvolutionBlock(nn.Module):
    """One gated convolution over three tokens (Gehring et al. 2017), dilated as in Strubell et al. (2017).

    Dilations 1, 2, 4, 8 and again: four layers see 15 tokens to either side, at a cost linear in the tokens.

    Args:
        config: The encoder's dimensions.
        number: Which layer it is; decides the dilation.
    """

    def __init__(self, config: EncoderConfig, number: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.dilation = _DILATIONS[number % len(_DILATIONS)]
        self.convolution = nn.Conv1d(size, 2 * size, 3, padding=self.dilation, dilation=self.dilation)
        self.norm = nn.LayerNorm(size, eps=config.norm_epsilon)
        self.dropout = config.hidden_dropout

    def forward(self, hidden_TD: Tensor, cu_seqlens: Sequence[int], backend: Backend | None) -> Tensor:
        """(T, D) to (T, D); `backend` is of attention and means nothing here."""
        places_T = torch.from_numpy(_places_with_gaps(tuple(cu_seqlens), self.dilation)).to(hidden_TD.device)
        row_ND = hidden_TD.new_zeros(int(places_T[-1]) + 1, hidden_TD.shape[1]).index_copy(0, places_T, hidden_TD)
        gated_NE = self.convolution(row_ND.T[None])[0].T
        update_TD = glu(gated_NE.index_select(0, places_T), dim=1)
        output_TD: Tensor = self.norm(hidden_TD + dropout(update_TD, self.dropout, self.training))
        return output_TD


@lru_cache(maxsize=8)
def _time_order(cu_seqlens: tuple[int, ...]) -> tuple[IntArray, IntArray, IntArray]:
    """How `PackedSequence` lays out the tokens: first tokens of all segments, longest segment first, then second ones.

    Returns:
        Which token comes at each place (T,), at which place each token is (T,), tokens of each time step.
    """
    lengths_S = np.diff(cu_seqlens)
    rank_S = np.argsort(np.argsort(-lengths_S, kind="stable"), kind="stable")
    segment_T = np.repeat(np.arange(len(lengths_S)), lengths_S)
    time_T = np.arange(cu_seqlens[-1]) - np.asarray(cu_seqlens)[segment_T]
    order_T = np.lexsort((rank_S[segment_T], time_T))
    return order_T, np.argsort(order_T), np.bincount(time_T)


@lru_cache(maxsize=32)
def _places_with_gaps(cu_seqlens: tuple[int, ...], gap: int) -> IntArray:
    """Where each token goes in a row that leaves `gap` zeros between segments, (T,)."""
    lengths_S = np.diff(cu_seqlens)
    places_T: IntArray = np.arange(cu_seqlens[-1]) + gap * np.repeat(np.arange(len(lengths_S)), lengths_S)
    return places_T
