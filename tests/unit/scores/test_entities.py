"""Entity scores equal seqscore's; tag accuracy; worked cases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.tagging import decode_tags
from spanbert.scores.bootstrap import compare
from spanbert.scores.entities import EntityScorer, TagScorer
from spanbert.scores.scorer import Scorer

tag = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])


def test_a_worked_case():
    scorer = EntityScorer()
    scorer.add([(0, 2, "PER"), (3, 4, "LOC")], [(0, 2, "PER"), (3, 4, "PER"), (5, 6, "LOC")])
    scorer.add([(0, 1, "LOC")], [(0, 1, "LOC"), (0, 1, "LOC")])
    scorer.add([], [])
    scores = scorer.scores()
    assert (scores["precision"], scores["recall"]) == (2 / 4, 2 / 3)
    assert scores["f1"] == pytest.approx(4 / 7)
    assert scores["by_label"]["LOC"] == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "gold": 2, "predicted": 2}
    assert scores["entities"] == 3
    low, high = scores["interval"]["f1"]
    assert 0 <= low <= scores["f1"] <= high <= 1


def test_intervals_of_precision_and_recall_hold_their_values():
    scorer = EntityScorer()
    for place in range(60):
        scorer.add([(0, 1, "A"), (1, 2, "B")], [(0, 1, "A")] if place % 3 else [(0, 1, "A"), (4, 5, "B"), (6, 7, "B")])
    scores = scorer.scores()
    assert (scores["precision"], scores["recall"]) == (60 / 100, 0.5)
    low, high = scores["interval"]["precision"]
    assert 0.45 < low < 0.6 < high < 0.75
    assert scores["interval"]["recall"] == [0.5, 0.5]  # one of two in every sentence


def test_confusions_missed_and_spurious_spans():
    scorer = EntityScorer()
    scorer.add([(0, 2, "PER"), (3, 4, "LOC"), (6, 7, "ORG")], [(0, 2, "PER"), (3, 4, "ORG"), (5, 7, "ORG")])
    scorer.add([(0, 1, "LOC")], [(0, 1, "ORG")])
    scorer.add([(0, 1, "A"), (0, 1, "B")], [(0, 1, "A"), (0, 1, "C"), (0, 1, "D")])  # several labels at one place
    scores = scorer.scores()
    assert scores["confusions"] == [
        ["LOC", "ORG", 2],
        ["-", "D", 1],
        ["-", "ORG", 1],
        ["B", "C", 1],
        ["ORG", "-", 1],
    ]
    assert (scores["missed"], scores["spurious"]) == (1, 2)


def test_two_systems_are_compared_by_their_main_figure():
    good, bad = EntityScorer(seed=1), EntityScorer(seed=1)
    for _ in range(50):
        good.add([(0, 1, "A")], [(0, 1, "A")])
        bad.add([(0, 1, "A")], [(0, 1, "B")])
    (a, statistic), (b, _) = good.paired(), bad.paired()
    assert (
        compare(a, b, statistic).difference.value
        == good.scores()[good.main_metric] - bad.scores()[bad.main_metric]
        == 1.0
    )


def test_nothing_to_find_and_nothing_found():
    scorer = EntityScorer()
    scorer.add([], [])
    assert scorer.scores()["f1"] == 0.0


@given(
    pairs=st.lists(
        st.integers(1, 8).flatmap(lambda n: st.tuples(*[st.lists(tag, min_size=n, max_size=n)] * 2)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=50, deadline=None)
def test_equal_to_seqscore(pairs):
    from seqscore.scoring import score_label_sequences

    scorer = EntityScorer()
    for gold, predicted in pairs:
        scorer.add(decode_tags(gold, "BIO"), decode_tags(predicted, "BIO"))
    predicted, gold = [one for _, one in pairs], [one for one, _ in pairs]
    theirs, _ = score_label_sequences(predicted, gold, "BIO", repair="conlleval")
    ours = scorer.scores()
    assert (ours["precision"], ours["recall"], ours["f1"]) == pytest.approx(
        (theirs.precision, theirs.recall, theirs.f1)
    )


def test_both_are_scorers():
    scorers: list[Scorer] = [EntityScorer(), TagScorer()]
    for scorer in scorers:
        bootstrap, statistic = scorer.paired()
        assert float(statistic(bootstrap.sums_K)) == scorer.scores()[scorer.main_metric] == 0.0


def test_figures_of_tags():
    scorer = TagScorer()
    scorer.add(["N", "V", "N"], ["N", "N", "X"], confidences=[0.9, 0.6, 0.5])
    scores = scorer.scores()
    assert scores["by_tag"] == {
        "N": {"f1": 0.5, "precision": 0.5, "recall": 0.5, "gold": 2, "predicted": 2},
        "V": {"f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 1, "predicted": 0},
        "X": {"f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 0, "predicted": 1},
    }
    assert scores["confusions"] == [["N", "X", 1], ["V", "N", 1]]
    assert scores["ece"] == pytest.approx((0.1 + 0.6 + 0.5) / 3)
    assert [one["count"] for one in scores["reliability"]] == [1, 1, 1]


def test_tags_beyond_the_most_frequent_and_calibration_without_confidences_are_left_out():
    scorer = TagScorer()
    for place in range(25):
        scorer.add([f"T{place}"] * (place + 1), [f"T{place}"] * (place + 1))
    scores = scorer.scores()
    assert list(scores["by_tag"]) == [f"T{place}" for place in range(24, 4, -1)]
    assert "ece" not in scores


def test_tag_accuracy():
    scorer = TagScorer()
    scorer.add(["NOUN", "VERB"], ["NOUN", "NOUN"])
    scorer.add(["ADJ"], ["ADJ"])
    scores = scorer.scores()
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["confusions"] == [["VERB", "NOUN", 1]]
    with pytest.raises(ValueError, match="1 tags for 2 words"):
        scorer.add(["A", "B"], ["A"])
