"""Exact match and F1 of answers: worked cases of the official scorers."""

from __future__ import annotations

import pytest

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
    ],
)
def test_chinese(answer: str, gold: str, em: float, f1: float):
    assert exact_match(answer, gold, "zh") == em
    assert answer_f1(answer, gold, "zh") == pytest.approx(f1)


def test_the_best_gold_answer_counts():
    assert best_over_gold(answer_f1, "New York", ["York", "New York City", "new york"], "en") == 1.0
    assert best_over_gold(exact_match, "", [], "en") == 1.0
    assert best_over_gold(exact_match, "something", [], "en") == 0.0


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
