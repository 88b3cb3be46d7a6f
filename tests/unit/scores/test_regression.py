from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from spanbert.scores.bootstrap import Weights, compare
from spanbert.scores.regression import RegressionScorer
from spanbert.scores.scorer import Scorer


def scored(gold: np.ndarray, predicted: np.ndarray, seed: int = 0) -> RegressionScorer:
    scorer = RegressionScorer(seed=seed)
    for pair in zip(gold, predicted, strict=True):
        scorer.add(*map(float, pair))
    return scorer


def similar(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    gold = draw.integers(0, 11, count) / 2  # with ties, as human judgements have
    return gold, np.round(gold**2 / 5 + draw.normal(0, 1.0, count), 1)


def test_hand_worked():
    scores = scored(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).scores()
    assert (scores["pearson"], scores["spearman"]) == pytest.approx((0.5, 0.5))
    assert (scores["mse"], scores["mae"]) == pytest.approx((2 / 3, 2 / 3))
    assert scores["examples"] == 3


def test_values_are_scipys_and_lie_in_their_intervals():
    gold, predicted = similar(500)
    scores = scored(gold, predicted).scores()
    assert scores["pearson"] == pytest.approx(pearsonr(gold, predicted).statistic)
    assert scores["spearman"] == pytest.approx(spearmanr(gold, predicted).statistic)
    for name in ("pearson", "spearman"):
        low, high = scores["interval"][name]
        assert low < scores[name] < high
        assert 0.01 < high - low < 0.1


@pytest.mark.parametrize(("name", "correlation"), [("pearson", pearsonr), ("spearman", spearmanr)])
def test_intervals_are_those_of_correlations_of_resampled_texts(name: str, correlation):
    gold, predicted = similar(60)
    weights = Weights(seed=3).draw(60).T
    resampled = [correlation(np.repeat(gold, w), np.repeat(predicted, w)).statistic for w in weights]
    expected = np.quantile(resampled, [0.025, 0.975])
    assert scored(gold, predicted, seed=3).scores()["interval"][name] == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [([], []), ([1.0], [2.0]), ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]), ([0.1, 0.1, 0.1], [1.0, 2.0, 3.0])],
)
def test_a_constant_correlates_with_nothing(gold: list[float], predicted: list[float]):
    scores = scored(np.array(gold), np.array(predicted)).scores()
    assert (scores["pearson"], scores["spearman"]) == (0.0, 0.0)
    assert (scores["interval"]["pearson"], scores["interval"]["spearman"]) == ([0.0, 0.0], [0.0, 0.0])
    assert scores["interval"]["mae"][0] <= scores["mae"] <= scores["interval"]["mae"][1]


def test_sums_far_from_zero_keep_their_digits():
    gold, predicted = similar(300)
    near, far = scored(gold, predicted), scored(gold + 1e7, predicted - 1e7)
    assert far.scores()["interval"]["pearson"] == pytest.approx(near.scores()["interval"]["pearson"], abs=1e-6)


@given(values=st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=20))
@settings(max_examples=50, deadline=None)
def test_the_statistic_of_the_sums_is_the_value(values: list[tuple[int, int]]):
    scorer = scored(*np.array(values, dtype=float).T)
    sums, statistic = scorer.paired()
    assert float(statistic(sums.sums_K)) == pytest.approx(scorer.scores()["pearson"])


def test_it_is_a_scorer_and_pairs():
    gold, predicted = similar(400)
    better: Scorer = scored(gold, gold**2)
    worse = scored(gold, predicted)
    comparison = compare(better.paired()[0], *worse.paired())
    assert better.main_metric == "pearson"
    assert comparison.difference.value == pytest.approx(better.scores()["pearson"] - worse.scores()["pearson"])
    assert comparison.p_value < 0.01
