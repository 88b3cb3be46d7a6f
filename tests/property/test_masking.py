from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.batches.masking import MaskingConfig, SpanMasker, length_law, mask_spans
from spanbert.core.errors import InputError
from spanbert.core.seeding import keyed_generator
from tests.reference import span_masking, words_of

word_lengths = st.lists(st.integers(1, 12), min_size=1, max_size=200)


def segment_of(lengths: list[int], ordinary: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    starts = np.zeros(sum(lengths), dtype=bool)
    starts[np.cumsum([0, *lengths[:-1]])] = True
    return keyed_generator(seed, "ids").choice(ordinary, sum(lengths)), starts


@settings(max_examples=300, deadline=None)
@given(lengths=word_lengths, seed=st.integers(0, 10**6), budget=st.sampled_from([0.05, 0.15, 0.4]))
def test_spans_keep_every_promise(tokenizer, lengths: list[int], seed: int, budget: float):
    ids, starts = segment_of(lengths, tokenizer.ordinary_ids, seed)
    result = mask_spans(ids, starts, seed=seed, budget=budget, tokenizer=tokenizer)
    again = mask_spans(ids.tolist(), starts.tolist(), seed=seed, budget=budget, tokenizer=tokenizer)
    assert result.spans == again.spans
    assert result.ids.tolist() == again.ids.tolist()

    bounds = {*np.flatnonzero(starts).tolist(), len(ids)}
    assert sum(end - start for start, end in result.spans) <= math.ceil(budget * len(ids))
    for start, end in result.spans:
        assert start in bounds
        assert end in bounds
    for (_, end), (start, _) in zip(result.spans, result.spans[1:], strict=False):
        assert start > end, "spans overlap or touch"
    assert [int(starts[start:end].sum()) for start, end in result.spans] == result.span_words
    assert all(1 <= words <= 10 for words in result.span_words)

    outside = np.ones(len(ids), dtype=bool)
    for (start, end), what in zip(result.spans, result.replacements, strict=True):
        outside[start:end] = False
        inside = result.ids[start:end]
        if what == "mask":
            assert (inside == tokenizer.special["mask"]).all()
        elif what == "keep":
            assert (inside == ids[start:end]).all()
        else:
            assert not tokenizer.is_special_V[inside].any()
    assert (result.ids[outside] == ids[outside]).all()


def test_budget_is_used_where_words_are_short(tokenizer):
    ids, starts = segment_of([1] * 126, tokenizer.ordinary_ids, 0)
    used = [sum(e - s for s, e in mask_spans(ids, starts, seed=seed, tokenizer=tokenizer).spans) for seed in range(200)]
    assert set(used) == {math.ceil(0.15 * 126)}


def test_a_word_longer_than_the_budget_stays_whole(tokenizer):
    ids, starts = segment_of([30], tokenizer.ordinary_ids, 0)
    result = mask_spans(ids, starts, tokenizer=tokenizer)
    assert result.spans == []
    assert (result.ids == ids).all()


def test_length_law_is_geometric_and_renormalised():
    law = length_law(MaskingConfig())
    assert law.sum() == pytest.approx(1)
    assert law[1:] / law[:-1] == pytest.approx(0.8)
    assert (law * np.arange(1, 11)).sum() == pytest.approx(3.797, abs=1e-3)


def histogram(values: list[int]) -> np.ndarray:
    counted = Counter(values)
    return np.array([counted[length] for length in range(1, 11)]) / max(len(values), 1)


def compare_with_reference(segments: list[tuple[np.ndarray, np.ndarray]], tokenizer) -> None:
    """Share masked, 80/10/10, drawn lengths by the law, realised lengths as the slow reference has them."""
    masker = SpanMasker(tokenizer)
    results = [masker.mask(ids, starts, keyed_generator(0, n)) for n, (ids, starts) in enumerate(segments)]
    slow = [span_masking(starts.tolist(), keyed_generator(1, n)) for n, (_, starts) in enumerate(segments)]
    drawn = histogram([words for result in results for words in result.drawn_words])
    assert np.abs(drawn - length_law(MaskingConfig())).max() < 0.012
    realised = [words for result in results for words in result.span_words]
    expected = [words for spans in slow for _, words in spans]
    assert np.abs(histogram(realised) - histogram(expected)).max() < 0.015
    assert np.mean(realised) == pytest.approx(np.mean(expected), rel=0.02)
    for ids, starts in segments[:20]:
        assert words_of(starts.tolist())[-1][-1] == len(ids) - 1
    fates = Counter(fate for result in results for fate in result.replacements)
    total = sum(fates.values())
    assert fates["mask"] / total == pytest.approx(0.8, abs=0.015)
    assert fates["random"] / total == pytest.approx(0.1, abs=0.012)
    pieces = sum(len(ids) for ids, _ in segments)
    masked = sum(end - start for result in results for start, end in result.spans)
    reference_masked = sum(
        len(words[n]) for (_, starts), spans in zip(segments, slow, strict=True) if (words := words_of(starts.tolist()))
        for first, count in spans for n in range(first, first + count)
    )  # fmt: skip
    assert masked / pieces == pytest.approx(reference_masked / pieces, rel=0.01)
    assert 0.145 < masked / pieces < 0.155


def test_lengths_agree_with_the_slow_reference(tokenizer):
    generator = keyed_generator("lengths")
    segments = []
    for n in range(1500):
        lengths = generator.choice([1, 1, 1, 1, 2, 3], 126).tolist()
        while sum(lengths) > 126:
            lengths.pop()
        segments.append(
            segment_of([*lengths, 126 - sum(lengths)] if sum(lengths) < 126 else lengths, tokenizer.ordinary_ids, n)
        )
    compare_with_reference(segments, tokenizer)


def test_starts_are_uniform_over_words(tokenizer):
    """Words are drawn equally often whatever their length; long ones are refused a little more, near the budget's end."""
    lengths = [1, 4] * 40
    hidden = np.zeros(len(lengths))
    ids, starts = segment_of(lengths, tokenizer.ordinary_ids, 0)
    firsts = np.flatnonzero(starts)
    options = MaskingConfig(longest_span=1)
    masker = SpanMasker(tokenizer, options)
    for seed in range(3000):
        for start, _ in masker.mask(ids, starts, keyed_generator(seed)).spans:
            hidden[np.searchsorted(firsts, start)] += 1
    short, long = hidden[0::2].mean(), hidden[1::2].mean()
    assert 0.65 < long / short < 1.0  # pieces as starts would make it about 4


@pytest.mark.parametrize(("length", "count"), [(126, 10_000), (510, 2_500)])
def test_thousands_of_real_segments(real_data, minilm, length: int, count: int):
    """About 1.3 million pieces each; `make bench` tabulates 10,000 segments of both lengths."""
    from spanbert.tokens.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(minilm)
    segments: list[tuple[np.ndarray, np.ndarray]] = []
    for file in sorted((real_data / "pretrain" / "enwiki_core").glob("part-*.txt")):
        if len(segments) >= count:
            break
        ids, starts = tokenizer.encode(file.read_text())
        segments += [
            (ids[first : first + length], starts[first : first + length])
            for first in range(0, len(ids) - length, length)
        ]
    assert len(segments) >= count
    compare_with_reference(segments[:count], tokenizer)


@pytest.mark.parametrize(
    ("change", "part"),
    [({"budget": 0.0}, "not a budget"), ({"scheme": "nonsense"}, "unknown masking scheme"), ({"word_starts": [True]}, "differ")],
)  # fmt: skip
def test_bad_arguments(tokenizer, change: dict, part: str):
    arguments = {"ids": [7, 8], "word_starts": [True, True], "tokenizer": tokenizer, **change}
    with pytest.raises(InputError, match=part):
        mask_spans(arguments.pop("ids"), arguments.pop("word_starts"), **arguments)


@settings(max_examples=200, deadline=None)
@given(
    lengths=word_lengths,
    seed=st.integers(0, 10**6),
    scheme=st.sampled_from(["subword", "word", "entity"]),
    chosen=st.lists(st.integers(0, 199), max_size=5),
)
def test_the_other_schemes_keep_the_budget(tokenizer, lengths: list[int], seed: int, scheme: str, chosen: list[int]):
    ids, starts = segment_of(lengths, tokenizer.ordinary_ids, seed)
    bounds = [*np.flatnonzero(starts).tolist(), len(ids)]
    entities = [(bounds[n], bounds[min(n + 2, len(lengths))]) for n in chosen if n < len(lengths)]
    result = mask_spans(ids, starts, seed=seed, scheme=scheme, tokenizer=tokenizer, entities=entities)
    hidden = [piece for start, end in result.spans for piece in range(start, end)]
    assert len(hidden) == len(set(hidden)) <= math.ceil(0.15 * len(ids))
    assert result.spans == sorted(result.spans)
    words = set(itertools.pairwise(bounds))
    if scheme == "subword":
        assert len(hidden) == math.ceil(0.15 * len(ids))
        assert all(end - start == 1 for start, end in result.spans)
    elif scheme == "word":
        assert set(result.spans) <= words
    else:
        assert set(result.spans) <= words | set(entities)
    assert all(words >= 1 for words in result.span_words)
    untouched = np.setdiff1d(np.arange(len(ids)), hidden)
    assert (result.ids[untouched] == ids[untouched]).all()


def test_half_of_the_draws_are_entities(tokenizer):
    ids, starts = segment_of([1] * 400, tokenizer.ordinary_ids, 0)
    entities = [(piece, piece + 2) for piece in range(0, 400, 4)]
    spans = [
        span
        for seed in range(100)
        for span in mask_spans(ids, starts, seed=seed, scheme="entity", tokenizer=tokenizer, entities=entities).spans
    ]
    share = sum(span in set(entities) for span in spans) / len(spans)
    assert 0.42 < share < 0.58
    with pytest.raises(InputError, match="an entity outside the segment"):
        mask_spans(ids, starts, tokenizer=tokenizer, entities=[(399, 401)])
