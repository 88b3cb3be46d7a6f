"""Held-out figures of span pre-training, compared with the unigram model, which knows no context.

Shapes: K masked pieces of a batch, M masked spans.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spanbert.core.types import BoolArray, FloatArray, IntArray


def unigram_log_probabilities(counts_V: IntArray) -> FloatArray:
    """Log probability of each piece in nats under its count plus one (add-one smoothing), (V,)."""
    smoothed = counts_V.astype(np.float64) + 1.0
    log_probabilities: FloatArray = np.log(smoothed / smoothed.sum())
    return log_probabilities


@dataclass(frozen=True, kw_only=True, eq=False)
class PretrainPredictions:
    """What a model answers for the masked pieces of one batch.

    Attributes:
        ids_K: The pieces before masking.
        mlm_loss_K: Negative log probability in nats that the MLM head gives each.
        mlm_best_K: The piece that the MLM head puts first.
        sbo_index_J: Entries (of K) with an SBO target; empty without an SBO head.
        sbo_loss_J: Negative log probability that the SBO head gives each.
        sbo_best_J: The piece that the SBO head puts first.
        span_K: Which span each piece belongs to.
        words_M: Length of each span in words.
    """

    ids_K: IntArray
    mlm_loss_K: FloatArray
    mlm_best_K: IntArray
    sbo_index_J: IntArray
    sbo_loss_J: FloatArray
    sbo_best_J: IntArray
    span_K: IntArray
    words_M: IntArray


def score_predictions(
    predictions: Iterable[PretrainPredictions], counts_V: IntArray, *, longest_span: int
) -> dict[str, Any]:
    """Loss and accuracy of both objectives, and how often a whole span is right.

    Args:
        predictions: Batches; read once.
        counts_V: Piece counts of the training text, for the unigram loss on the same targets.
        longest_span: Words of the longest span.

    Returns:
        `mlm_loss`, `sbo_loss`, `unigram_loss` (nats a piece), `mlm_accuracy`, `sbo_accuracy`, `unigram_accuracy`
        (fractions; the unigram model always answers the most frequent piece), `exact_match` and
        `exact_match_by_words` (fraction of spans whose every piece the MLM head puts first), `spans_by_words`,
        `targets`. Figures of an objective without targets are absent.
    """
    unigram_loss_V = -unigram_log_probabilities(counts_V)
    most_frequent = int(counts_V.argmax())
    sums: dict[str, float] = dict.fromkeys(("mlm", "mlm_right", "sbo", "sbo_right", "unigram", "unigram_right"), 0.0)
    targets = sbo_targets = 0
    spans = np.zeros(longest_span + 1, dtype=np.int64)
    exact = np.zeros(longest_span + 1, dtype=np.int64)
    for batch in predictions:
        right_K: BoolArray = batch.mlm_best_K == batch.ids_K
        ids_J = batch.ids_K[batch.sbo_index_J]
        sums["mlm"] += float(batch.mlm_loss_K.sum())
        sums["mlm_right"] += int(right_K.sum())
        sums["sbo"] += float(batch.sbo_loss_J.sum())
        sums["sbo_right"] += int((batch.sbo_best_J == ids_J).sum())
        sums["unigram"] += float(unigram_loss_V[batch.ids_K].sum())
        sums["unigram_right"] += int((batch.ids_K == most_frequent).sum())
        targets += len(batch.ids_K)
        sbo_targets += len(ids_J)
        wrong_M = np.bincount(batch.span_K, weights=~right_K, minlength=len(batch.words_M))
        words_M = np.minimum(batch.words_M, longest_span)  # an entity may be longer
        spans += np.bincount(words_M, minlength=longest_span + 1)
        exact += np.bincount(words_M, weights=wrong_M == 0, minlength=longest_span + 1).astype(np.int64)
    scores: dict[str, Any] = {"targets": targets}
    if targets:
        for name in ("mlm", "unigram"):
            scores[f"{name}_loss"] = sums[name] / targets
            scores[f"{name}_accuracy"] = sums[f"{name}_right"] / targets
        scores["exact_match"] = float(exact.sum() / spans.sum())
        present = np.flatnonzero(spans).tolist()
        scores["exact_match_by_words"] = {str(words): float(exact[words] / spans[words]) for words in present}
        scores["spans_by_words"] = {str(words): int(spans[words]) for words in present}
    if sbo_targets:
        scores["sbo_loss"] = sums["sbo"] / sbo_targets
        scores["sbo_accuracy"] = sums["sbo_right"] / sbo_targets
    return scores
