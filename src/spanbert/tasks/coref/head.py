"""Coreference with vectors of starts and ends alone (Kirstain et al. 2021, Coreference Resolution without Span
Representations, section 3): no vector of a span is ever made.

A span's mention score is bilinear in the vectors of its first and last piece, and so is the score of a pair of spans in
those of its four ends. A key (both ends as an antecedent) and a query (both ends times the matrix) make the latter one
product, which `links.py` takes in blocks. More numbers depend on the mention that looks back: what each distance is
worth, what it is worth that both spans are the same words, and that they have the same speaker, or two.

Shapes: w words of a window, W most words of a mention, D hidden size, d size of the vectors, K mentions kept of a
window, M of a document, B buckets of distance, b words of a block, n those at which their spans may end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, gelu
from typing_extensions import override

from spanbert.batches.examples import Layout
from spanbert.core.types import OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.dropout import dropout
from spanbert.encoder.model import initialise
from spanbert.encoder.placement import on_device
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.head_sizes import NORM_EPSILON, WORDS_AT_ONCE
from spanbert.tasks.coref.links import BUCKETS, SPEAKERS, buckets_of
from spanbert.tasks.coref.speakers import NOBODY
from spanbert.tasks.coref.targets import CorefGold
from spanbert.tasks.head import Head


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Vectors:
    """What pairs of mentions are scored by.

    Attributes:
        key_Kd: Of each as an antecedent, 2d numbers.
        query_Kd: Of each as what looks for one.
        near_KB: What distances are worth.
        same_K: What the same words are worth; None: they are not looked at.
        spoken_K2: What the same speaker is worth, and another one; None: they are not looked at.
    """

    key_Kd: Tensor
    query_Kd: Tensor
    near_KB: Tensor
    same_K: Tensor | None
    spoken_K2: Tensor | None


class Ends(nn.Module):
    """A vector of a first or a last piece: dense, norm, GELU, dropout."""

    def __init__(self, config: EncoderConfig, own: CorefConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, own.size)
        self.norm = nn.LayerNorm(own.size, eps=NORM_EPSILON)
        self.dropout = own.dropout

    def forward(self, hidden_wD: Tensor) -> Tensor:
        """(w, D) to (w, d)."""
        return dropout(gelu(self.norm(self.dense(hidden_wD))), self.dropout, self.training)


def _ends_of(rows_RD: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of a window's words at which they begin, and at which they end, (w, D) each."""
    words = len(rows_RD) // 2
    return rows_RD[:words], rows_RD[words:]


