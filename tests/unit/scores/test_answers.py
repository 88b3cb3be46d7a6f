from __future__ import annotations

import pytest

from spanbert.core.predictions import Answer, Answering
from spanbert.scores.answers import AnswerScorer
from spanbert.scores.bootstrap import compare
from spanbert.scores.scorer import Scorer


def answering(text: str, null: float, *, score: float = 0.5, give: bool = True) -> Answering:
    candidates = (Answer(text=text, start=0, end=len(text), score=score),) if text else ()
    return Answering(
        question="q", answer=candidates[0] if give and text else None, candidates=candidates, null_score=null
    )


def add_all(scorer: AnswerScorer) -> AnswerScorer:
    scorer.add(["New York"], answering("in New York", -4.0, score=0.8))  # em 0, f1 0.8
    scorer.add(["the Thames", "Thames"], answering("Thames", -2.0, score=0.9))  # em 1, f1 1
    scorer.add([], answering("a guess", 1.0, score=0.3))
    scorer.add(["1912"], answering("1912", 3.0, score=0.4))
    scorer.add([], answering("other guess", 5.0, score=0.2))
    return scorer


def test_without_threshold_the_predictions_decide():
    scores = add_all(AnswerScorer(language="en", threshold=None)).scores()
    assert (scores["em"], scores["f1"]) == pytest.approx((2 / 5, 2.8 / 5))
    assert (scores["has_answer_em"], scores["has_answer_f1"]) == pytest.approx((2 / 3, 2.8 / 3))
    assert scores["no_answer_accuracy"] == 0.0
    assert scores["questions"] == 5
    assert scores["ece"] == pytest.approx((0.8 + 0.1 + 0.3 + 0.6 + 0.2) / 5)


def test_above_the_threshold_no_answer_is_given():
    scores = add_all(AnswerScorer(language="en", threshold=1.0)).scores()
    assert (scores["em"], scores["f1"]) == pytest.approx((2 / 5, 2.8 / 5))  # "1912" lost, the last one won
    assert scores["no_answer_accuracy"] == 0.5
    assert sum(one["count"] for one in scores["reliability"]) == 3  # given answers alone


def test_the_best_thresholds_do_not_depend_on_what_was_given():
    for threshold in (None, -100.0, 2.0):
        scorer = add_all(AnswerScorer(language="en", threshold=threshold))
        scores = scorer.scores()
        # F1: 2, then 2.8, 3.8, 2.8, 3.8, 2.8 as one question after the other is answered
        assert (scores["best_f1"], scores["best_f1_threshold"]) == (pytest.approx(3.8 / 5), -2.0)
        # exact match: 2, 2, 3, 2, 3, 2
        assert (scores["best_em"], scores["best_em_threshold"]) == (pytest.approx(3 / 5), -2.0)
        assert scorer.tuned_threshold() == -2.0


def test_scoring_at_the_tuned_threshold_gives_the_best_figure():
    tuned = add_all(AnswerScorer(language="en", threshold=None)).tuned_threshold()
    again = add_all(AnswerScorer(language="en", threshold=tuned)).scores()
    assert again["f1"] == pytest.approx(again["best_f1"])


def test_no_answer_is_empty_and_nothing_more_is_said_where_all_can_be_answered():
    scorer = AnswerScorer(language="en", threshold=None)
    scorer.add(["x"], answering("x", 0.0, give=False))
    scorer.add(["y"], answering("y", 0.0))
    scores = scorer.scores()
    assert (scores["em"], scores["f1"]) == (0.5, 0.5)
    assert not [name for name in scores if name.startswith(("best", "has", "no_"))]


def test_only_unanswerable_questions_and_no_candidates():
    scorer = AnswerScorer(language="en", threshold=None)
    scorer.add([], answering("", 2.0))
    scorer.add([], answering("a guess", 1.0, give=False))
    scores = scorer.scores()
    assert (scores["em"], scores["f1"], scores["no_answer_accuracy"], scores["has_answer_f1"]) == (1.0, 1.0, 1.0, 0.0)
    assert scores["best_f1"] == 1.0
    assert scores["best_f1_threshold"] < 1.0
    assert scores["reliability"] == []


def test_chinese():
    scorer = AnswerScorer(language="zh", threshold=None)
    scorer.add(["北京", "北京市"], answering("北京。", 0.0))
    scorer.add(["北京"], answering("在北京", 0.0))
    scores = scorer.scores()
    assert (scores["em"], scores["f1"]) == pytest.approx((0.5, (1 + 0.8) / 2))


def test_intervals_and_pairs():
    good, bad = (AnswerScorer(language="en", threshold=None, seed=2) for _ in range(2))
    for place in range(200):
        good.add(["a red fox"], answering("red fox" if place % 4 else "fox", 0.0))
        bad.add(["a red fox"], answering("red fox" if place % 2 else "dog", 0.0))
    scores = good.scores()
    assert scores["em"] == 0.75
    assert scores["f1"] == pytest.approx(0.75 + 0.25 * 2 / 3)
    for name in ("em", "f1"):
        low, high = scores["interval"][name]
        assert low < scores[name] < high
    scorer: Scorer = good
    (a, statistic), (b, _) = scorer.paired(), bad.paired()
    comparison = compare(a, b, statistic)
    assert comparison.difference.value == pytest.approx(scores[scorer.main_metric] - 0.5)
    assert comparison.p_value < 0.01


def test_no_questions():
    scores = AnswerScorer(language="en", threshold=None).scores()
    assert (scores["em"], scores["f1"], scores["questions"]) == (0.0, 0.0, 0)
