from __future__ import annotations

import numpy as np
import pytest

from spanbert.scores.pretraining import PretrainPredictions, score_predictions, unigram_log_probabilities


def test_hand_worked_figures():
    counts = np.array([0, 6, 2, 0])
    log_probabilities = unigram_log_probabilities(counts)
    assert np.exp(log_probabilities).tolist() == pytest.approx([1 / 12, 7 / 12, 3 / 12, 1 / 12])
    batch = PretrainPredictions(
        ids_K=np.array([1, 2, 3]),
        mlm_loss_K=np.array([1.0, 2.0, 6.0]),
        mlm_best_K=np.array([1, 2, 1]),
        sbo_index_J=np.array([0, 2]),
        sbo_loss_J=np.array([4.0, 6.0]),
        sbo_best_J=np.array([2, 3]),
        span_K=np.array([0, 0, 1]),
        words_M=np.array([2, 1]),
    )
    scores = score_predictions([batch, batch], counts, longest_span=10)
    assert scores["mlm_loss"] == pytest.approx(3.0)
    assert scores["mlm_accuracy"] == pytest.approx(2 / 3)
    assert scores["sbo_loss"] == pytest.approx(5.0)
    assert scores["sbo_accuracy"] == pytest.approx(1 / 2)
    assert scores["unigram_loss"] == pytest.approx(-log_probabilities[[1, 2, 3]].mean())
    assert scores["unigram_accuracy"] == pytest.approx(1 / 3)
    assert scores["exact_match"] == pytest.approx(0.5)
    assert scores["exact_match_by_words"] == {"1": 0.0, "2": 1.0}
    assert scores["spans_by_words"] == {"1": 2, "2": 2}
    assert scores["targets"] == 6


def test_no_targets_give_no_figures():
    assert score_predictions([], np.array([1, 1]), longest_span=10) == {"targets": 0}
