"""Documents and their relations to the scorer of `scores`."""

from __future__ import annotations

from collections.abc import Sequence

from spanbert.core.errors import InputError
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Record
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.relations import Averaging, RelationScorer
from spanbert.scores.signature import signature


class RelationDocumentScorer:
    """A `DocumentScorer` of relations.

    Args:
        labels: The model's.
        averaging: See `RelationScorer`.
        seed: Seed of the bootstrap.
    """

    def __init__(self, labels: Sequence[str], *, averaging: Averaging, seed: int = 0) -> None:
        self._labels, self._averaging = labels, averaging
        self._scorer = RelationScorer(labels, averaging=averaging, seed=seed)
        self.main_metric = self._scorer.main_metric

    def add(self, document: Document, prediction: RelationExtraction) -> None:
        """Counts what was predicted for a document against its gold.

        Raises:
            InputError: A label that the model does not know.
        """
        check_labels(document, self._labels)
        for gold, predicted in zip(document.relations or (), prediction.relations, strict=True):
            if gold.label:
                self._scorer.add(gold.label, predicted.label, predicted.score)

    def scores(self) -> Record:
        """Figures as fractions, `interval` and `signature` among them."""
        none = ", ".join(sorted(self._scorer.none_labels)) or None
        facts = signature(task="relation", averaging=self._averaging, none=none)
        return {**self._scorer.scores(), "signature": facts}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test."""
        return self._scorer.paired()


def check_labels(document: Document, labels: Sequence[str]) -> None:
    """Refuses labels that a model does not know.

    Raises:
        InputError: Such a label; names file and line.
    """
    for relation in document.relations or ():
        if relation.label and relation.label not in labels:
            raise InputError(
                "a relation that the model does not know",
                where=document.place,
                got=repr(relation.label),
                expected=", ".join(labels),
            )
