"""Why a model said something: how much each word moved a score, and where its heads look; torch-free.

Shapes: N layers, H heads, T tokens of a text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from spanbert.core.types import Brief, OutputArray, Span

Baseline = Literal["mask", "pad", "zero"]  # what stands for a word that is not there
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
OnStep = Callable[[], None]  # is called before each pass of the encoder; what it raises ends the work


def no_step() -> None:
    """Does nothing between the passes."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class WordAttribution(Brief):
    """How much a word moved a score.

    Attributes:
        start: First character in its text.
        end: Character after the last.
        text: Its characters.
        score: How much of the score is its part: above 0 where it speaks for what was said, below where against.
    """

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Attribution(Brief):
    """Why a model said one thing: `score - baseline_score` as a sum over the words, but for `delta`.

    Attributes:
        label: What was said: a label, the type of an entity, `answer`, `link`, a relation, a translation.
        places: What of the text it is about: the entity, the answer, mention and antecedent, head and tail.
        score: The score that is explained.
        baseline_score: The same score with every word replaced by the baseline.
        words: The words of the text, in order.
        second: Those of the question, or of the second text of a pair.
        delta: The sum of all words less `score - baseline_score`: the error of the integral.
        steps: At how many points of the way from baseline to text gradients were taken.
        converged: Whether the error is small: see `explain.gradients`.
    """

    label: str
    places: tuple[Span, ...]
    score: float
    baseline_score: float
    words: tuple[WordAttribution, ...]
    second: tuple[WordAttribution, ...]
    delta: float
    steps: int
    converged: bool

    def top(self, count: int = 10) -> list[WordAttribution]:
        """The words of both texts that moved the score most, in whichever direction, most first."""
        every = [word for word in (*self.words, *self.second) if word.score]
        return sorted(every, key=lambda word: -abs(word.score))[:count]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Piece(Brief):
    """A token that the encoder reads.

    Attributes:
        text: As the vocabulary spells it.
        start: Its first character in its text; None of special tokens.
        end: The character after its last.
        second: Whether its text is the second one.
    """

    text: str
    start: int | None = None
    end: int | None = None
    second: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Attention(Brief):
    """How much every token of a text looks at every other, by layer and head.

    Attributes:
        pieces: The tokens, special ones included, (T,).
        weights_NHTT: By layer, head, the token that looks, and the token that is looked at; rows of sum 1.
    """

    pieces: tuple[Piece, ...]
    weights_NHTT: OutputArray
