"""Scores of the fine-tuning benchmark: one scorer for the answers of both sides, and the paired bootstrap over seeds.

Shapes: B resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.bench.finetune_sides.data import Kind, gold_tags
from spanbert.core.predictions import Answer, Answering, Classification
from spanbert.core.tagging import decode_tags
from spanbert.core.types import Document, FloatArray
from spanbert.scores.answers import AnswerScorer
from spanbert.scores.classification import ClassificationScorer
from spanbert.scores.entities import EntityScorer
from spanbert.scores.scorer import Scorer
from spanbert.tasks.qa.scoring import gold_texts

_BOUNDS = (0.025, 0.975)


def score(kind: Kind, documents: Sequence[Document], answers: Sequence[Any]) -> Scorer:
    """A scorer that has seen all examples: accuracy, entity F1 (BIO), or F1 and exact match of answers.

    Args:
        kind: The kind of task.
        documents: From `data.read`.
        answers: For each document a label, a tag a word, or the text of an answer.
    """
    pairs = list(zip(documents, answers, strict=True))
    if kind == "classify":
        labels = ClassificationScorer(sorted({label for _, label in pairs}))
        for document, label in pairs:
            (gold,) = document.labels or ()
            labels.add(gold, Classification(labels=(label,), scores={label: 1.0}))
        return labels
    if kind == "tag":
        entities = EntityScorer()
        for document, tags in pairs:
            entities.add(decode_tags(gold_tags(document), "BIO"), decode_tags(tags, "BIO"))
        return entities
    found = AnswerScorer(language="en", threshold=None)
    for document, text in pairs:
        (question,) = document.questions or ()
        answer = Answer(text=text, start=0, end=len(text), score=1.0)
        found.add(
            gold_texts(document, question) or [],
            Answering(question=question.id, answer=answer, candidates=(), null_score=0.0),
        )
    return found


def compared(ours: Sequence[Scorer], peers: Sequence[Scorer]) -> dict[str, Any]:
    """Mean scores over seeds, and their difference, with 95 % intervals of a bootstrap of the held-out examples.

    Every seed's answers are resampled with the same weights, on both sides, so that the difference is paired.

    Args:
        ours: A scorer a seed.
        peers: Likewise, on the same examples.

    Returns:
        `score`, `peer_score`, `difference` (ours less the peer's), the `_interval` of each, and `equal_or_better`:
        whether the interval of the difference reaches 0 or lies above it.
    """
    our_B, peer_B = _resampled(ours), _resampled(peers)
    difference = _bounds(our_B - peer_B)
    return {
        "score": mean_score(ours),
        "score_interval": _bounds(our_B),
        "peer_score": mean_score(peers),
        "peer_score_interval": _bounds(peer_B),
        "difference": mean_score(ours) - mean_score(peers),
        "difference_interval": difference,
        "equal_or_better": difference[1] >= 0,
    }


def main_score(scorer: Scorer) -> float:
    """The figure by which models are compared."""
    bootstrap, statistic = scorer.paired()
    return float(statistic(bootstrap.sums_K))


def mean_score(scorers: Sequence[Scorer]) -> float:
    """The mean of the main scores."""
    return mean(map(main_score, scorers))


def _resampled(scorers: Sequence[Scorer]) -> FloatArray:
    """The mean score in each resample, (B,)."""
    pairs = [scorer.paired() for scorer in scorers]
    mean_B: FloatArray = np.mean([statistic(bootstrap.resampled_BK) for bootstrap, statistic in pairs], axis=0)
    return mean_B


def _bounds(scores_B: FloatArray) -> list[float]:
    return [float(bound) for bound in np.quantile(scores_B, _BOUNDS)]
