"""Labelled windows and the order in which training reads them.

    Document --task--> Examples --ExamplePlan--> the examples of each step --encode--> Encoded

Shapes: n pieces of a window with specials, r rows of it that a head reads; T, R the same of a batch, S windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from spanbert.batches.packed import pack
from spanbert.batches.plan import PlanPosition
from spanbert.core.seeding import keyed_fraction, keyed_generator
from spanbert.core.types import IntArray, PackedBatch
from spanbert.tokens.tokenizer import TokenizerAdapter


class Framed(NamedTuple):
    """Pieces between special tokens: ids, token types (None: all 0), and the row of the last part's first piece."""

    ids: IntArray
    types: IntArray | None
    first: int


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

    def one(self, ids: IntArray) -> Framed:
        """One text."""
        return Framed(np.concatenate([self._cls, ids, self._sep]), None, 1)

    def two(self, first: IntArray, second: IntArray) -> Framed:
        """A pair; the second text has token type 1 where the family knows token types."""
        between = self._sep * (2 if self._is_roberta else 1)
        ids = np.concatenate([self._cls, first, between, second, self._sep])
        row = 1 + len(first) + len(between)
        types = None if self._is_roberta else (np.arange(len(ids)) >= row).astype(np.int64)
        return Framed(ids, types, row)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Example:
    """One window to read (or several of one text), and what is wanted of it.

    Attributes:
        task: Name of the task that made it.
        ids: Pieces with specials, (n,).
        types: Token types, (n,); None: all 0.
        rows: Rows of the window that the head reads, (r,).
        units: What it counts for in the mean of the loss.
        gold: What the task's loss compares with; in prediction None, or which candidates the head may choose from.
        cuts: Where further windows begin, if the example holds several that are read apart and learned together.
    """

    task: str
    ids: IntArray
    types: IntArray | None
    rows: IntArray
    units: int
    gold: Any = None
    cuts: tuple[int, ...] = ()


def pack_examples(examples: Sequence[Example]) -> PackedBatch:
    """Windows end to end."""
    sequences = [window for example in examples for window in np.split(example.ids, example.cuts)]
    if all(example.types is None for example in examples):
        return pack(sequences)
    types = [np.zeros(len(one.ids), dtype=np.int64) if one.types is None else one.types for one in examples]
    return pack(
        sequences,
        token_types=[
            window for one, example in zip(types, examples, strict=True) for window in np.split(one, example.cuts)
        ],
    )


def rows_of_batch(examples: Sequence[Example]) -> IntArray:
    """The rows that heads read of each example as rows of the batch that `pack_examples` makes, (R,)."""
    starts = np.cumsum([0, *(len(example.ids) for example in examples)])
    return np.concatenate([start + one.rows for start, one in zip(starts[:-1].tolist(), examples, strict=True)])


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


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Drawn:
    """An example in its place in the order of training."""

    example: Example
    key: tuple[int | str, ...]
    after: PlanPosition

    @property
    def tokens(self) -> int:
        """Tokens of the window, specials included."""
        return len(self.example.ids)


class ExamplePlan:
    """An endless order of steps over examples, shuffled anew each epoch; every step draws from one task.

    A pure function of (numbers of examples, seed): step s reads task t(s), drawn with probability
    (n_t / k_t)^(1/temperature) for n_t examples at k_t a step, and the next k_t of that task's own shuffled examples.
    The position counts examples.

    Args:
        examples: The examples of each task; none may be empty.
        per_step: Examples a step of each task.
        seed: Seed of every order.
        temperature: 1 draws every task as often as it has steps in an epoch; larger, more evenly.
    """

    def __init__(
        self,
        examples: Mapping[str, Sequence[Example]],
        *,
        per_step: Mapping[str, int],
        seed: int,
        temperature: float = 1.0,
    ) -> None:
        assert all(examples.values()), "a task without examples"
        self.examples, self.per_step, self.seed = examples, per_step, seed
        steps = np.array([len(one) / per_step[name] for name, one in examples.items()])
        weights = steps ** (1 / temperature)
        self._bounds = np.cumsum(weights / weights.sum())

    @property
    def step_sizes(self) -> frozenset[int]:
        """Examples a step, of any task."""
        return frozenset(self.per_step[name] for name in self.examples)

    def steps_of(self, epochs: float) -> int:
        """Steps in which every task is read so often, if each is drawn as often as it has steps in an epoch."""
        steps = sum(epochs * len(one) / self.per_step[name] for name, one in self.examples.items())
        return max(1, math.ceil(round(steps, 9)))  # sums of quotients can lie a hair above a whole number

    def task_of_step(self, step: int) -> str:
        """The task that a step draws from."""
        names = list(self.examples)
        drawn = int(np.searchsorted(self._bounds, keyed_fraction(self.seed, "task", step), side="right"))
        return names[min(drawn, len(names) - 1)]

    def steps(self, start: PlanPosition) -> Iterator[list[Drawn]]:
        """The examples of each step, without an end, from a position between two steps on."""
        step, used = self._before(start)
        orders: dict[str, tuple[int, IntArray]] = {}
        drawn = start.pack
        while True:
            items: list[Drawn] = []
            name = self.task_of_step(step)
            own = self.examples[name]
            for _ in range(self.per_step[name]):
                epoch, place = divmod(used[name], len(own))
                if name not in orders or orders[name][0] != epoch:
                    orders[name] = epoch, keyed_generator(self.seed, "examples", name, epoch).permutation(len(own))
                number = int(orders[name][1][place])
                used[name] += 1
                drawn += 1
                items.append(Drawn(example=own[number], key=(name, epoch, number), after=PlanPosition(pack=drawn)))
            yield items
            step += 1

    def _before(self, position: PlanPosition) -> tuple[int, dict[str, int]]:
        """Steps before a position, and how many examples of each task they read."""
        used = dict.fromkeys(self.examples, 0)
        if len(used) == 1:
            [(name, size)] = ((name, self.per_step[name]) for name in used)
            step, inside = divmod(position.pack, size)
            used[name] = position.pack
        else:
            step, drawn = 0, 0
            while drawn < position.pack:
                name = self.task_of_step(step)
                used[name] += self.per_step[name]
                drawn += self.per_step[name]
                step += 1
            inside = drawn - position.pack
        assert inside == 0, f"position {position.pack} is inside a step"
        return step, used
