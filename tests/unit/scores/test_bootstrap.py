from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.seeding import keyed_generator
from spanbert.scores.bootstrap import CHUNK, Bootstrap, Weights, compare
from spanbert.scores.entities import f1_of_counts, share_of_counts


def test_interval_of_a_share_is_that_of_the_binomial():
    draw = np.random.default_rng(0)
    right = draw.random(2000) < 0.3
    bootstrap = Bootstrap(2)
    bootstrap.add(np.stack([right, np.ones(2000)], axis=1))
    interval = bootstrap.interval(share_of_counts)
    error = 1.96 * (0.3 * 0.7 / 2000) ** 0.5
    assert interval.value == right.mean()
    assert interval.low == pytest.approx(right.mean() - error, abs=0.004)
    assert interval.high == pytest.approx(right.mean() + error, abs=0.004)


@given(parts=st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_it_does_not_matter_how_the_units_arrive(parts: list[int]):
    counts = np.random.default_rng(1).integers(0, 5, (sum(parts), 3))
    whole, pieces = Bootstrap(3, resamples=20), Bootstrap(3, resamples=20)
    whole.add(counts)
    for part in np.split(counts, np.cumsum(parts)[:-1]):
        pieces.add(part)
    assert whole.units == pieces.units
    np.testing.assert_allclose(whole.resampled_BK, pieces.resampled_BK)
    assert whole.interval(f1_of_counts) == pieces.interval(f1_of_counts)


def test_grouping_changes_no_bit_of_the_sums():
    """Counts of full precision, so that another order of additions would show."""
    counts = np.random.default_rng(3).random((2 * CHUNK + 100, 3))
    whole, singly, uneven = (Bootstrap(3, resamples=50, seed=4) for _ in range(3))
    whole.add(counts)
    for row in counts:
        singly.add([row])
    for part in np.split(counts, [1, 300, CHUNK * 2 - 1, CHUNK * 2 + 3]):
        uneven.add(part)
    assert whole.units == singly.units == uneven.units == len(counts)
    for other in (singly, uneven):
        assert np.array_equal(whole.resampled_BK, other.resampled_BK)
        assert np.array_equal(whole.sums_K, other.sums_K)


def test_sums_are_those_of_weights_drawn_at_once():
    counts = np.random.default_rng(5).integers(0, 9, (CHUNK + 7, 2))
    bootstrap = Bootstrap(2, resamples=30, seed=6)
    for part in np.split(counts, [10, 200]):
        bootstrap.add(part)
    weights = keyed_generator(6, "bootstrap").poisson(1.0, (CHUNK + 7, 30))
    assert np.array_equal(bootstrap.resampled_BK, weights.T @ counts)
    assert np.array_equal(bootstrap.sums_K, counts.sum(0))


def test_weights_do_not_depend_on_how_many_are_drawn_at_once():
    at_once, in_parts = Weights(seed=7, resamples=40), Weights(seed=7, resamples=40)
    drawn = [in_parts.draw(units) for units in (1, 0, 5, 300)]
    assert np.array_equal(at_once.draw(306), np.concatenate(drawn))


def test_reading_between_units_leaves_the_weights_as_they_are():
    counts = np.random.default_rng(8).integers(0, 9, (400, 2))
    read, unread = Bootstrap(2, resamples=30), Bootstrap(2, resamples=30)
    for row in counts:
        read.add(row)
        assert read.sums_K.shape == (2,)
    unread.add(counts)
    assert np.array_equal(read.resampled_BK, unread.resampled_BK)


def test_systems_that_count_other_things_beside_are_paired():
    a, b = Bootstrap(2, seed=1), Bootstrap(3, seed=1)
    right = np.random.default_rng(9).random(300) < 0.5
    a.add(np.stack([right, np.ones(300)], axis=1))
    b.add(np.stack([right, np.ones(300), right], axis=1))
    same = compare(a, b, lambda sums: share_of_counts(sums[..., :2]))
    assert (same.difference.low, same.difference.high, same.p_value) == (0.0, 0.0, 1.0)


def test_a_paired_test_sees_what_unpaired_intervals_hide():
    draw = np.random.default_rng(2)
    hard = draw.random(1000)
    a, b = Bootstrap(2), Bootstrap(2)
    a.add(np.stack([hard < 0.53, np.ones(1000)], axis=1))
    b.add(np.stack([hard < 0.50, np.ones(1000)], axis=1))
    assert a.interval(share_of_counts).low < b.interval(share_of_counts).high
    better, same = compare(a, b, share_of_counts), compare(a, a, share_of_counts)
    assert better.p_value < 0.01
    assert better.difference.low > 0
    assert (same.p_value, same.difference.value) == (1.0, 0.0)
    assert compare(b, a, share_of_counts).difference.value == -better.difference.value


def test_only_equal_units_are_paired():
    a, b = Bootstrap(1), Bootstrap(1)
    a.add([[1], [2]])
    b.add([[1]])
    with pytest.raises(ValueError, match="not paired: 2 and 1 units"):
        compare(a, b, lambda sums: sums[..., 0])
