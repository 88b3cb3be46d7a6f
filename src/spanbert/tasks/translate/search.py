"""Beam search over the decoder, batched over texts (Wu et al. 2016, section 7); greedy with one hypothesis.

At every step each text's B open hypotheses are continued by every piece; of the 2 B best continuations, those that end
are finished, and the B best others stay open. A text is done when it has B finished hypotheses and no open one would be
among the best B if it ended now. Equal scores are ordered by hypothesis, then by id, so that results do not depend on a
batch.

Shapes: S texts, B hypotheses of each, V pieces, C = 2 B candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from spanbert.core.types import BoolArray, FloatArray, IntArray
from spanbert.encoder.placement import on_device
from spanbert.tasks.protocol import Hypothesis
from spanbert.tasks.translate.decoder import DecoderState
from spanbert.tokens.target_vocabulary import BEGIN, END

_BLOCK = 16  # pieces of a block whose maximum is looked at first
_ROWS_AT_ONCE = 256  # so that their logits stay in the cache
_COMPACTED = 0.0625  # share of a batch that is done before its rows are dropped


@dataclass(frozen=True, kw_only=True)
class SearchLimits:
    """How a search goes.

    Attributes:
        beam: B.
        length_penalty: alpha; a hypothesis of n pieces, the end included, scores log p / ((5 + n) / 6)^alpha.
        best: How many hypotheses of a text are returned, at most B.
    """

    beam: int
    length_penalty: float
    best: int

    def penalty(self, pieces: int) -> float:
        """What the log probability of a hypothesis is divided by."""
        return float(((5 + pieces) / 6) ** self.length_penalty)


class Writer:
    """What may follow a hypothesis: the best continuations by the tied embeddings.

    Args:
        words_VD: Embeddings of the vocabulary.
        bias_V: Of the logits.
        may_write_V: Ids that may be written.
    """

    def __init__(self, words_VD: Tensor, bias_V: Tensor, may_write_V: BoolArray) -> None:
        self._words_VD, self._bias_V = words_VD, bias_V
        self._forbidden = on_device(np.flatnonzero(~may_write_V), bias_V.device)

    def best(self, hidden_ND: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The most probable continuations, and the end.

        Args:
            hidden_ND: Of the last piece of each hypothesis.
            count: C, how many.

        Returns:
            Log probabilities and ids, (N, C) each, equal ones in the order of their ids; log probability of the end,
            (N,).
        """
        parts = [self._best(part_ND, count) for part_ND in torch.split(hidden_ND, _ROWS_AT_ONCE)]
        values_NC, ids_NC, ends_N = (torch.cat(one) for one in zip(*parts, strict=True))
        return values_NC, ids_NC, ends_N

    def _best(self, hidden_ND: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        log_p_NV = functional.linear(hidden_ND, self._words_VD, self._bias_V).log_softmax(1)
        ends_N = log_p_NV[:, END].clone()
        log_p_NV[:, self._forbidden] = float("-inf")
        return *best_places(log_p_NV, count), ends_N


def beam_search(
    state: DecoderState, writer: Writer, most_S: Sequence[int], limits: SearchLimits
) -> list[list[Hypothesis]]:
    """The best hypotheses of each text, best first.

    Args:
        state: Of the sources, with nothing written.
        writer: Tells what may follow.
        most_S: Pieces that each text may have at most, the end included.
        limits: How to search.
    """
    beam, pieces = limits.beam, 0
    finished: list[list[Hypothesis]] = [[] for _ in most_S]
    texts_S = np.arange(len(most_S))  # the text of each row of the batch
    done_S = np.zeros(len(most_S), dtype=bool)
    written_SBn = np.zeros((len(most_S), 1, 0), dtype=np.int64)
    sums_SB = torch.zeros(len(most_S), 1)
    ids_SB = torch.full((len(most_S), 1), BEGIN)
    while True:
        pieces += 1
        found = writer.best(state.step(ids_SB), 2 * beam)
        last_S = torch.from_numpy(np.asarray(most_S)[texts_S] <= pieces)
        values_SC, parents_SC, next_SC = _candidates(found, sums_SB, last_S, 2 * beam, is_first=pieces == 1)
        is_end_SC = next_SC == END
        penalty = limits.penalty(pieces)
        for row, rank in np.argwhere(is_end_SC[:, :beam] & (values_SC[:, :beam] > -np.inf) & ~done_S[:, None]).tolist():
            total = float(values_SC[row, rank])
            ids = np.append(written_SBn[row, parents_SC[row, rank]], END)
            one = Hypothesis(ids=ids, score=total / penalty, log_probability=total)
            _insert(finished[texts_S[row]], one, most=beam)
        open_SB = np.argsort(is_end_SC, axis=1, kind="stable")[:, :beam]
        parents_SB, next_SB = (np.take_along_axis(one, open_SB, axis=1) for one in (parents_SC, next_SC))
        values_SB = np.take_along_axis(values_SC, open_SB, axis=1)
        values_SB[np.take_along_axis(is_end_SC, open_SB, axis=1)] = -np.inf
        worst_S = np.array([finished[text][-1].score if len(finished[text]) == beam else -np.inf for text in texts_S])
        done_S |= (values_SB[:, 0] / penalty <= worst_S) | (values_SB[:, 0] == -np.inf)
        if done_S.all():
            return [own[: limits.best] for own in finished]
        kept_S = np.flatnonzero(~done_S) if done_S.mean() >= _COMPACTED else np.arange(len(texts_S))
        whole = len(kept_S) == len(texts_S)
        parents_SB, next_SB = parents_SB[kept_S], next_SB[kept_S]
        written_SBn = np.concatenate(
            [np.take_along_axis(written_SBn[kept_S], parents_SB[:, :, None], axis=1), next_SB[:, :, None]], axis=2
        )
        state.keep(None if whole else torch.from_numpy(kept_S), torch.from_numpy(parents_SB))
        texts_S, done_S = texts_S[kept_S], done_S[kept_S]
        sums_SB = torch.from_numpy(values_SB[kept_S])
        ids_SB = torch.from_numpy(next_SB)


def _candidates(
    found: tuple[Tensor, Tensor, Tensor], sums_SB: Tensor, last_S: Tensor, count: int, *, is_first: bool
) -> tuple[FloatArray, IntArray, IntArray]:
    """The best continuations of each text, each (S, C): their scores, the hypotheses that they continue, their ids.

    No text ends before it has a piece, and every one ends where it may have no more.
    """
    texts, rows = sums_SB.shape
    values_SBC, ids_SBC, ends_SB = (one.cpu().view(texts, rows, *one.shape[1:]) for one in found)
    if is_first:
        values_SBC[ids_SBC == END] = float("-inf")
    if last_S.any():
        values_SBC[last_S] = float("-inf")
        values_SBC[last_S, :, 0], ids_SBC[last_S, :, 0] = ends_SB[last_S], END
    totals_SX = (values_SBC + sums_SB[:, :, None]).flatten(1)
    ids_SX = ids_SBC.flatten(1)
    each = values_SBC.shape[2]
    keys = torch.arange(rows).repeat_interleave(each).expand(texts, -1)
    order = ids_SX.sort(dim=1, stable=True).indices  # by id, then by hypothesis, then by value: the last decides
    order = order.gather(1, keys.gather(1, order).sort(dim=1, stable=True).indices)
    order = order.gather(1, totals_SX.gather(1, order).sort(dim=1, descending=True, stable=True).indices)[:, :count]
    values_SC: FloatArray = totals_SX.gather(1, order).numpy()
    parents_SC: IntArray = keys.gather(1, order).numpy()
    next_SC: IntArray = ids_SX.gather(1, order).numpy()
    if values_SC.shape[1] < count:  # a vocabulary of a few pieces
        missing = ((0, 0), (0, count - values_SC.shape[1]))
        values_SC = np.pad(values_SC, missing, constant_values=-np.inf)
        parents_SC, next_SC = np.pad(parents_SC, missing), np.pad(next_SC, missing)
    return values_SC, parents_SC, next_SC


def _insert(finished: list[Hypothesis], one: Hypothesis, *, most: int) -> None:
    """Puts a hypothesis among the finished ones, best first; of equal ones the earlier is the better."""
    place = len(finished)
    while place and finished[place - 1].score < one.score:
        place -= 1
    finished.insert(place, one)
    del finished[most:]


def best_places(totals_NX: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row and their places, equal ones in the order of their places.

    The largest lie in the blocks with the largest maxima, which is quicker than looking at all.
    """
    size = totals_NX.shape[1]
    every_X = torch.arange(size, device=totals_NX.device)
    count = min(count, size)
    width = size // _BLOCK
    if width <= count:
        return _largest(totals_NX, every_X.expand(len(totals_NX), -1), count)
    maxima_NW = (
        totals_NX[:, : width * _BLOCK].view(len(totals_NX), _BLOCK, width).amax(1)
    )  # place p is in block p % width
    kept, blocks_NC = maxima_NW.topk(count + 1, dim=1)
    places_NX = (blocks_NC[:, :count, None] + width * every_X[:_BLOCK]).flatten(1)
    places_NX = torch.cat([places_NX, every_X[width * _BLOCK :].expand(len(places_NX), -1)], dim=1)
    values_NC, places_NC = _largest(totals_NX.gather(1, places_NX), places_NX, count)
    for row in (kept[:, -1] >= values_NC[:, -1]).nonzero()[:, 0].tolist():  # a tie with a block that was not looked at
        values_NC[row], places_NC[row] = _largest(totals_NX[row : row + 1], every_X[None], count)
    return values_NC, places_NC


def _largest(values_NX: Tensor, places_NX: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row with their places, equal ones in the order of their places."""
    order = places_NX.sort(dim=1).indices
    order = order.gather(1, values_NX.gather(1, order).sort(dim=1, descending=True, stable=True).indices)[:, :count]
    return values_NX.gather(1, order), places_NX.gather(1, order)
