"""How near the counts are."""

from __future__ import annotations

import numpy as np

from spanbert.core.types import Document, FloatArray, Record
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.signature import signature
from tests.word_count.result import WordCount


class WordCountScorer:
    """The share of texts whose count is near, and the mean distance."""

    main_metric = "near"

    def __init__(self, near: float, *, seed: int = 0) -> None:
        self.near, self._bootstrap = near, Bootstrap(3, seed=seed)  # texts, near ones, distances

    def add(self, document: Document, prediction: WordCount) -> None:
        if document.labels is not None:
            distance = abs(prediction.words - stated(document))
            self._bootstrap.add([1.0, float(distance <= self.near), distance])

    def scores(self) -> Record:
        texts, near, distance = self._bootstrap.sums_K
        return {
            "near": float(near / max(texts, 1)),
            "distance": float(distance / max(texts, 1)),
            "interval": {"near": self._bootstrap.interval(_near).bounds},
            "examples": int(texts),
            "signature": signature(task="words", near=f"{self.near:g}"),
        }

    def paired(self) -> tuple[Bootstrap, Statistic]:
        return self._bootstrap, _near


def _near(sums: FloatArray) -> FloatArray:
    return sums[..., 1] / np.maximum(sums[..., 0], 1)


def stated(document: Document) -> int:
    """The number that the author counted."""
    assert document.labels is not None
    return int(document.labels[0])
