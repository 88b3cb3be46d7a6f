"""Exact match and F1 of answers: worked cases of the official scorers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.scores.qa import answer_f1, best_over_gold, best_threshold, exact_match, normalise_answer


@pytest.mark.parametrize(
    ("answer", "gold", "em", "f1"),
    [
        ("The Beatles", "beatles!", 1.0, 1.0),
        ("in the city of New York", "New York", 0.0, 4 / 7),
        ("", "", 1.0, 1.0),
        ("x", "", 0.0, 0.0),
        ("", "x", 0.0, 0.0),
        ("the", "a", 1.0, 1.0),
        ("cat cat dog", "cat dog dog", 0.0, 2 / 3),
        ("anthem", "them", 0.0, 0.0),
    ],
)
def test_squad(answer: str, gold: str, em: float, f1: float):
    assert exact_match(answer, gold) == em
    assert answer_f1(answer, gold) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "gold", "em", "f1"),
    [
        ("北京。", "北京", 1.0, 1.0),
        ("在北京", "北京", 0.0, 4 / 5),
        ("2010年10月", "2010 年 10 月", 1.0, 1.0),
        ("NBA球员", "nba", 0.0, 2 / 4),
        ("", "北京", 0.0, 0.0),
        ("上海", "北京", 0.0, 0.0),
        ("", "", 1.0, 1.0),
        ("《红楼梦》", "红楼梦", 1.0, 1.0),
        ("25%", "25", 0.0, 2 / 3),  # the percent sign is not among CMRC's marks
        ("1,000人", "1000人", 0.0, 1 / 2),  # nor is the comma
        ("3.5 公里", "3.5公里", 1.0, 1.0),
        ("Coca-Cola公司", "cocacola公司", 1.0, 1.0),  # the hyphen is, and what it joins becomes one word
        ("天安门广场北京", "北京天安门广场", 0.0, 10 / 14),  # the longest common run is 天安门广场
    ],
)
def test_chinese(answer: str, gold: str, em: float, f1: float):
    assert exact_match(answer, gold, "zh") == em
    assert answer_f1(answer, gold, "zh") == pytest.approx(f1)


def test_the_best_gold_answer_counts():
    assert best_over_gold(answer_f1, "New York", ["York", "New York City", "new york"], "en") == 1.0
    assert best_over_gold(exact_match, "", [], "en") == 1.0
    assert best_over_gold(exact_match, "something", [], "en") == 0.0


def test_a_gold_answer_of_articles_alone_is_none():
    assert best_over_gold(exact_match, "the", ["The", "The Who"], "en") == 0.0
    assert best_over_gold(exact_match, "", ["The"], "en") == 1.0


SENTENCES = [
    ("the cat sat on the mat", ["The cat sat on the mat."]),
    ("a cat", ["the cat sat on a mat", "cat"]),
    ("on Tuesday, 5 May", ["Tuesday 5 May", "May 5"]),
    ("U.S.", ["US", "the United States"]),
    ("nothing of it", ["something else entirely"]),
    ("New York New York", ["New York", "York"]),
    ("the  \t spaced   out", ["spaced out"]),
]


@pytest.mark.parametrize(("answer", "gold"), SENTENCES)
def test_equal_to_torchmetrics(answer: str, gold: list[str]):
    squad = pytest.importorskip("torchmetrics.functional.text").squad
    theirs = squad(
        [{"prediction_text": answer, "id": "x"}],
        [{"answers": {"text": gold, "answer_start": [0] * len(gold)}, "id": "x"}],
    )
    assert best_over_gold(exact_match, answer, gold, "en") * 100 == pytest.approx(float(theirs["exact_match"]))
    assert best_over_gold(answer_f1, answer, gold, "en") * 100 == pytest.approx(float(theirs["f1"]), rel=1e-5)


def test_normalising():
    assert normalise_answer("  The  U.S. of A. ") == "us of"


def test_threshold_of_no_answer():
    scored = {
        "a": (-5.0, 1.0, True),
        "b": (-1.0, 0.5, True),
        "c": (2.0, 0.0, False),
        "d": (3.0, 0.9, True),
    }
    best = best_threshold(scored)
    assert (best.value, best.score) == (-1.0, (1.0 + 0.5 + 1.0) / 4)
    assert best_threshold({"x": (1.0, 0.0, False)}).score == 1.0
    assert best_threshold({"x": (1.0, 0.0, False)}).value < 1.0
    ties = {"a": (0.0, 1.0, True), "b": (0.0, 1.0, False)}
    assert best_threshold(ties).score == 0.5
    assert best_threshold({}).score == 0.0


def test_the_best_threshold_may_answer_everything():
    scored = {"a": (-3.0, 1.0, True), "b": (0.5, 0.0, False), "c": (4.0, 0.8, True), "d": (4.5, 0.6, True)}
    best = best_threshold(scored)
    assert (best.value, best.score) == (4.5, pytest.approx((1.0 + 0.8 + 0.6) / 4))


def test_the_best_threshold_may_answer_nothing():
    scored = {"a": (-3.0, 0.2, False), "b": (0.5, 0.4, True), "c": (4.0, 0.0, False)}
    best = best_threshold(scored)
    assert best.score == 2 / 3
    assert best.value < -3.0


def test_a_question_without_a_span_is_never_answered():
    scored = {"a": (-1.0, 1.0, True), "b": (math.inf, 0.0, False), "c": (math.inf, 0.0, True)}
    best = best_threshold(scored)
    assert (best.value, best.score) == (-1.0, 2 / 3)
    only = best_threshold({"b": (math.inf, 0.0, False)})
    assert (only.value, only.score) == (0.0, 1.0)


@given(
    st.lists(
        st.tuples(st.integers(-3, 3).map(float), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_the_threshold_found_gives_the_score_and_none_gives_a_better_one(questions: list[tuple[float, float, bool]]):
    def mean(threshold: float) -> float:
        given_up = [(null > threshold, figure, answerable) for null, figure, answerable in questions]
        return sum(float(not known) if none else figure * known for none, figure, known in given_up) / len(questions)

    best = best_threshold({str(place): one for place, one in enumerate(questions)})
    assert mean(best.value) == pytest.approx(best.score)
    assert best.score == pytest.approx(max(mean(threshold / 2) for threshold in range(-9, 9)))
