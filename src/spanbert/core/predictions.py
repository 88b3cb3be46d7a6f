"""What models answer: typed results of the tasks on labelled texts, torch-free.

Every place in a text is a `Span` of Unicode code points of the unmodified input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from spanbert.core.types import Brief, Relation, Span


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Classification(Brief):
    """What a text as a whole is.

    Attributes:
        labels: The labels it is given: one, or with several labels a text any number; none for a regression.
        scores: The probability of every label, or with a regression nothing.
        value: The number that a regression predicts.
    """

    labels: tuple[str, ...] = ()
    scores: Mapping[str, float]
    value: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Tagging(Brief):
    """The tags of a text's words, and the spans that they make.

    Attributes:
        words: Each word with its tag as label and the tag's probability as score; a model of nested spans has no tag a
            word, its words have no label.
        spans: Entities with label and score, by start; None where tags are one a word (parts of speech).
    """

    words: tuple[Span, ...]
    spans: tuple[Span, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Answer(Brief):
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


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Answering(Brief):
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


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class MentionLink(Brief):
    """A mention and the earlier one that it was linked to.

    Attributes:
        mention: The later one.
        antecedent: The earlier one.
        score: Probability of this antecedent against having none.
    """

    mention: Span
    antecedent: Span
    score: float


class Cluster(tuple[Span, ...]):
    """Mentions of the same thing, in text order: a tuple of them that knows which says most.

    Attributes:
        head: The one that says most.
    """

    head: Span

    def __new__(cls, mentions: Iterable[Span], head: Span) -> Self:
        """The tuple of these mentions."""
        made = super().__new__(cls, mentions)
        made.head = head
        return made

    def __getnewargs__(self) -> tuple[tuple[Span, ...], Span]:
        """For pickling and copying."""
        return tuple(self), self.head

    @property
    def text(self) -> str | None:
        """The characters of the mention that says most: what the thing is called."""
        return self.head.text

    def __repr__(self) -> str:
        """What it is called, and its mentions."""
        return f"<Cluster {self.text!r}: {', '.join(repr(mention.text) for mention in self)}>"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Coreference(Brief):
    """Which mentions of a text refer to the same thing.

    Attributes:
        words: The words of the text, without labels.
        clusters: Mentions of each thing, in text order; clusters by their first mention.
        heads: Of each cluster the mention that says most (`core.mentions.head_mention`).
        links: Why: the antecedent of each mention that has one, in text order.
    """

    words: tuple[Span, ...]
    clusters: tuple[tuple[Span, ...], ...]
    heads: tuple[Span, ...]
    links: tuple[MentionLink, ...]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RelationExtraction(Brief):
    """How pairs of entities of a text are related.

    Attributes:
        relations: The most probable relation of each pair that was asked for, with its probability, in their order;
            none is a label of its own (`no_relation`, `Other`).
        left_out: How many pairs were not judged, since there were more than `max_pairs`; None: all were.
    """

    relations: tuple[Relation, ...]
    left_out: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Alignment(Brief):
    """How the words of a translation look at those of its text.

    Attributes:
        source: Words of the text.
        target: Words of the translation.
        weights: For each word of the translation, how much it looks at each word of the text; at most 1 together.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Candidate(Brief):
    """A translation with its score.

    Attributes:
        text: The translation.
        score: What it is ranked by: log probability in nats over the length penalty; of several sentences, the mean.
    """

    text: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Translation(Brief):
    """The translation of a text.

    Attributes:
        text: The best translation; empty for an empty text.
        score: Of the best one.
        candidates: The best translations, best first, as many as were asked for.
        reference: Log probability in nats, and number of pieces, of the translation that the text came with, where it
            is translated in one piece; None: that is not known.
        alignments: Of each sentence, where they were asked for.
    """

    text: str
    score: float
    candidates: tuple[Candidate, ...]
    reference: tuple[float, int] | None = None
    alignments: tuple[Alignment, ...] = ()
