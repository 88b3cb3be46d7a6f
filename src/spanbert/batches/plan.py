"""The packing plan: which segments are trained on, in which order and in which packs.

    an equal share of every shard's documents, drawn with the seed, as many in all as `window_shards` shards have
        -> documents cut into segments at word boundaries, nothing dropped
        -> segments in seeded order, best fit into packs of `pack_tokens`
        -> packs in seeded order

A pure function of (document lengths and word starts, seed, epoch, window). The only state of training on it is a
`PlanPosition`; from it the stream of packs continues without end, through windows and epochs.
Cost: a few microseconds of Python a segment, in the loader's thread; memory: that of one window's segment table.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from spanbert.batches.windows import cut_windows
from spanbert.core.errors import InputError
from spanbert.core.seeding import keyed_generator
from spanbert.core.types import BoolArray, IntArray
from spanbert.tokens.store import Split, StoredDocument, TokenStore

SPECIALS = 2  # [CLS] and [SEP] of a single segment
_OPEN_PACKS = 256
_EARLIER_NAMES = {"window": "shard_window", "pack": "item"}


@dataclass(frozen=True, kw_only=True)
class PlanPosition:
    """The next pack to train on: the whole state of the data side.

    Attributes:
        epoch: Passes over the store finished.
        shard_window: Windows finished in this epoch (`PackingPlan` shuffles the documents of a window, as many as a few
            shards have, together); 0 of a plan of examples.
        item: Packs used in this window, or examples in all; of a plan that mixes others, steps in all.
        parts: Of a plan that mixes others, their positions.
    """

    epoch: int = 0
    shard_window: int = 0
    item: int = 0
    parts: tuple[PlanPosition, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For the training state."""
        return asdict(self)

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> PlanPosition:
        """Reads `as_dict`, and states written when `shard_window` was called window and `item` pack."""
        named = {_EARLIER_NAMES.get(name, name): value for name, value in state.items()}
        return cls(**{**named, "parts": tuple(cls.of_state(one) for one in state.get("parts", ()))})


@dataclass(frozen=True, kw_only=True, eq=False)
class Segment:
    """A stretch of one document, to be put between [CLS] and [SEP].

    Attributes:
        ids: Piece ids, (n,).
        word_starts: Which of them begin a word, (n,).
        key: Names the segment for keyed draws: shard, document in the shard, first piece.
        entities: Half-open spans of pieces that came with the document and lie whole in the segment.
    """

    ids: IntArray
    word_starts: BoolArray
    key: tuple[str, int, int]
    entities: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Pack:
    """Segments that are laid side by side, longest first, and the plan's position after them."""

    epoch: int
    segments: tuple[Segment, ...]
    after: PlanPosition

    @property
    def tokens(self) -> int:
        """Tokens of all its segments, specials included."""
        return sum(len(segment.ids) + SPECIALS for segment in self.segments)


def _segment_of(document: StoredDocument, start: int, end: int, key: tuple[str, int, int]) -> Segment:
    entities: tuple[tuple[int, int], ...] = ()
    if len(document.entities):
        inside = document.entities[(document.entities[:, 0] >= start) & (document.entities[:, 1] <= end)] - start
        entities = tuple((int(first), int(last)) for first, last in inside)
    return Segment(ids=document.ids[start:end], word_starts=document.word_starts[start:end], key=key, entities=entities)


def pack_lengths(lengths: IntArray, capacity: int, generator: np.random.Generator) -> list[list[int]]:
    """Distributes segments over packs: in random order, each into the open pack that it fills best.

    Args:
        lengths: Tokens of each segment, specials included, (N,), each at most `capacity`.
        capacity: Tokens a pack.
        generator: Decides the order.

    Returns:
        Indexes of the segments of each pack, longest first; every index once; packs in random order.
    """
    room: list[tuple[int, int]] = []  # (free tokens, pack), rising
    packs: list[list[int]] = []
    for index in generator.permutation(len(lengths)).tolist():
        length = int(lengths[index])
        at = bisect.bisect_left(room, (length, -1))
        if at < len(room):
            free, pack = room.pop(at)
        else:
            free, pack = capacity, len(packs)
            packs.append([])
        packs[pack].append(index)
        if free > length:
            bisect.insort(room, (free - length, pack))
            if len(room) > _OPEN_PACKS:
                room.pop(0)
    for members in packs:
        members.sort(key=lambda index: (-int(lengths[index]), index))
    return [packs[number] for number in generator.permutation(len(packs)).tolist()]


