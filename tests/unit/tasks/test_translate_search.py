"""Beam search with kept keys and values equals a slow search that computes everything anew."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.encoder.attention import Bounds
from spanbert.tasks.translate.decoder import Decoder
from spanbert.tasks.translate.search import SearchLimits, Writer, beam_search, best_places
from spanbert.tasks.translate.shape import DecoderShape
from spanbert.tokens.target_vocabulary import BEGIN, END

SHAPE = DecoderShape(vocabulary=11, source=6, width=8, layers=2, heads=2, feed_forward=16, dropout=0.1)


def tiny(seed: int, *, spread: float, vocabulary: int = 11) -> Decoder:
    """A decoder whose probabilities are the more uneven, the larger the spread; with 0 all pieces are equal."""
    torch.manual_seed(seed)
    decoder = Decoder(DecoderShape(**{**vars(SHAPE), "vocabulary": vocabulary})).eval()
    with torch.no_grad():
        decoder.word.weight.mul_(spread)
        decoder.bias.copy_(spread * torch.randn(vocabulary))
    return decoder.double()


def slow_search(decoder: Decoder, source_RW, may_write, most: int, limits: SearchLimits):
    """One text, hypothesis by hypothesis; the whole target is computed at every step."""
    beam = limits.beam
    open_ = [((), 0.0)]
    finished: list[tuple[float, int, tuple[int, ...], float]] = []
    for pieces in range(1, most + 1):
        candidates = []
        for place, (ids, total) in enumerate(open_):
            row = torch.tensor([BEGIN, *ids])
            hidden = decoder(row, source_RW, Bounds([0, len(row)]), Bounds([0, len(source_RW)]))[-1:]
            log_p = (hidden @ decoder.word.weight.T + decoder.bias).log_softmax(1)[0].tolist()
            for identity, value in enumerate(log_p):
                allowed = may_write[identity]
                if pieces == most:
                    allowed = identity == END
                elif pieces == 1:
                    allowed = allowed and identity != END
                if allowed:
                    candidates.append((total + value, place, identity))
        candidates.sort(key=lambda one: (-one[0], one[1], one[2]))
        following = []
        for rank, (total, place, identity) in enumerate(candidates[: 2 * beam]):
            ids = (*open_[place][0], identity)
            if identity == END:
                if rank < beam:
                    finished.append((total / limits.penalty(pieces), len(finished), ids, total))
            elif len(following) < beam:
                following.append((ids, total))
        finished = sorted(finished, key=lambda one: (-one[0], one[1]))[:beam]
        open_ = following
        if not open_ or (len(finished) == beam and open_[0][1] / limits.penalty(pieces) <= finished[-1][0]):
            break
    return [(ids, score, total) for score, _, ids, total in finished[: limits.best]]


def search(decoder: Decoder, sources, may_write, most, limits: SearchLimits):
    bounds = Bounds([0, *accumulate(map(len, sources))])
    with torch.inference_mode():
        writer = Writer(decoder.word.weight, decoder.bias, may_write)
        return beam_search(decoder.begin(torch.cat(sources), bounds), writer, most, limits)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    beam=st.integers(1, 6),
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    alpha=st.sampled_from([0.0, 0.6, 1.0]),
    spread=st.sampled_from([0.3, 1.0, 2.0]),
    best=st.integers(1, 6),
    data=st.data(),
)
def test_equals_the_slow_search(seed, beam, lengths, alpha, spread, best, data):
    decoder = tiny(seed, spread=spread)
    generator = torch.Generator().manual_seed(seed)
    sources = [torch.randn(length, 6, generator=generator, dtype=torch.float64) for length in lengths]
    most = [data.draw(st.integers(1, 9)) for _ in lengths]
    may_write = np.ones(11, dtype=bool)
    may_write[[BEGIN, 4]] = False
    limits = SearchLimits(beam=beam, length_penalty=alpha, best=min(best, beam))
    found = search(decoder, sources, may_write, most, limits)
    for own, source, longest in zip(found, sources, most, strict=True):
        wanted = slow_search(decoder, source, may_write, longest, limits)
        assert [tuple(one.ids.tolist()) for one in own] == [ids for ids, _, _ in wanted]
        assert [one.score for one in own] == pytest.approx([score for _, score, _ in wanted], abs=1e-5)
        assert [one.log_probability for one in own] == pytest.approx([total for _, _, total in wanted], abs=1e-5)
        assert not {BEGIN, 4}.intersection(*(one.ids.tolist() for one in own))


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
def test_ties_are_broken_by_hypothesis_and_id(beam: int):
    decoder = tiny(0, spread=0.0)  # all pieces are equally probable
    may_write = np.ones(11, dtype=bool)
    may_write[BEGIN] = False
    limits = SearchLimits(beam=beam, length_penalty=1.0, best=beam)
    sources = [torch.ones(3, 6, dtype=torch.float64), torch.ones(1, 6, dtype=torch.float64)]
    found = search(decoder, sources, may_write, [4, 3], limits)
    for own, source, most in zip(found, sources, [4, 3], strict=True):
        wanted = slow_search(decoder, source, may_write, most, limits)
        assert [one.ids.tolist() for one in own] == [list(ids) for ids, _, _ in wanted]
    alone = [
        search(decoder, [source], may_write, [most], limits)[0] for source, most in zip(sources, [4, 3], strict=True)
    ]
    assert [[one.ids.tolist() for one in own] for own in alone] == [[one.ids.tolist() for one in own] for own in found]


def test_places_of_equal_values_are_in_order():
    totals = torch.tensor([[1.0, 3.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0, 2.0], [5.0, 1.0, 4.0, 4.0, 9.0]])
    values, places = best_places(totals, 2)
    assert places.tolist() == [[1, 2], [0, 1], [4, 0]]
    assert values.tolist() == [[3.0, 3.0], [2.0, 2.0], [9.0, 5.0]]


def test_penalty():
    limits = SearchLimits(beam=1, length_penalty=0.6, best=1)
    assert limits.penalty(1) == 1.0
    assert limits.penalty(7) == pytest.approx(math.pow(2.0, 0.6))
