"""Scores of translations against those that documents come with."""

from __future__ import annotations

import heapq
from dataclasses import asdict
from typing import Any

from typing_extensions import override

from spanbert.core.predictions import Translation
from spanbert.core.types import Document
from spanbert.scores.translation import TranslationScorer, sentence_chrf
from spanbert.tasks.protocol import DocumentScorer

_SHOWN = 8


class TranslateScorer(TranslationScorer, DocumentScorer):
    """As `TranslationScorer`; keeps a few of the best translations, and of those with an alignment.

    Args:
        tokenizer: How BLEU divides words.
        ter: Score TER too.
        seed: Seed of the bootstrap.
    """

    def __init__(self, tokenizer: str, *, ter: bool, seed: int = 0) -> None:
        super().__init__(tokenizer, ter=ter, seed=seed)
        self._best: list[tuple[float, int, dict[str, Any]]] = []
        self._aligned: list[dict[str, Any]] = []

    @override
    def add(self, document: Document, prediction: Translation) -> None:
        if document.target is None:
            return
        self.take(prediction.text, document.target, prediction.reference)
        if not prediction.alignments:
            return
        shown = {"where": document.place, "text": document.text, "gold": document.target, "predicted": prediction.text}
        score = sentence_chrf(prediction.text, document.target)
        heapq.heappush(self._best, (score, -len(self.translations), {**shown, "severity": score}))
        if len(self._best) > _SHOWN:
            heapq.heappop(self._best)
        if len(self._aligned) < _SHOWN and len(prediction.alignments[0].source) > 1:
            self._aligned.append(asdict(prediction.alignments[0]))

    @override
    def scores(self) -> dict[str, Any]:
        """As `TranslationScorer.scores`; `best` and `alignments` where alignments were asked for."""
        found = super().scores()
        if self._best:
            found["best"] = [one for _, _, one in sorted(self._best, key=lambda one: (-one[0], -one[1]))]
            found["alignments"] = self._aligned
        return found
