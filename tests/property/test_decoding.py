"""Decoding against brute force: the best legal tags, the best spans, and answers over windows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spanbert.core.tagging import SCHEMES, illegal_tags
from spanbert.tasks.qa.decode import WindowLogits, answer_question, best_spans
from spanbert.tasks.tag.decode import Steps, best_legal_tags

LETTERS = {"BIO": "BI", "IOB1": "BI", "BIOES": "BIES", "BMES": "BMES", "BILOU": "BILU"}


def tags_of(scheme: str, labels: str = "XY") -> list[str]:
    return ["O", *(f"{letter}-{label}" for label in labels for letter in LETTERS[scheme])]


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_best_legal_tags_are_those_of_brute_force(scheme, data: st.DataObject):
    tags = tags_of(scheme, "X" if len(LETTERS[scheme]) > 2 else "XY")
    words = data.draw(st.integers(1, 4))
    scores_WL = data.draw(arrays.arrays(np.float64, (words, len(tags)), elements=st.integers(-9, 0).map(float)))
    chosen = best_legal_tags(scores_WL, Steps.of(tags, scheme))
    assert illegal_tags([tags[number] for number in chosen], scheme) == []
    legal = [
        sum(scores_WL[word, number] for word, number in enumerate(numbers))
        for numbers in product(range(len(tags)), repeat=words)
        if not illegal_tags([tags[number] for number in numbers], scheme)
    ]
    assert sum(scores_WL[np.arange(words), chosen]) == max(legal)


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_tags_of_long_sentences_are_always_legal(scheme, data: st.DataObject):
    tags = tags_of(scheme)
    words = data.draw(st.integers(0, 60))
    seed = data.draw(st.integers(0, 10_000))
    scores_WL = np.random.default_rng(seed).normal(size=(words, len(tags)))
    chosen = best_legal_tags(scores_WL, Steps.of(tags, scheme))
    assert len(chosen) == words
    assert illegal_tags([tags[number] for number in chosen], scheme) == []


def test_a_legal_best_of_every_word_is_taken_as_it_is():
    tags = tags_of("BIO")
    scores_WL = np.log(np.array([[0.1, 0.8, 0.1, 0, 0], [0.3, 0, 0.7, 0, 0], [0.9, 0.1, 0, 0, 0]]) + 1e-9)
    assert [tags[number] for number in best_legal_tags(scores_WL, Steps.of(tags, "BIO"))] == ["B-X", "I-X", "O"]


def brute_spans(logits_r2: np.ndarray, first: int, longest: int) -> dict[tuple[int, int], float]:
    """Every span of a window by its pieces of the text."""
    pieces = len(logits_r2) - 1
    return {
        (first + start, first + end): float(logits_r2[1 + start, 0] + logits_r2[1 + end, 1])
        for start in range(pieces)
        for end in range(start, min(start + longest, pieces))
    }


LOGITS = st.integers(-50, 50).map(lambda value: value / 8)  # exact sums in float32


@st.composite
def windows(draw: st.DrawFn, most: int = 14) -> WindowLogits:
    rows = draw(st.integers(1, most))
    logits_r2 = draw(arrays.arrays(np.float32, (rows, 2), elements=LOGITS))
    return WindowLogits(first=draw(st.integers(0, 5)), logits_r2=logits_r2)


@settings(max_examples=300, deadline=None)
@given(window=windows(), candidates=st.integers(1, 25), longest=st.integers(1, 16))
def test_the_best_spans_are_those_of_brute_force(window: WindowLogits, candidates: int, longest: int):
    found = best_spans(window, candidates=candidates, longest=longest)
    every = brute_spans(window.logits_r2, window.first, longest)
    assert [score for score, _, _ in found] == sorted(every.values(), reverse=True)[:candidates]
    assert all(every[first, last] == score for score, first, last in found), "spans of the context, none too long"
    assert len({(first, last) for _, first, last in found}) == len(found)


def test_a_window_whose_best_ends_all_come_before_its_best_starts_has_an_answer_too():
    pieces = 60
    logits_r2 = np.zeros((1 + pieces, 2), dtype=np.float32)
    logits_r2[31:, 0] = np.arange(30) + 5  # starts late
    logits_r2[1:31, 1] = np.arange(30) + 5  # ends early
    [(score, first, last)] = best_spans(WindowLogits(first=0, logits_r2=logits_r2), candidates=1, longest=30)
    assert score == max(brute_spans(logits_r2, 0, 30).values())
    assert 0 <= last - first < 30


def softmax(scores: list[float]) -> list[float]:
    shares = np.exp(np.array(scores) - max(scores))
    return (shares / shares.sum()).tolist()


CONTEXT = "The red fox, at last, finds an old stone by the river."
WORDS = [(0, 3), (4, 7), (8, 11), (11, 12), (13, 15), (16, 20), (20, 21), (22, 27), (28, 30), (31, 34), (35, 40),
         (41, 43), (44, 47), (48, 53), (53, 54)]  # fmt: skip
OFFSETS = np.array(WORDS)


@settings(max_examples=200, deadline=None)
@given(
    drawn=st.lists(windows(most=10), min_size=1, max_size=4),
    candidates=st.integers(1, 12),
    longest=st.integers(1, 8),
    threshold=st.one_of(st.none(), st.integers(-10, 10).map(float)),
)
def test_answers_over_windows(drawn: list[WindowLogits], candidates: int, longest: int, threshold: float | None):
    answering = answer_question(
        "q", CONTEXT, OFFSETS, drawn, candidates=candidates, longest=longest, threshold=threshold
    )
    merged: dict[tuple[int, int], float] = {}
    for window in drawn:
        for place, score in brute_spans(window.logits_r2, window.first, longest).items():
            merged[place] = max(score, merged.get(place, score))
    null = min(float(window.logits_r2[0].sum()) for window in drawn)
    if not merged:
        assert (answering.answer, answering.candidates, answering.null_score) == (None, (), float("inf"))
        return
    ranked = sorted(merged.values(), reverse=True)[:candidates]
    assert answering.null_score == pytest.approx(null - ranked[0])
    shares = softmax(ranked + ([] if threshold is None else [null]))
    assert [one.score for one in answering.candidates] == pytest.approx(shares[: len(ranked)])
    for one in answering.candidates:
        assert one.text == CONTEXT[one.start : one.end]
        assert (one.start, one.end) in {(WORDS[a][0], WORDS[b][1]) for a, b in merged}
    unanswered = threshold is not None and null - ranked[0] > threshold
    assert answering.answer == (None if unanswered else answering.candidates[0])


def test_an_answer_that_two_windows_see_is_one_candidate():
    low, high = np.full((6, 2), -5, dtype=np.float32), np.full((6, 2), -5, dtype=np.float32)
    low[3], high[1] = (2, 2), (4, 4)  # the same piece, 4, once in the middle and once at the beginning
    drawn = [WindowLogits(first=2, logits_r2=low), WindowLogits(first=4, logits_r2=high)]
    answering = answer_question("q", CONTEXT, OFFSETS, drawn, candidates=5, longest=3, threshold=None)
    assert (answering.answer.text, answering.null_score) == ("at", -10.0 - 8.0)
    assert len({(one.start, one.end) for one in answering.candidates}) == 5


def test_there_is_always_an_answer_without_a_threshold():
    sure_of_none = np.array([[9, 9], [0, 0], [0, 0]], dtype=np.float32)
    windows_of_one = [WindowLogits(first=0, logits_r2=sure_of_none)]
    settings_of_one = {"candidates": 3, "longest": 3}
    without = answer_question("q", CONTEXT, OFFSETS, windows_of_one, threshold=None, **settings_of_one)
    assert (without.answer.text, without.null_score) == ("The", 18.0)
    assert sum(one.score for one in without.candidates) == pytest.approx(1)
    assert answer_question("q", CONTEXT, OFFSETS, windows_of_one, threshold=17.9, **settings_of_one).answer is None
    assert answer_question("q", CONTEXT, OFFSETS, windows_of_one, threshold=18.0, **settings_of_one).answer is not None
