"""What of a task's results can be explained: scores as functions of hidden states, and where pieces of texts stand.

    result of a document, what is wished --scores--> ScoredOutputs --explain.gradients--> attributions of pieces

A kind whose results can be explained has a `TaskExplainer`, which its spec names.

Shapes: N copies of a window, r rows of it that a score is computed of, D hidden size, P pieces of a text in a window,
L labels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import numpy as np

from spanbert.batches.examples import Layout
from spanbert.core.errors import InputError
from spanbert.core.types import Document, IntArray, Span
from spanbert.tasks.base import TextTaskBase
from spanbert.tasks.protocol import WindowedDocument

if TYPE_CHECKING:
    from torch import Tensor

TaskT = TypeVar("TaskT", bound=TextTaskBase)
ResultT = TypeVar("ResultT")
_LISTED = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What somebody wants explained; all None: what the task said.

    Attributes:
        label: Of this label, given or not.
        of: At this place of the text.
        other: And this one, where what was said is about two places.
    """

    label: str | None = None
    of: Span | None = None
    other: Span | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoredOutput:
    """Something that a task said, or could have said, and the score of it.

    Attributes:
        label: What.
        places: What of the text it is about.
        windows: Numbers of the windows of the document that the score is computed of.
        rows: Of each of these the rows whose hidden states are read.
        score: The head and the hidden states of these rows, (N, r, D) for each of the windows, to scores, (N,).
    """

    label: str
    places: tuple[Span, ...]
    windows: tuple[int, ...]
    rows: tuple[IntArray, ...]
    score: Callable[[Any, Sequence[Tensor]], Tensor]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Placed:
    """Where pieces of a text stand in a window.

    Attributes:
        rows: Rows of the window, (P,).
        pieces: Which pieces of the text they are, (P,).
    """

    rows: IntArray
    pieces: IntArray

    @classmethod
    def from_row(cls, row: int, start: int, end: int) -> Placed:
        """Pieces start..end one after another, from a row on."""
        return cls(rows=np.arange(row, row + end - start), pieces=np.arange(start, end))


Outputs = Callable[[], Sequence[Any]]  # computes what the head says of each window of the document, or writes


class TaskExplainer(ABC, Generic[TaskT, ResultT]):
    """Finds the scores behind a task's results.

    Args:
        task: The task.
    """

    def __init__(self, task: TaskT) -> None:
        self.task = task

    @property
    @abstractmethod
    def score_is(self) -> str:
        """What the scores are, in words."""

    @property
    @abstractmethod
    def score_is_zh(self) -> str:
        """The same in Chinese."""

    def document(self, document: Document, result: ResultT, wish: Wish) -> Document:
        """The document as it is read for what is explained: by default itself."""
        return document

    def second(self, document: Document) -> str | None:
        """The other text that is read with a document's; None: there is none."""
        return None

    def placed(self, windowed: WindowedDocument, window: int) -> tuple[Placed, Placed | None]:
        """Where the pieces of the text and those of the second one stand in a window: by default, one text alone."""
        start, end = windowed.windows[window]
        return Placed.from_row(1, start, end), None

    @abstractmethod
    def scores(self, windowed: WindowedDocument, result: ResultT, wish: Wish, outputs: Outputs) -> list[ScoredOutput]:
        """What is explained, in text order.

        Args:
            windowed: The document.
            result: What the task said of it.
            wish: What is wanted of that, or beside it.
            outputs: Computes what the head says of each window.

        Raises:
            InputError: There is no such thing.
        """

    def nothing(self, what: str, found: Iterable[str], remedy: str | None = None) -> NoReturn:
        """Says that what is wished is not there.

        Args:
            what: What is missing.
            found: What there is instead.
            remedy: What can be done.

        Raises:
            InputError: Always.
        """
        listed = list(dict.fromkeys(found))
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        got = ", ".join(listed[:_LISTED]) + more if listed else "nothing"
        raise InputError(f"{what} to explain", where=f"task {self.task.name}", got=got, remedy=remedy)


def log_odds(logits: Tensor, chosen: Tensor | int) -> Tensor:
    """The log odds of labels that exclude each other: log p - log (1 - p), which is logit - log-sum-exp of the others.

    Args:
        logits: (..., L); with one label alone, its logit is what is returned.
        chosen: The number of a label, or one for each row, (...).

    Returns:
        (...).
    """
    import torch

    if logits.shape[-1] == 1:
        return logits[..., 0]
    number = torch.as_tensor(chosen, device=logits.device).expand(logits.shape[:-1])[..., None]
    own = logits.gather(-1, number)[..., 0]
    others: Tensor = logits.scatter(-1, number, float("-inf")).logsumexp(-1)
    return own - others


def layout_of(copies: int, rows: int) -> Layout:
    """The layout of copies of a window."""
    return Layout(sizes=(rows,) * copies, candidates=(None,) * copies)


def words_at(text: str, words: Sequence[Span], place: Span) -> tuple[int, int]:
    """The words that a place touches, half-open.

    Raises:
        InputError: There is none.
    """
    first = bisect_right([word.end for word in words], place.start)
    end = bisect_left([word.start for word in words], place.end)
    if first >= end:
        raise InputError("no word", where=quoted(text, place))
    return first, end


def same_place(one: Span, other: Span) -> bool:
    """Whether two spans are the same characters."""
    return (one.start, one.end) == (other.start, other.end)


def quoted(text: str, span: Span) -> str:
    """A place of a text in a message."""
    return f"{text[span.start : span.end]!r} ({span.start}:{span.end})"
