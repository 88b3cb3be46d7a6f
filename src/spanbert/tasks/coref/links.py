"""From scored mentions to links, mention by mention as a text is read: time grows with its length, memory does not.

A mention is compared with the nearest before it, and of what lies further back with mentions that say something by
themselves: names and descriptions, no pronouns. Of these, the latest in each wording of each cluster is remembered, up
to a fixed number.

Shapes: M mentions in text order, N mentions that may be antecedents, d units of their vectors, B buckets of distance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from spanbert.core.types import BoolArray, IntArray
from spanbert.tasks.coref.speakers import NOBODY

FACTS = 3  # first word, last word, mention score: what precedes the vectors in an output of the head
SPEAKERS = 2  # the same speaker, another one
BUCKETS = 12  # distances in words: 0, 1, 2..3, 4..7, ... 1,024 and more
_BLOCK = 256
_REMEMBERED = 2048  # mentions that are further back than the nearest
_PRIME = np.uint64(1_000_003)
_BUCKET_OF = np.minimum(np.ceil(np.log2(np.arange(1, 2 ** (BUCKETS - 2) + 2))).astype(np.int64), BUCKETS - 1)
Scores = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]


class _Rows:
    """Arrays that have a row for each mention."""

    __slots__ = ()

    def at(self, places: IntArray | slice) -> Self:
        """Some of the rows."""
        return type(self)(**{name: None if value is None else value[places] for name, value in self._arrays().items()})

    def and_then(self, other: Self) -> Self:
        """These rows, then others."""
        theirs = other._arrays()
        joined = {
            name: None if value is None else np.concatenate([value, theirs[name]])
            for name, value in self._arrays().items()
        }
        return type(self)(**joined)

    def _arrays(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Mentions(_Rows):
    """Candidate mentions of a document, in text order.

    The score of a pair is mention_M[c] + mention_M[q] + key_Md[c] . query_Md[q] + near_MB[q, distance], and same_M[q]
    where both are the same words, and spoken_M2[q] of the same speaker or another where both are known; the antecedent
    is c, which comes before q.

    Attributes:
        first_M: First word.
        words_M: A number for its words: see `span_hashes`.
        lasting_M: Whether it says something by itself, so that it can be an antecedent of mentions far away.
        mention_M: How much a span is a mention at all.
        key_Md: As an antecedent.
        query_Md: As what looks for one.
        near_MB: What a distance is worth.
        same_M: What the same words are worth; None: they are not looked at.
        spoken_M2: What the same speaker is worth, and another one; None: they are not looked at.
        speaker_M: Who says each, see `speakers.speaker_numbers`; None likewise.
    """

    first_M: IntArray
    words_M: Hashes
    lasting_M: BoolArray
    mention_M: Scores
    key_Md: Scores
    query_Md: Scores
    near_MB: Scores
    same_M: Scores | None
    spoken_M2: Scores | None = None
    speaker_M: IntArray | None = None

    def __len__(self) -> int:
        return len(self.first_M)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class _Offers(_Rows):
    """Mentions that may be antecedents: what of `Mentions` they need for it, and their places among all."""

    place_N: IntArray
    first_N: IntArray
    words_N: Hashes
    lasting_N: BoolArray
    mention_N: Scores
    key_Nd: Scores
    speaker_N: IntArray | None

    @classmethod
    def of(cls, mentions: Mentions, place: int) -> Self:
        """Those of mentions, the first of which has a place."""
        return cls(
            place_N=np.arange(place, place + len(mentions)),
            first_N=mentions.first_M,
            words_N=mentions.words_M,
            lasting_N=mentions.lasting_M,
            mention_N=mentions.mention_M,
            key_Nd=mentions.key_Md,
            speaker_N=mentions.speaker_M,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A mention and its antecedent, by their places, with the score of the pair (a log odds against no antecedent)."""

    mention: int
    antecedent: int
    score: float


def buckets_of(distances: IntArray) -> IntArray:
    """The bucket of each distance in words: 0, 1, then powers of two."""
    return _BUCKET_OF[np.minimum(distances, len(_BUCKET_OF) - 1)]


def word_hashes(words: Sequence[str]) -> Hashes:
    """A number for each word in lower case that is the same in every run."""
    return np.array(
        [int.from_bytes(word.lower().encode()[:64], "little") % 0xFFFFFFFFFFFFFFC5 for word in words], dtype=np.uint64
    )


def span_hashes(words_W: Hashes, first_M: IntArray, last_M: IntArray) -> Hashes:
    """A number for the words of each span, (M,): equal words, equal numbers."""
    longest = int((last_M - first_M).max(initial=0)) + 1
    found = np.zeros(len(first_M), dtype=np.uint64)
    for place in range(longest):
        inside = first_M + place <= last_M
        word = words_W[np.minimum(first_M + place, last_M)]
        with np.errstate(over="ignore"):
            found = np.where(inside, found * _PRIME + word + np.uint64(1), found)
    return found


