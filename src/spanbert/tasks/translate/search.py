"""Beam search over the decoder, batched over texts (Wu et al. 2016, section 7); greedy with one hypothesis.

At every step each text's B open hypotheses are continued by every piece; of the 2 B best continuations, those that end are
finished, and the B best others stay open. A text is done when it has B finished hypotheses and no open one would be among
the best B if it ended now. Equal scores are ordered by hypothesis, then by id, so that results do not depend on a batch.

Shapes: S texts, B hypotheses of each, V pieces, C = 2 B candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spanbert.core.types import BoolArray, FloatArray, IntArray
from spanbert.tasks.protocol import Hypothesis
from spanbert.tasks.translate.decoder import DecoderState
from spanbert.tokens.target_vocabulary import BEGIN, END

_COMPACTED = 0.125  # share of a batch that is done before its rows are dropped


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


def beam_search(
    state: DecoderState, may_write_V: BoolArray, most_S: Sequence[int], limits: SearchLimits
) -> list[list[Hypothesis]]:
    """The best hypotheses of each text, best first.

    Args:
        state: Of the sources, with nothing written.
        may_write_V: Ids that may be written.
        most_S: Pieces that each text may have at most, the end included.
        limits: How to search.
    """
    beam, pieces, rows = limits.beam, 0, 1  # rows: open hypotheses of each text
    finished: list[list[Hypothesis]] = [[] for _ in most_S]
    texts_S = np.arange(len(most_S))  # the text of each row of the batch
    done_S = np.zeros(len(most_S), dtype=bool)
    written_SBn = np.zeros((len(most_S), 1, 0), dtype=np.int64)
    sums_SB = torch.zeros(len(most_S), 1)
    forbidden_V = torch.zeros(len(may_write_V)).masked_fill_(~torch.from_numpy(may_write_V), float("-inf"))
    ids_N = torch.full((len(most_S),), BEGIN)
    while True:
        pieces += 1
        logits_NV = state.step(ids_N)
        log_p_NV = logits_NV - torch.logsumexp(logits_NV, 1, keepdim=True) + forbidden_V
        log_p_SBV = log_p_NV.view(len(texts_S), rows, -1)
        last_S = np.asarray(most_S)[texts_S] <= pieces
        _restrict(log_p_SBV, torch.from_numpy(last_S), is_first=pieces == 1)
        values_SC, parents_SC, next_SC = _candidates(log_p_SBV + sums_SB[:, :, None], 2 * beam)
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
        written_SBn = np.concatenate(
            [np.take_along_axis(written_SBn, parents_SB[:, :, None], axis=1), next_SB[:, :, None]], axis=2
        )[kept_S]
        rows_N = (kept_S[:, None] * rows + parents_SB[kept_S]).ravel()
        whole = len(kept_S) == len(texts_S)
        stays = whole and rows == beam and bool((rows_N == np.arange(len(rows_N))).all())
        state.keep(None if whole else torch.from_numpy(kept_S), None if stays else torch.from_numpy(rows_N))
        texts_S, done_S, rows = texts_S[kept_S], done_S[kept_S], beam
        sums_SB = torch.from_numpy(values_SB[kept_S])
        ids_N = torch.from_numpy(next_SB[kept_S].ravel())


def _restrict(log_p_SBV: Tensor, last_S: Tensor, *, is_first: bool) -> None:
    """Lets no text end before it has a piece, and every one end where it may have no more."""
    if last_S.any():
        ends_LB = log_p_SBV[last_S][:, :, END]
        log_p_SBV[last_S] = float("-inf")
        log_p_SBV[last_S, :, END] = ends_LB
    if is_first:
        log_p_SBV[~last_S, :, END] = float("-inf")


def _candidates(totals_SBV: Tensor, count: int) -> tuple[FloatArray, IntArray, IntArray]:
    """The best continuations of each text, each (S, C): their scores, the hypotheses that they continue, their ids."""
    best_SC, best_at_SC = best_places(totals_SBV.flatten(1), count)
    size = totals_SBV.shape[2]
    values_SC: FloatArray = best_SC.cpu().numpy()
    places_SC: IntArray = best_at_SC.cpu().numpy()
    if values_SC.shape[1] < count:  # a vocabulary of a few pieces
        missing = ((0, 0), (0, count - values_SC.shape[1]))
        values_SC = np.pad(values_SC, missing, constant_values=-np.inf)
        places_SC = np.pad(places_SC, missing)
    return values_SC, places_SC // size, places_SC % size


def _insert(finished: list[Hypothesis], one: Hypothesis, *, most: int) -> None:
    """Puts a hypothesis among the finished ones, best first; of equal ones the earlier is the better."""
    place = len(finished)
    while place and finished[place - 1].score < one.score:
        place -= 1
    finished.insert(place, one)
    del finished[most:]


def best_places(totals_SX: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row and their places, equal ones in the order of their places."""
    count = min(count, totals_SX.shape[1])
    values_SC, places_SC = totals_SX.topk(count, dim=1)
    places_SC, order = places_SC.sort(dim=1)
    values_SC, order = values_SC.gather(1, order).sort(dim=1, descending=True, stable=True)
    places_SC = places_SC.gather(1, order)
    tied = (totals_SX >= values_SC[:, -1:]).sum(1) > count  # which of the equal ones topk took is left open
    for row in tied.nonzero()[:, 0].tolist():
        if values_SC[row, -1] > float("-inf"):
            values_SC[row], places = (one[:count] for one in totals_SX[row].sort(descending=True, stable=True))
            places_SC[row] = places
    return values_SC, places_SC
