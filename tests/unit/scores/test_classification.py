"""Classification scores equal scikit-learn's on the texts themselves; worked cases; resampled figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from spanbert.core.predictions import Classification
from spanbert.scores.bootstrap import Weights, compare
from spanbert.scores.classification import ClassificationScorer, MultiLabelScorer, ThresholdSearch
from spanbert.scores.scorer import Scorer

LABELS = ["a", "b", "c", "d"]


def single(label: str, score: float = 0.7) -> Classification:
    return Classification(labels=(label,), scores={label: score})


def multiple(**scores: float) -> Classification:
    return Classification(scores=scores)


def score_pairs(pairs: list[tuple[str, str]], labels: list[str] = LABELS, seed: int = 0) -> ClassificationScorer:
    scorer = ClassificationScorer(labels, seed=seed)
    for gold, predicted in pairs:
        scorer.add(gold, single(predicted))
    return scorer


def drawn_pairs(count: int, golds: list[str] = LABELS, seed: int = 0) -> list[tuple[str, str]]:
    draw = np.random.default_rng(seed)
    gold = draw.choice(golds, count)
    predicted = np.where((draw.random(count) < 0.6) & np.isin(gold, LABELS), gold, draw.choice(LABELS[:3], count))
    return list(zip(gold.tolist(), predicted.tolist(), strict=True))


def test_a_worked_case():
    scorer = ClassificationScorer(["x", "y", "never"])
    scorer.add("x", single("x", 0.9))
    scorer.add("x", single("y", 0.6))
    scorer.add("y", single("y", 0.8))
    scorer.add("y", single("y", 0.7))
    scores = scorer.scores()
    assert (scores["accuracy"], scores["micro_f1"]) == (0.75, 0.75)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)  # `never` is neither gold nor predicted
    assert scores["mcc"] == pytest.approx((1 * 2 - 0 * 1) / (1 * 3 * 2 * 2) ** 0.5)
    assert scores["by_label"]["y"] == {
        "f1": 0.8,
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "gold": 2,
        "predicted": 3,
    }
    assert scores["by_label"]["never"]["gold"] == 0
    assert scores["confusion"] == {"labels": ["x", "y"], "matrix": [[1, 1], [0, 2]]}
    assert scores["examples"] == 4
    assert scores["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    assert sum(one["count"] for one in scores["reliability"]) == 4


@given(
    pairs=st.lists(
        st.tuples(st.sampled_from([*LABELS, "new", "other"]), st.sampled_from(LABELS)), min_size=1, max_size=30
    )
)
@settings(max_examples=50, deadline=None)
def test_values_are_scikit_learns_and_so_are_the_statistics_that_are_resampled(pairs: list[tuple[str, str]]):
    scorer = score_pairs(pairs)
    scores, (bootstrap, accuracy) = scorer.scores(), scorer.paired()
    gold, predicted = zip(*pairs, strict=True)
    assert scores["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert scores["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert scores["micro_f1"] == pytest.approx(f1_score(gold, predicted, average="micro"))
    assert scores["mcc"] == pytest.approx(matthews_corrcoef(gold, predicted))
    counts = scorer._counts
    assert float(accuracy(bootstrap.sums_K)) == pytest.approx(scores["accuracy"])
    assert float(counts.macro_f1(bootstrap.sums_K)) == pytest.approx(scores["macro_f1"])
    assert float(counts.mcc(bootstrap.sums_K)) == pytest.approx(scores["mcc"])
    assert float(counts.micro_f1(bootstrap.sums_K)) == pytest.approx(scores["micro_f1"])


def test_intervals_are_those_of_scikit_learn_on_resampled_texts():
    pairs = drawn_pairs(40, LABELS[:3])
    gold, predicted = map(np.array, zip(*pairs, strict=True))
    weights = Weights(seed=5).draw(40).T
    scores = score_pairs(pairs, seed=5).scores()
    measures = {
        "accuracy": accuracy_score,
        "mcc": matthews_corrcoef,
        "macro_f1": lambda a, b: f1_score(a, b, average="macro"),
    }
    for name, measure in measures.items():
        resampled = [measure(np.repeat(gold, w), np.repeat(predicted, w)) for w in weights]
        assert scores["interval"][name] == pytest.approx(np.quantile(resampled, [0.025, 0.975]).tolist())


def test_unknown_gold_labels_are_wrong_under_their_own_names():
    scorer = score_pairs([("a", "a"), ("new", "a"), ("other", "b"), ("new", "b")])
    scores = scorer.scores()
    assert scores["accuracy"] == 0.25
    assert scores["by_label"]["new"] == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 2, "predicted": 0}
    assert scores["macro_f1"] == pytest.approx((2 / 3) / 4)  # of a, b, new, other
    assert scores["confusion"]["labels"] == ["a", "b", "new", "other"]
    low, high = scores["interval"]["macro_f1"]
    assert low <= scores["macro_f1"] <= high


def test_only_the_most_frequent_labels_are_in_the_matrix():
    labels = [f"l{place:02}" for place in range(30)]
    pairs = [(label, label) for place, label in enumerate(labels) for _ in range(place + 1)]
    confusion = score_pairs(pairs, labels).scores()["confusion"]
    assert confusion["labels"] == labels[10:]
    assert np.diag(confusion["matrix"]).tolist() == list(range(11, 31))


def test_one_label_everywhere_and_no_text_at_all():
    same = score_pairs([("a", "a")] * 3).scores()
    assert (same["accuracy"], same["macro_f1"], same["mcc"]) == (1.0, 1.0, 0.0)
    nothing = score_pairs([]).scores()
    assert (nothing["accuracy"], nothing["macro_f1"], nothing["mcc"], nothing["ece"]) == (0.0, 0.0, 0.0, 0.0)
    assert nothing["confusion"] == {"labels": [], "matrix": []}


def test_models_that_know_other_labels_are_paired():
    pairs = drawn_pairs(300)
    a: Scorer = score_pairs(pairs)
    b: Scorer = score_pairs([(gold, "a") for gold, _ in pairs], ["a", "z"])
    (counts, statistic), (others, _) = a.paired(), b.paired()
    difference = compare(counts, others, statistic).difference
    assert a.main_metric == "accuracy"
    assert difference.value == pytest.approx(a.scores()["accuracy"] - b.scores()["accuracy"])
    assert difference.low > 0


def test_one_label_must_be_predicted():
    with pytest.raises(ValueError):
        ClassificationScorer(LABELS).add("a", Classification(labels=("a", "b"), scores={"a": 0.5, "b": 0.5}))


def test_multi_label_worked_case():
    scorer = MultiLabelScorer(["x", "y", "z"], threshold=0.5)
    scorer.add({"x", "y"}, multiple(x=0.9, y=0.4, z=0.5))  # gives x, z
    scorer.add([], multiple(x=0.1, y=0.2, z=0.3))  # gives nothing, rightly
    scorer.add(["x"], multiple(x=0.8, y=0.1, z=0.1))
    scorer.add({"unheard"}, multiple(x=0.1, y=0.1, z=0.1))
    scores = scorer.scores()
    assert scores["micro_f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert scores["macro_f1"] == pytest.approx((1 + 0 + 0 + 0) / 4)
    assert scores["exact_match"] == 0.5
    assert scores["by_label"]["unheard"]["gold"] == 1
    assert scores["by_label"]["z"] == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 0, "predicted": 1}
    assert set(scores["interval"]) == {"micro_f1", "macro_f1", "exact_match"}
    for name, (low, high) in scores["interval"].items():
        assert 0.0 <= low <= scores[name] <= high <= 1.0
    assert (scorer.main_metric, float(scorer.paired()[1](scorer.paired()[0].sums_K))) == (
        "micro_f1",
        scores["micro_f1"],
    )


def drawn_matrix(count: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    gold = draw.random((count, 3)) < [0.5, 0.2, 0.3]
    return gold, np.clip(gold * 0.3 + draw.random((count, 3)) * 0.7, 0, 1)


def test_multi_label_equals_scikit_learn():
    gold, scores = drawn_matrix(200)
    scorer = MultiLabelScorer(["x", "y", "z"], threshold=0.6)
    for row, probabilities in zip(gold, scores, strict=True):
        names = [name for name, here in zip("xyz", row, strict=True) if here]
        scorer.add(names, multiple(**dict(zip("xyz", probabilities.tolist(), strict=True))))
    ours = scorer.scores()
    given_labels = scores >= 0.6
    assert ours["micro_f1"] == pytest.approx(f1_score(gold, given_labels, average="micro"))
    assert ours["macro_f1"] == pytest.approx(f1_score(gold, given_labels, average="macro"))
    assert ours["exact_match"] == pytest.approx(accuracy_score(gold, given_labels))


def test_the_threshold_found_is_the_best_and_gives_what_it_says():
    gold, scores = drawn_matrix(100)
    search = ThresholdSearch(bins=50)
    for row, probabilities in zip(gold, scores, strict=True):
        names = [name for name, here in zip("xyz", row, strict=True) if here]
        search.add(names, multiple(**dict(zip("xyz", probabilities.tolist(), strict=True))))
    threshold, f1 = search.best()
    assert f1 == pytest.approx(f1_score(gold, scores >= threshold, average="micro"))
    assert f1 == pytest.approx(max(f1_score(gold, scores >= place / 50, average="micro") for place in range(1, 50)))


def test_ties_go_to_the_threshold_nearest_one_half():
    search = ThresholdSearch()
    search.add({"x"}, multiple(x=0.9, y=0.2))
    assert search.best() == (0.5, 1.0)
    above = ThresholdSearch()
    above.add({"x"}, multiple(x=0.9, y=0.7))
    assert above.best() == (0.701, 1.0)
    assert ThresholdSearch().best() == (0.5, 0.0)


def test_a_probability_on_a_bound_is_given_at_that_threshold():
    search = ThresholdSearch(bins=10)
    search.add({"x", "w"}, multiple(x=0.3, y=0.2, w=1.0))
    threshold, f1 = search.best()
    assert (threshold, f1) == (0.3, 1.0)
    missed = ThresholdSearch(bins=10)
    missed.add({"x", "unheard"}, multiple(x=0.9))
    assert missed.best() == (0.5, pytest.approx(2 / 3))
