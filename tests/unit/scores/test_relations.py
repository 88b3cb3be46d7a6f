"""Relation scores: figures of SemEval-2010 Task 8's official scorer, hand-counted cases, properties."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from spanbert.scores.bootstrap import compare
from spanbert.scores.relations import RelationScorer, is_directed, relates, undirected

NAMES = ["Cause-Effect", "Component-Whole", "Content-Container", "Entity-Destination", "Entity-Origin",
         "Instrument-Agency", "Member-Collection", "Message-Topic", "Product-Producer", "Other"]  # fmt: skip
LABELS = [f"{name}({direction})" for name in NAMES[:-1] for direction in ("e1,e2", "e2,e1")] + ["Other"]
# what version 1.2 of the official scorer printed for a published system: rows are gold, columns predicted; right
# relations in the wrong direction stand apart
CONFUSION = [
    [300, 0, 0, 0, 4, 1, 0, 2, 2, 12], [1, 235, 5, 1, 1, 11, 11, 6, 3, 29], [0, 5, 160, 7, 2, 0, 1, 1, 1, 11],
    [0, 2, 7, 264, 0, 0, 0, 1, 1, 16], [3, 1, 1, 4, 226, 1, 0, 1, 3, 16], [0, 4, 1, 1, 1, 118, 0, 4, 5, 21],
    [0, 4, 0, 0, 2, 0, 206, 1, 0, 19], [1, 5, 0, 1, 2, 0, 2, 229, 1, 19], [5, 1, 2, 0, 4, 9, 0, 3, 177, 27],
    [16, 25, 18, 23, 27, 24, 29, 33, 26, 231],
]  # fmt: skip
WRONG_DIRECTION = [3, 8, 4, 1, 1, 0, 0, 1, 2, 0]
F1 = [91.88, 78.20, 82.05, 88.89, 85.77, 73.98, 85.65, 84.35, 78.49]


def label(number: int, *, turned: bool = False) -> str:
    return "Other" if number == 9 else f"{NAMES[number]}({'e2,e1' if turned else 'e1,e2'})"


def test_the_official_scorers_figures():
    scorer = RelationScorer(LABELS, averaging="semeval")
    for gold, row in enumerate(CONFUSION):
        for predicted, count in enumerate(row):
            for _ in range(count):
                scorer.add(label(gold), label(predicted))
        for _ in range(WRONG_DIRECTION[gold]):
            scorer.add(label(gold), label(gold, turned=True))
    scores = scorer.scores()
    assert scorer.main_metric == "macro_f1"
    assert round(100 * scores["macro_f1"], 2) == 83.25
    assert round(100 * scores["micro_f1"], 2) == 84.01
    assert (round(100 * scores["precision"], 2), round(100 * scores["recall"], 2)) == (83.08, 84.96)
    assert [round(100 * scores["by_label"][name]["f1"], 2) for name in NAMES[:-1]] == F1
    assert "Other" not in scores["by_label"]
    assert (scores["pairs"], round(100 * scores["accuracy"], 2)) == (2706, 79.31)
    low, high = scores["interval"]["macro_f1"]
    assert 0.81 < low < scores["macro_f1"] < high < 0.86


def test_relations_that_the_gold_does_not_have_are_not_averaged():
    scorer = RelationScorer(LABELS, averaging="semeval")
    for gold, predicted in [(0, 0), (0, 1), (9, 9), (9, 0)]:
        scorer.add(label(gold), label(predicted))
    assert scorer.scores()["macro_f1"] == pytest.approx(2 * 1 / (2 + 2))  # Cause-Effect alone


def test_micro_f1_leaves_none_out():
    """TACRED's: right 2, predicted 4, gold 3."""
    scorer = RelationScorer(["a", "b", "no_relation"], averaging="micro")
    for gold, predicted in [("a", "a"), ("b", "b"), ("a", "b"), ("no_relation", "a"), ("no_relation", "no_relation")]:
        scorer.add(gold, predicted, 0.9)
    scores = scorer.scores()
    assert scorer.main_metric == "micro_f1"
    assert (scores["precision"], scores["recall"]) == (2 / 4, 2 / 3)
    assert scores["micro_f1"] == pytest.approx(2 * 2 / (4 + 3))
    assert scores["accuracy"] == 3 / 5
    assert scores["by_label"]["a"] == {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "gold": 2, "predicted": 2}
    assert scores["ece"] == pytest.approx(0.3)


def test_directions():
    assert is_directed("Cause-Effect(e2,e1)")
    assert not is_directed("Other")
    assert [undirected(one) for one in ("Cause-Effect(e2,e1)", "per:title")] == ["Cause-Effect", "per:title"]


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(st.sampled_from("abcn"), st.sampled_from("abcn")), min_size=1, max_size=30))
def test_micro_f1_is_scikit_learns(pairs: list[tuple[str, str]]):
    names = {"n": "no_relation"}
    gold, predicted = ([names.get(one, one) for one in side] for side in zip(*pairs, strict=True))
    scorer = RelationScorer(["a", "b", "c", "no_relation"], averaging="micro")
    for one, other in zip(gold, predicted, strict=True):
        scorer.add(one, other)
    expected = precision_recall_fscore_support(
        gold, predicted, labels=["a", "b", "c"], average="micro", zero_division=0
    )
    scores = scorer.scores()
    assert [scores["precision"], scores["recall"], scores["micro_f1"]] == pytest.approx(list(expected[:3]))


def test_two_systems_are_compared_on_the_same_resamples():
    draw = random.Random(0)
    one, other = (RelationScorer(["a", "b", "NA"], averaging="micro") for _ in range(2))
    for _ in range(50):
        gold = draw.choice(["a", "b", "NA"])
        one.add(gold, gold)
        other.add(gold, draw.choice(["a", "b", "NA"]))
    wider = RelationScorer(["a", "b", "c", "NA"], averaging="micro")
    wider.add("a", "c")
    narrow = RelationScorer(["a", "b", "NA"], averaging="micro")
    narrow.add("a", "a")
    (mine, own), (theirs, their_own) = narrow.paired(), wider.paired()
    assert compare(mine, theirs, own, other=their_own).difference.value == 1
    (bootstrap, statistic), (rival, _) = one.paired(), other.paired()
    assert bool((statistic(bootstrap.resampled_BK) >= statistic(rival.resampled_BK)).all())


@pytest.mark.parametrize("label", ["no_relation", "NO-RELATION", "No relation", "None", "Other", "NA", "N/A"])
def test_labels_of_no_relation(label: str):
    assert not relates(label)
    assert relates(f"{label} of")
