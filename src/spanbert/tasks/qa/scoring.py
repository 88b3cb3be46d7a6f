"""Documents and the answers to their questions to the scorer of `scores`."""

from __future__ import annotations

from collections.abc import Sequence

from spanbert.core.predictions import Answering
from spanbert.core.types import Document, Question, Record
from spanbert.scores.answers import AnswerScorer
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.qa import Language
from spanbert.scores.signature import signature


class QADocumentScorer:
    """A `DocumentScorer` of answers.

    Args:
        language: How answers are compared.
        threshold: The model's.
        seed: Seed of the bootstrap.
    """

    main_metric = "f1"

    def __init__(self, *, language: Language, threshold: float | None, seed: int = 0) -> None:
        self._language, self._threshold = language, threshold
        self._scorer = AnswerScorer(language=language, threshold=threshold, seed=seed)

    def add(self, document: Document, prediction: Sequence[Answering]) -> None:
        """Counts what was predicted against gold; an answerable question whose answers have no place counts too."""
        for question, answering in zip(document.questions or (), prediction, strict=True):
            gold = gold_texts(document, question)
            if gold is not None:
                self._scorer.add(gold, answering)

    def scores(self) -> Record:
        """Figures as fractions, `interval` and `signature` among them."""
        official = "squad" if self._language == "en" else "cmrc2018"
        threshold = None if self._threshold is None else f"{self._threshold:.4g}"
        return {**self._scorer.scores(), "signature": signature(task="qa", scorer=official, threshold=threshold)}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test."""
        return self._scorer.paired()


class AnswerTuner:
    """Finds the no-answer threshold with the best F1 (SQuAD 2.0's official search).

    Args:
        language: How answers are compared.
    """

    def __init__(self, *, language: Language) -> None:
        self._scorer = AnswerScorer(language=language, threshold=0.0)

    def add(self, document: Document, prediction: Sequence[Answering]) -> None:
        """Takes in one dev document."""
        for question, answering in zip(document.questions or (), prediction, strict=True):
            gold = gold_texts(document, question)
            if gold is not None:
                self._scorer.add(gold, answering)

    def best(self) -> float:
        """The threshold."""
        return self._scorer.tuned_threshold()


def gold_texts(document: Document, question: Question) -> list[str] | None:
    """The gold answers of a question: none where it has none, None where it is not annotated at all."""
    if not question.answerable:
        return []
    texts = [document.text[answer.start : answer.end] for answer in question.answers]
    texts += [one.text for one in question.misplaced]
    return texts or None
