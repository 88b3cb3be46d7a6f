from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.scores.bootstrap import Bootstrap, compare
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
