"""The head: a decoder over the hidden states of the source.

Shapes: R rows of all sources, W width of the encoder, T rows of all targets, S texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from spanbert.batches.examples import Layout
from spanbert.core.types import BoolArray, IntArray, OutputArray
from spanbert.encoder.attention import Bounds
from spanbert.encoder.placement import on_device
from spanbert.encoder.tied_loss import tied_cross_entropy
from spanbert.tasks.head import GeneratingHead
from spanbert.tasks.protocol import Generated
from spanbert.tasks.translate.ctranslate2_decoder import decoder_spec
from spanbert.tasks.translate.decoder import Decoder
from spanbert.tasks.translate.search import SearchLimits, Writer, beam_search
from spanbert.tasks.translate.shape import DecoderShape
from spanbert.tokens.target_vocabulary import BEGIN, END


class TranslateHead(GeneratingHead[IntArray]):
    """Learns and writes translations.

    Args:
        shape: The decoder's dimensions.
        may_write_V: Ids that a translation may hold, (V,).
        smoothing: Share of the probability that the loss wants spread over the vocabulary (Szegedy et al. 2016).
        counts_V: How often each id occurs in the training targets, where a new bias begins; None: with zeros.
    """

    def __init__(
        self, shape: DecoderShape, may_write_V: BoolArray, *, smoothing: float, counts_V: IntArray | None = None
    ) -> None:
        super().__init__()
        self.decoder = Decoder(shape)
        self.may_write_V, self.smoothing = may_write_V, smoothing
        if counts_V is not None:
            shares_V = torch.from_numpy((counts_V + 1) / (counts_V + 1).sum())
            with torch.no_grad():
                self.decoder.bias.copy_(shares_V.log())

    @override
    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        """Nothing: what a decoder computes depends on what was written."""
        raise NotImplementedError

    @override
    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[IntArray]) -> Tensor:
        """Smoothed negative log probability of all pieces and ends of the targets, in nats."""
        return self._losses(hidden_RD, layout, gold, smoothing=self.smoothing).sum()

    def _losses(self, hidden_RW: Tensor, layout: Layout, gold: Sequence[IntArray], *, smoothing: float) -> Tensor:
        bounds = Bounds([0, *accumulate(len(ids) + 1 for ids in gold)])
        device = hidden_RW.device
        begins_T = on_device(np.concatenate([part for ids in gold for part in ([BEGIN], ids)]), device)
        wanted_T = on_device(np.concatenate([part for ids in gold for part in (ids, [END])]), device)
        hidden_TD = self.decoder(begins_T, hidden_RW, bounds, _bounds(layout))
        return tied_cross_entropy(hidden_TD, self.decoder.word.weight, self.decoder.bias, wanted_T, smoothing=smoothing)

    @override
    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        """Nothing: see `generate`."""
        raise NotImplementedError

    @override
    def generate(
        self,
        hidden_TD: Tensor,
        layout: Layout,
        options: Mapping[str, float],
        references: Sequence[IntArray | None],
    ) -> list[Generated]:
        """Translations, by beam search.

        Args:
            hidden_TD: All rows of all sources.
            layout: Which of them belong to which source.
            options: `beam`, `length_penalty`, `best`; a source of r rows may have `ratio` * r + `more` pieces; where
                `attention` is not 0, the best translation comes with how it looks at its source.
            references: Targets whose log probability is asked for.
        """
        limits = SearchLimits(
            beam=int(options["beam"]), length_penalty=options["length_penalty"], best=int(options["best"])
        )
        most_S = [int(options["ratio"] * size + options["more"]) for size in layout.sizes]
        state = self.decoder.begin(hidden_TD, _bounds(layout))
        writer = Writer(self.decoder.word.weight, self.decoder.bias, self.may_write_V)
        found = beam_search(state, writer, most_S, limits)
        sums = self._sums(hidden_TD, layout, references)
        generated = [Generated(hypotheses=own, reference=one) for own, one in zip(found, sums, strict=True)]
        if not options.get("attention"):
            return generated
        sources = torch.split(hidden_TD, list(layout.sizes))
        return [self._with_attention(one, source) for one, source in zip(generated, sources, strict=True)]

    @override
    def ctranslate2_decoder(self, *, epsilon: float, longest: int) -> Any:
        return decoder_spec(self.decoder, epsilon=epsilon, longest=longest)

    def _sums(
        self, hidden_RW: Tensor, layout: Layout, references: Sequence[IntArray | None]
    ) -> list[tuple[float, int] | None]:
        """Log probability and pieces of each reference that is given."""
        asked = [number for number, ids in enumerate(references) if ids is not None]
        found: list[tuple[float, int] | None] = [None] * len(references)
        if not asked:
            return found
        sources = torch.split(hidden_RW, list(layout.sizes))
        given = [references[number] for number in asked]
        gold = [ids for ids in given if ids is not None]
        sizes = tuple(layout.sizes[number] for number in asked)
        own = Layout(sizes=sizes, candidates=(None,) * len(asked))
        losses_T = self._losses(torch.cat([sources[number] for number in asked]), own, gold, smoothing=0.0)
        pieces = [len(ids) + 1 for ids in gold]
        for number, losses, count in zip(asked, torch.split(losses_T, pieces), pieces, strict=True):
            found[number] = -float(losses.cpu().double().sum()), count
        return found

    def log_probabilities(self, hidden_RW: Tensor, layout: Layout, targets: Sequence[IntArray]) -> Tensor:
        """Of each target, all its pieces and its end, for its source, in nats, (S,)."""
        losses_T = self._losses(hidden_RW, layout, targets, smoothing=0.0)
        return torch.stack([-one.sum() for one in torch.split(losses_T, [len(ids) + 1 for ids in targets])])

    def _with_attention(self, one: Generated, source_RW: Tensor) -> Generated:
        ids_T = on_device(np.concatenate([[BEGIN], one.hypotheses[0].ids[:-1]]), source_RW.device)
        weights_TR = self.decoder.attention(ids_T, source_RW)
        return Generated(
            hypotheses=one.hypotheses, reference=one.reference, attention_TR=weights_TR.float().cpu().numpy()
        )


def _bounds(layout: Layout) -> Bounds:
    return Bounds([0, *accumulate(layout.sizes)])