class PackingPlan:
    """An endless stream of packs over one split of a store.

    Args:
        store: The token store.
        split: Which documents.
        segment_length: Tokens of a segment, specials included.
        pack_tokens: Tokens of a pack, specials included.
        seed: Seed of every order.
        window_shards: Shards whose worth of documents is shuffled together; they come from all shards alike, so that
            what was prepared one source after the other is read mixed from the first step on.
        packs: Packs a step.

    Raises:
        InputError: No document in the split, or lengths that do not fit together.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        split: Split = "train",
        segment_length: int = 128,
        pack_tokens: int = 4096,
        seed: int = 0,
        window_shards: int = 1,
        packs: int = 1,
    ) -> None:
        if segment_length < SPECIALS + 1 or pack_tokens < segment_length:
            raise InputError(
                "lengths that do not fit together",
                where="batch",
                got=f"segment_length {segment_length}, pack_tokens {pack_tokens}",
                expected="3 <= segment_length <= pack_tokens",
            )
        self.store, self.split, self.seed, self.packs = store, split, seed, packs
        self.segment_length, self.pack_tokens, self.window_shards = segment_length, pack_tokens, window_shards
        self.shards = store.shard_sizes(split)
        if not self.shards:
            raise InputError(
                f"the store has no document in its {split} split",
                where=str(store.path),
                remedy="Prepare it with another --held-out share",
            )

    @property
    def windows(self) -> int:
        """Windows of an epoch."""
        return -(-len(self.shards) // self.window_shards)

    def window_packs(self, epoch: int, window: int) -> list[list[Segment]]:
        """The packs of one window, in training order; the ids stay on the disk until they are read."""
        segments = [
            _segment_of(document, start, end, (name, number, start))
            for name, number, document in self._documents(epoch, window)
            for start, end in cut_windows(document.word_starts, self.segment_length - SPECIALS)
        ]
        lengths = np.array([len(segment.ids) + SPECIALS for segment in segments], dtype=np.int64)
        generator = keyed_generator(self.seed, "packs", epoch, window)
        return [[segments[index] for index in pack] for pack in pack_lengths(lengths, self.pack_tokens, generator)]

    def _documents(self, epoch: int, window: int) -> Iterator[tuple[str, int, StoredDocument]]:
        """A share of every shard's documents: which, seed and epoch decide."""
        for place, (name, size) in enumerate(self.shards.items()):
            order = keyed_generator(self.seed, "window", epoch, name).permutation(size)
            # shards begin with different windows, so that those of few documents do not all fill the first ones
            chosen = np.sort(order[(window - place) % self.windows :: self.windows])
            for number, document in self.store.shard(name).chosen(chosen):
                yield name, number, document

    def epoch_packs(self, epoch: int, start: PlanPosition | None = None) -> Iterator[Pack]:
        """The packs of one epoch, from `start` on."""
        begin = start or PlanPosition(epoch=epoch)
        for window in range(begin.shard_window, self.windows):
            packs = self.window_packs(epoch, window)
            first = begin.item if window == begin.shard_window else 0
            for number in range(first, len(packs)):
                if number + 1 < len(packs):
                    after = PlanPosition(epoch=epoch, shard_window=window, item=number + 1)
                elif window + 1 < self.windows:
                    after = PlanPosition(epoch=epoch, shard_window=window + 1)
                else:
                    after = PlanPosition(epoch=epoch + 1)
                yield Pack(epoch=epoch, segments=tuple(packs[number]), after=after)

    def stream(self, start: PlanPosition) -> Iterator[Pack]:
        """Packs from `start` on, epoch after epoch, without an end."""
        position = start
        while True:
            yield from self.epoch_packs(position.epoch, position)
            position = PlanPosition(epoch=position.epoch + 1)

    @property
    def step_sizes(self) -> tuple[int]:
        """Packs a step."""
        return (self.packs,)

    def steps(self, start: PlanPosition) -> Iterator[list[Pack]]:
        """The packs of each step; the last of an epoch takes those that it lacks from the next."""
        stream = self.stream(start)
        while True:
            yield list(islice(stream, self.packs))