class Linker:
    """Finds the best antecedent of each mention that has one with a score above 0, the score of having none.

    Time: for each mention, a product with the nearest and the remembered; memory: these, and the links.

    Args:
        depth: How many of the nearest mentions are looked at.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: Mentions | None = None
        self._near: _Offers | None = None
        self._far: _Offers | None = None
        self._owners: list[int] = []  # of each mention that was linked, the first of its cluster
        self._sizes: list[int] = []  # of the cluster of each such first mention
        self._links: list[Link] = []

    def add(self, mentions: Mentions) -> None:
        """Takes in the next mentions, in text order."""
        waiting = mentions if self._waiting is None else self._waiting.and_then(mentions)
        while len(waiting) >= _BLOCK:
            self._link(waiting.at(slice(_BLOCK)))
            waiting = waiting.at(slice(_BLOCK, None))
        self._waiting = waiting

    def finish(self) -> list[Link]:
        """At most one link a mention, in text order."""
        if self._waiting is not None and len(self._waiting):
            self._link(self._waiting)
        self._waiting = None
        return self._links

    def _link(self, asking: Mentions) -> None:
        """Links a block, and forgets what will not be looked at again."""
        place = len(self._owners)
        own = _Offers.of(asking, place)
        near = own if self._near is None else self._near.and_then(own)
        offers = near if self._far is None else self._far.and_then(near)
        best, score = _best(asking, offers, place, self._depth)
        for number, (antecedent, value) in enumerate(zip(best.tolist(), score.tolist(), strict=True), start=place):
            if value > 0:
                self._links.append(Link(mention=number, antecedent=antecedent, score=value))
            owner = self._owners[antecedent] if value > 0 else number
            self._owners.append(owner)
            self._sizes.append(0)
            self._sizes[owner] += 1
        first_kept = max(len(near.first_N) - self._depth, 0)
        self._near = near.at(slice(first_kept, None))
        self._remember(near.at(slice(first_kept)))

    def _remember(self, passed: _Offers) -> None:
        """Of what is no longer near, the latest of each wording of each cluster; the best known clusters first."""
        lasting = passed.at(np.flatnonzero(passed.lasting_N))
        if not len(lasting.first_N):
            return
        every = lasting if self._far is None else self._far.and_then(lasting)
        owners = [self._owners[place] for place in every.place_N.tolist()]
        latest = {key: number for number, key in enumerate(zip(owners, every.words_N.tolist(), strict=True))}
        kept = list(latest.values())
        if len(kept) > _REMEMBERED:  # those that were never spoken of again go first, then the oldest
            kept.sort(key=lambda number: (self._sizes[owners[number]] > 1, int(every.place_N[number])))
            kept = kept[-_REMEMBERED:]
        self._far = every.at(np.array(sorted(kept)))


def _best(asking: Mentions, offers: _Offers, place: int, depth: int) -> tuple[IntArray, Scores]:
    """The best antecedent of each mention of a block, (M,), and the scores of the pairs, -inf where there is none.

    Args:
        asking: The block.
        offers: What may be an antecedent, itself included.
        place: Of the first of the block.
        depth: How far back pronouns and the like are antecedents.
    """
    scores = asking.query_Md @ offers.key_Nd.T
    scores += asking.mention_M[:, None] + offers.mention_N
    buckets = buckets_of(np.maximum(asking.first_M[:, None] - offers.first_N, 0))
    scores += np.take_along_axis(asking.near_MB, buckets, axis=1)
    if asking.same_M is not None:
        scores += np.where(asking.words_M[:, None] == offers.words_N, asking.same_M[:, None], 0)
    if asking.spoken_M2 is not None and asking.speaker_M is not None and offers.speaker_N is not None:
        said, heard = asking.speaker_M[:, None], offers.speaker_N
        worth = np.take_along_axis(asking.spoken_M2, (said != heard).astype(np.int64), axis=1)
        scores += np.where((said > NOBODY) & (heard > NOBODY), worth, 0)
    back = np.arange(place, place + len(asking))[:, None] - offers.place_N
    scores[(back <= 0) | ((back > depth) & ~offers.lasting_N)] = -np.inf
    best = scores.argmax(1)
    return offers.place_N[best], scores[np.arange(len(asking)), best]


def clusters_of(count: int, links: Sequence[Link]) -> list[list[int]]:
    """Mentions that links join, directly or by others; mentions without a link are alone.

    Args:
        count: M.
        links: Each from a mention to an earlier one, in text order.
    """
    owner = list(range(count))
    for link in links:
        owner[link.mention] = owner[link.antecedent]  # an earlier mention, whose own link has been followed
    clusters: dict[int, list[int]] = {}
    for mention in range(count):
        clusters.setdefault(owner[mention], []).append(mention)
    return list(clusters.values())


def without_crossing(group: Sequence[int], first: IntArray, last: IntArray, sure: Scores) -> list[int]:
    """The mentions of a cluster without those that cross a higher-scored one: two that cross cannot be the same thing.

    Args:
        group: Places of the mentions among those of the document, in text order.
        first: First word of each mention of the document, (M,).
        last: Last word of each.
        sure: How much each is a mention.
    """
    dropped: set[int] = set()
    around: list[int] = []  # the enclosing mentions, the innermost last
    for place in sorted(group, key=lambda one: (first[one], -last[one])):
        while around and last[around[-1]] < first[place]:
            around.pop()
        while around and last[around[-1]] < last[place] and sure[around[-1]] < sure[place]:
            dropped.add(around.pop())
        if around and last[around[-1]] < last[place]:
            dropped.add(place)
        else:
            around.append(place)
    return [place for place in group if place not in dropped]


def probability(score: float) -> float:
    """A log odds as a probability."""
    return 1 / (1 + math.exp(-min(max(score, -60.0), 60.0)))
