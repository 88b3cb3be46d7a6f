"""Documents and their tags to the scorers of `scores`."""

from __future__ import annotations

from spanbert.core.predictions import Tagging
from spanbert.core.types import TAGS, Document, Record
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.calibration import Calibration
from spanbert.scores.entities import EntityScorer, TagScorer
from spanbert.scores.signature import signature


class EntityDocumentScorer:
    """Exact entities: spans of characters with labels.

    Args:
        scheme: How the model tags; None for nested entities.
        seed: Seed of the bootstrap.
    """

    main_metric = "f1"

    def __init__(self, *, scheme: str | None, seed: int = 0) -> None:
        self._scheme = scheme
        self._scorer = EntityScorer(seed=seed)
        self._calibration = Calibration()

    def add(self, document: Document, prediction: Tagging) -> None:
        """Counts what was predicted for a document against its gold."""
        if document.spans is None:
            return
        gold = {(span.start, span.end, span.label or "") for span in document.spans}
        found = prediction.spans or ()
        predicted = [(span.start, span.end, span.label or "") for span in found]
        self._scorer.add(gold, predicted)
        self._calibration.add([span.score or 0.0 for span in found], [one in gold for one in predicted])

    def scores(self) -> Record:
        """Figures as fractions, `interval` and `signature` among them."""
        repair = None if self._scheme is None else "conlleval"  # of illegal gold tags; predictions are always legal
        facts = signature(task="tag", scheme=self._scheme or "nested", match="exact", repair=repair)
        calibrated = {"ece": self._calibration.ece(), "reliability": self._calibration.diagram()}
        return {**self._scorer.scores(), **calibrated, "signature": facts}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test."""
        return self._scorer.paired()


class TagDocumentScorer:
    """Accuracy of tags.

    Args:
        seed: Seed of the bootstrap.
    """

    main_metric = "accuracy"

    def __init__(self, *, seed: int = 0) -> None:
        self._scorer = TagScorer(seed=seed)

    def add(self, document: Document, prediction: Tagging) -> None:
        """Counts what was predicted for a document against its gold."""
        if TAGS not in document.columns:
            return
        predicted = [word.label or "" for word in prediction.words]
        self._scorer.add(document.columns[TAGS], predicted, [word.score or 0.0 for word in prediction.words])

    def scores(self) -> Record:
        """Figures as fractions, `interval` and `signature` among them."""
        return {**self._scorer.scores(), "signature": signature(task="tag", unit="word")}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test."""
        return self._scorer.paired()
