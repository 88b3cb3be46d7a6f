"""What models answer: typed results of classification, tagging and question answering, torch-free.

Every place in a text is a `Span` of Unicode code points of the unmodified input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spanbert.core.types import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """What a text as a whole is.

    Attributes:
        labels: The labels it is given: one, or with several labels a text any number; none for a regression.
        scores: The probability of every label, or with a regression nothing.
        value: The number that a regression predicts.
    """

    labels: tuple[str, ...] = ()
    scores: Mapping[str, float]
    value: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagging:
    """The tags of a text's words, and the spans that they make.

    Attributes:
        words: Each word with its tag as label and the tag's probability as score; a model of nested spans has no tag a
            word, its words have no label.
        spans: Entities with label and score, by start; None where tags are one a word (parts of speech).
    """

    words: tuple[Span, ...]
    spans: tuple[Span, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A stretch of the context that answers a question.

    Attributes:
        text: The characters from `start` to `end`.
        start: First character in the context.
        end: Character after the last.
        score: Probability among the candidates, no answer included.
    """

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """The answer to one question.

    Attributes:
        question: Id of the question.
        answer: The best answer, or None where the text is taken not to answer.
        candidates: The best answers, best first, whether or not there is taken to be one.
        null_score: By how many nats the model prefers no answer to its best one.
    """

    question: str
    answer: Answer | None
    candidates: tuple[Answer, ...]
    null_score: float