class CorefHead(Head[CorefGold]):
    """Scores of mentions and what pairs are scored by.

    A window's rows are the first pieces of its words, then their last pieces: 2 w rows.

    Args:
        config: The encoder's.
        own: Sizes, and how many mentions are kept.
        speakers: Whether pairs are scored by their speakers too.
    """

    def __init__(self, config: EncoderConfig, own: CorefConfig, *, speakers: bool = False) -> None:
        super().__init__()
        self.own = own
        self.mention_start, self.mention_end = Ends(config, own), Ends(config, own)
        self.start, self.end = Ends(config, own), Ends(config, own)
        self.start_score, self.end_score = nn.Linear(own.size, 1), nn.Linear(own.size, 1)
        self.inside = nn.Linear(own.size, own.size)
        self.pair = nn.Linear(2 * own.size, 2 * own.size)
        self.near = nn.Linear(2 * own.size, BUCKETS)
        self.same = nn.Linear(2 * own.size, 1) if own.same_words else None
        self.spoken = nn.Linear(2 * own.size, SPEAKERS) if speakers else None
        self.apply(initialise)

    def mention_scores(self, starts_wD: Tensor, ends_wD: Tensor) -> Tensor:
        """How much each span of up to W words is a mention, (w, W); -inf past the end of the window.

        Costs w (`WORDS_AT_ONCE` + W) products: a window of few pieces may have any number of words, such as emojis
        that the tokenizer reads as one unknown piece.
        """
        starts_wd, ends_wd = self.mention_start(starts_wD), self.mention_end(ends_wD)
        asked_wd, begin_w1, end_w = self.inside(starts_wd), self.start_score(starts_wd), self.end_score(ends_wd)[:, 0]
        words, widest = len(starts_wd), self.own.longest_mention
        parts = []
        for low in range(0, max(words, 1), WORDS_AT_ONCE):
            own, near = slice(low, low + WORDS_AT_ONCE), slice(low, low + WORDS_AT_ONCE + widest - 1)
            both_bn = asked_wd[own] @ ends_wd[near].T / math.sqrt(asked_wd.shape[1])
            both_bn = both_bn + begin_w1[own] + end_w[near]
            first_b1 = torch.arange(both_bn.shape[0], device=both_bn.device)[:, None]
            last_bW = first_b1 + torch.arange(widest, device=both_bn.device)
            scores_bW = both_bn.gather(1, last_bW.clamp(max=both_bn.shape[1] - 1))
            parts.append(scores_bW.masked_fill(last_bW >= words - low, -math.inf))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def vectors(self, starts_KD: Tensor, ends_KD: Tensor) -> Vectors:
        """Of mentions by their first and last pieces, (K, D) each."""
        key_Kd = torch.cat([self.start(starts_KD), self.end(ends_KD)], dim=1)
        query_Kd = self.pair(key_Kd) / math.sqrt(key_Kd.shape[1])
        return Vectors(
            key_Kd=key_Kd,
            query_Kd=query_Kd,
            near_KB=self.near(key_Kd),
            same_K=None if self.same is None else self.same(key_Kd)[:, 0],
            spoken_K2=None if self.spoken is None else self.spoken(key_Kd),
        )

    def keep(self, scores_wW: Tensor, allowed_wW: Tensor) -> tuple[Tensor, Tensor]:
        """The best candidates of a window: their first word and width less one, each (K,), in text order."""
        words, widths = scores_wW.shape
        flat = scores_wW.detach().masked_fill(~allowed_wW, -math.inf)
        count = min(max(1, math.ceil(self.own.kept * words)), int(torch.isfinite(flat).sum()))
        places = flat.flatten().topk(count).indices.sort().values
        return places // widths, places % widths

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """`mentions`, the mention scores of each window (`mention_scores`), one below the other."""
        found = [self.mention_scores(*_ends_of(rows_RD)) for rows_RD in torch.split(hidden_RD, list(layout.sizes))]
        return {"mentions": torch.cat(found)}

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[CorefGold]) -> Tensor:
        """Minus the log of the share of the right antecedents, and of right mentions."""
        total = hidden_RD.new_zeros(())
        for rows_RD, wanted in zip(torch.split(hidden_RD, list(layout.sizes)), gold, strict=True):
            total = total + self._document_loss(rows_RD, wanted)
        return total

    def _document_loss(self, rows_RD: Tensor, gold: CorefGold) -> Tensor:
        loss = rows_RD.new_zeros(())
        firsts, lasts, scores, starts, ends, owners = [], [], [], [], [], []
        sizes = [2 * len(one.allowed_wW) for one in gold.windows]
        for window, window_RD in zip(gold.windows, torch.split(rows_RD, sizes), strict=True):
            starts_wD, ends_wD = _ends_of(window_RD)
            scores_wW = self.mention_scores(starts_wD, ends_wD).float()
            allowed_wW = on_device(window.allowed_wW, scores_wW.device)
            cluster_wW = on_device(window.cluster_wW, scores_wW.device)
            if self.own.mention_weight:
                found = binary_cross_entropy_with_logits(
                    scores_wW[allowed_wW], (cluster_wW[allowed_wW] > 0).float(), reduction="sum"
                )
                loss = loss + self.own.mention_weight * found
            first_K, more_K = self.keep(scores_wW, allowed_wW)
            firsts.append(first_K + window.first)
            lasts.append(first_K + more_K + window.first)
            scores.append(scores_wW[first_K, more_K])
            owners.append(cluster_wW[first_K, more_K])
            starts.append(starts_wD[first_K])
            ends.append(ends_wD[first_K + more_K])
        first_M, last_M = torch.cat(firsts), torch.cat(lasts)
        if not len(first_M):
            return loss
        order = torch.argsort(first_M * (int(last_M.max()) + 1) + last_M)  # windows overlap: in text order again
        first_M, score_M, owner_M = first_M[order], torch.cat(scores)[order], torch.cat(owners)[order]
        own = self.vectors(torch.cat(starts)[order], torch.cat(ends)[order])
        pairs_MM = (own.query_Kd @ own.key_Kd.T).float() + score_M[:, None] + score_M[None, :]
        distances = (first_M[:, None] - first_M[None, :]).clamp(min=0).cpu().numpy()
        pairs_MM = pairs_MM + own.near_KB.float().gather(1, on_device(buckets_of(distances), first_M.device))
        if own.same_K is not None:
            hashes = torch.from_numpy(gold.hashes(first_M.cpu().numpy(), last_M[order].cpu().numpy()))
            equal_MM = on_device(hashes[:, None] == hashes[None, :], pairs_MM.device)
            pairs_MM = pairs_MM + equal_MM * own.same_K.float()[:, None]
        if own.spoken_K2 is not None:
            said_M = on_device(gold.speakers[first_M.cpu().numpy()], pairs_MM.device)
            known_MM = (said_M[:, None] > NOBODY) & (said_M[None, :] > NOBODY)
            other_MM = (said_M[:, None] != said_M[None, :]).long()
            pairs_MM = pairs_MM + known_MM * own.spoken_K2.float().gather(1, other_MM)
        count = len(first_M)
        later = torch.ones(count, count, dtype=torch.bool, device=pairs_MM.device).triu()
        pairs_MM = pairs_MM.masked_fill(later, -math.inf)
        right_MM = (owner_M[:, None] == owner_M[None, :]) & (owner_M[:, None] > 0) & ~later
        none_M1 = ~right_MM.any(1, keepdim=True)
        whole = torch.cat([pairs_MM.new_zeros(count, 1), pairs_MM], dim=1)
        wanted = whole.masked_fill(~torch.cat([none_M1, right_MM], dim=1), -math.inf)
        antecedents: Tensor = (whole.logsumexp(1) - wanted.logsumexp(1)).sum()
        return loss + antecedents

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """Of each window's best candidates (see `targets.candidates`), a row each.

        A row is first word, last word and mention score (`links.FACTS`), key (2d), query (2d), what distances are worth
        (B), and where those are looked at, what the same words are worth, and the same speaker and another one.
        """
        found = []
        sizes = list(layout.sizes)
        scores = torch.split(self(hidden_RD, layout)["mentions"].float(), [size // 2 for size in sizes])
        for rows_RD, scores_wW, allowed_wW in zip(
            torch.split(hidden_RD, sizes), scores, layout.candidates, strict=True
        ):
            assert allowed_wW is not None
            starts_wD, ends_wD = _ends_of(rows_RD)
            first_K, more_K = self.keep(scores_wW, on_device(allowed_wW, scores_wW.device))
            own = self.vectors(starts_wD[first_K], ends_wD[first_K + more_K])
            facts = torch.stack([first_K.float(), (first_K + more_K).float(), scores_wW[first_K, more_K]], dim=1)
            parts = [facts, own.key_Kd, own.query_Kd, own.near_KB]
            parts += [] if own.same_K is None else [own.same_K[:, None]]
            parts += [] if own.spoken_K2 is None else [own.spoken_K2]
            found.append(torch.cat([one.float() for one in parts], dim=1).cpu().numpy())
        return found
