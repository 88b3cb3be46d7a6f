"""Windows, the rows of them that heads read, and the order in which training reads labelled ones.

    Document --task--> Windows, HeadRows                                              (prediction)
    Document --task--> Examples --ExamplePlan--> the examples of each step --encode--> MicroBatch

Shapes: n pieces of a window with specials, r rows of it that a head reads; T, R the same of a batch, S windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np

from spanbert.batches.packed import pack
from spanbert.core.types import BoolArray, IntArray, PackedBatch
from spanbert.tokens.tokenizer import TokenizerAdapter

GoldT_co = TypeVar("GoldT_co", covariant=True)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Window:
    """What the encoder reads: pieces between special tokens.

    Attributes:
        ids: Pieces with specials, (n,).
        token_types: Token types, (n,); None: all 0.
        cuts: Where further windows begin, if it holds several of one text that are read apart and learned together.
    """

    ids: IntArray
    token_types: IntArray | None = None
    cuts: tuple[int, ...] = ()


class Framer:
    """Puts special tokens around one text or two: `[CLS] a [SEP] b [SEP]`, or RoBERTa's `<s> a </s></s> b </s>`.

    Args:
        tokenizer: The model's.
    """

    def __init__(self, tokenizer: TokenizerAdapter) -> None:
        self._cls, self._sep = [tokenizer.special["cls"]], [tokenizer.special["sep"]]
        self._is_roberta = tokenizer.piece(tokenizer.special["cls"]) == "<s>"

    @property
    def specials(self) -> tuple[int, int]:
        """How many special tokens one text costs, and two."""
        return 2, 4 if self._is_roberta else 3

    def second_row(self, first: int) -> int:
        """The row of the first piece of a pair's second text, where the first has so many pieces."""
        return first + self.specials[1] - 1

    def one(self, ids: IntArray) -> Window:
        """One text; its first piece is row 1."""
        return Window(ids=np.concatenate([self._cls, ids, self._sep]))

    def two(self, first: IntArray, second: IntArray) -> Window:
        """A pair; the second text has token type 1 where the family knows token types."""
        between = self._sep * (2 if self._is_roberta else 1)
        ids = np.concatenate([self._cls, first, between, second, self._sep])
        row = self.second_row(len(first))
        types = None if self._is_roberta else (np.arange(len(ids)) >= row).astype(np.int64)
        return Window(ids=ids, token_types=types)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class HeadRows:
    """What a head is asked about a window.

    Attributes:
        rows: Rows of the window that it reads, (r,).
        candidates: What its prediction may choose from, in a form that the head knows; None where it is free.
    """

    rows: IntArray
    candidates: BoolArray | None = None


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Layout:
    """Which of the rows that a head gets belong to which window.

    Attributes:
        sizes: Rows of each window, (S,).
        candidates: What the prediction for each window may choose from, (S,); None where it is free.
    """

    sizes: tuple[int, ...]
    candidates: tuple[BoolArray | None, ...]

    @classmethod
    def of(cls, asked: Sequence[HeadRows]) -> Self:
        """The layout of the rows of some windows, one below the other."""
        return cls(sizes=tuple(len(one.rows) for one in asked), candidates=tuple(one.candidates for one in asked))


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Target(Generic[GoldT_co]):
    """What a head learns from a window.

    Attributes:
        units: What it counts for in the mean of the loss.
        gold: What the head's loss compares with.
    """

    units: int
    gold: GoldT_co


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Example:
    """A window to learn from.

    Attributes:
        task: Name of the task that made it.
        window: What the encoder reads.
        asked: Which rows the head reads.
        target: What a head learns from it.
        written: Tokens that a head that writes reads beside the window.
    """

    task: str
    window: Window
    asked: HeadRows
    target: Target[Any]
    written: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of the window, specials included, and those that a head writes."""
        return len(self.window.ids) + self.written


def pack_windows(windows: Sequence[Window]) -> PackedBatch:
    """Windows end to end."""
    sequences = [part for window in windows for part in np.split(window.ids, window.cuts)]
    if all(window.token_types is None for window in windows):
        return pack(sequences)
    types = [np.zeros(len(one.ids), dtype=np.int64) if one.token_types is None else one.token_types for one in windows]
    return pack(
        sequences,
        token_types=[part for one, window in zip(types, windows, strict=True) for part in np.split(one, window.cuts)],
    )


def rows_of_batch(windows: Sequence[Window], asked: Sequence[HeadRows]) -> IntArray:
    """The rows that heads read of each window as rows of the batch that `pack_windows` makes, (R,)."""
    starts = np.cumsum([0, *(len(window.ids) for window in windows)])
    return np.concatenate([start + one.rows for start, one in zip(starts[:-1].tolist(), asked, strict=True)])


def batches_by_length(lengths: Sequence[int], most_tokens: int) -> Iterator[list[int]]:
    """Groups windows for prediction: longest first, so that equal lengths are neighbours.

    Args:
        lengths: Tokens of each window.
        most_tokens: Tokens a batch; a longer window has one of its own.

    Yields:
        Indexes of the windows of a batch; every index once.
    """
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lambda one: (-lengths[one], one)):
        if batch and tokens + lengths[index] > most_tokens:
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch
