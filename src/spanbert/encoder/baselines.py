"""The layers that the Transformer is compared with: bidirectional LSTM and gated convolution, on packed tokens.

Both have the residual and norm of a Transformer layer around them and see neither padding nor another segment. A layer
of D units has 18 D^2 weights (LSTM) or 6 D^2 (convolution); a Transformer layer has 12 D^2.

Shapes: T tokens, D hidden size, S segments.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import glu

from spanbert.core.types import IntArray
from spanbert.encoder.attention import Backend, Bounds
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.placement import on_device

_DILATIONS = (1, 2, 4, 8)


class RecurrentBlock(nn.Module):
    """One bidirectional LSTM layer (Graves and Schmidhuber 2005): D units a direction, projected back to D.

    Segments of similar length go side by side, short ones filled up at the end, where what is computed is not read; the
    second direction reads them reversed. (`PackedSequence` takes 13 times as long to train on ragged lengths on a CPU:
    docs/LOG.md.) Time grows with the longest segment, whatever the batch: each step waits for the one before it.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.onward = nn.LSTM(size, size, batch_first=True)
        self.back = nn.LSTM(size, size, batch_first=True)
        self.output = nn.Linear(2 * size, size)
        self.norm = nn.LayerNorm(size, eps=config.norm_epsilon)
        self.dropout = config.hidden_dropout

    def forward(self, hidden_TD: Tensor, bounds: Bounds, backend: Backend | None) -> Tensor:
        """(T, D) to (T, D); `backend` is of attention and means nothing here."""
        directions = []
        for recurrent, reverse in ((self.onward, False), (self.back, True)):
            parts, rows = [], []
            for shape, read, tokens, places in _rectangles(bounds.starts, reverse):
                filled = hidden_TD.index_select(0, _on(hidden_TD, read)).view(*shape, -1)
                parts.append(recurrent(filled)[0].flatten(0, 1).index_select(0, _on(hidden_TD, places)))
                rows.append(tokens)
            order_T = np.argsort(np.concatenate(rows))
            directions.append(torch.cat(parts).index_select(0, _on(hidden_TD, order_T)))
        update_TD = self.output(torch.cat(directions, dim=1))
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

    def forward(self, hidden_TD: Tensor, bounds: Bounds, backend: Backend | None) -> Tensor:
        """(T, D) to (T, D); `backend` is of attention and means nothing here."""
        places = _places_with_gaps(bounds.starts, self.dilation)
        places_T = on_device(places, hidden_TD.device)
        row_ND = hidden_TD.new_zeros(int(places[-1]) + 1, hidden_TD.shape[1]).index_copy(0, places_T, hidden_TD)
        gated_NE = self.convolution(row_ND.T[None])[0].T
        update_TD = glu(gated_NE.index_select(0, places_T), dim=1)
        output_TD: Tensor = self.norm(hidden_TD + dropout(update_TD, self.dropout, self.training))
        return output_TD


def _on(tensor: Tensor, index: IntArray) -> Tensor:
    return on_device(index, tensor.device)


@lru_cache(maxsize=16)
def _rectangles(
    cu_seqlens: tuple[int, ...], reverse: bool
) -> list[tuple[tuple[int, int], IntArray, IntArray, IntArray]]:
    """Segments as rectangles, one for all lengths between two powers of two, so that less than half of each is filling.

    Args:
        cu_seqlens: Where the segments start, then T.
        reverse: Read each segment from its end.

    Returns:
        For each rectangle its (segments, longest); the token read at each place, row by row, filling reads the last one
        again; the tokens it holds, and the place of each.
    """
    lengths_S, starts_S = np.diff(cu_seqlens), np.asarray(cu_seqlens[:-1])
    rectangles = []
    for power in np.unique(np.frexp(lengths_S)[1]):
        members = np.flatnonzero(np.frexp(lengths_S)[1] == power)
        lengths, starts, longest = lengths_S[members, None], starts_S[members, None], int(lengths_S[members].max())
        time = np.arange(longest)[None, :]
        step = np.minimum(time, lengths - 1)
        read = starts + (lengths - 1 - step if reverse else step)
        inside = (time < lengths).reshape(-1)
        places = np.flatnonzero(inside)
        rectangles.append(((len(members), longest), read.reshape(-1), read.reshape(-1)[inside], places))
    return rectangles


@lru_cache(maxsize=32)
def _places_with_gaps(cu_seqlens: tuple[int, ...], gap: int) -> IntArray:
    """Where each token goes in a row that leaves `gap` zeros between segments, (T,)."""
    lengths_S = np.diff(cu_seqlens)
    places_T: IntArray = np.arange(cu_seqlens[-1]) + gap * np.repeat(np.arange(len(lengths_S)), lengths_S)
    return places_T
