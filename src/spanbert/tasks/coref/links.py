"""From scored mentions to clusters: antecedents in blocks, so that memory grows with the document and not its square.

Shapes: M mentions of a document in text order, d units of their vectors, B buckets of distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanbert.core.types import IntArray, OutputArray
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.speakers import NOBODY

FACTS = 3  # first word, last word, mention score: what precedes the vectors in an output of the head
SPEAKERS = 2  # the same speaker, another one
BUCKETS = 12  # distances in words: 0, 1, 2..3, 4..7, ... 1,024 and more
_BLOCK = 256
_PRIME = np.uint64(1_000_003)
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Mentions:
    """Candidate mentions of a document, in text order.

    The score of a pair is mention_M[c] + mention_M[q] + key_Md[c] . query_Md[q] + near_MB[q, distance], and same_M[q]
    where both are the same words, and spoken_M2[q] of the same speaker or another where both are known; the antecedent
    is c, which comes before q.

    Attributes:
        first_M: First word.
        last_M: Last word.
        mention_M: How much a span is a mention at all.
        key_Md: As an antecedent.
        query_Md: As what looks for one.
        near_MB: What a distance is worth.
        same_M: What the same words are worth; None: they are not looked at.
        spoken_M2: What the same speaker is worth, and another one; None: they are not looked at.
        speaker_M: Who says each, see `speakers.speaker_numbers`; None likewise.
    """

    first_M: IntArray
    last_M: IntArray
    mention_M: Scores
    key_Md: Scores
    query_Md: Scores
    near_MB: Scores
    same_M: Scores | None
    spoken_M2: Scores | None = None
    speaker_M: IntArray | None = None


def mentions_of_rows(rows: OutputArray, config: CorefConfig, speakers_W: IntArray | None) -> Mentions:
    """All kept mentions of a document in text order, the best `max_mentions` of them.

    Args:
        rows: Of the head, see `CorefHead.outputs`, words counted over the document.
        config: Sizes and limits.
        speakers_W: The speaker of each word; None: they are not looked at.
    """
    if config.max_mentions is not None and len(rows) > config.max_mentions:
        rows = rows[np.argsort(-rows[:, 2], kind="stable")[: config.max_mentions]]
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    bounds = np.cumsum([2 * config.size, 2 * config.size, BUCKETS, int(config.same_words)])
    key, query, near, same, spoken = np.split(rows[:, FACTS:], bounds, axis=1)
    first_M = rows[:, 0].astype(np.int64)
    return Mentions(
        first_M=first_M,
        last_M=rows[:, 1].astype(np.int64),
        mention_M=rows[:, 2],
        key_Md=key,
        query_Md=query,
        near_MB=near,
        same_M=same[:, 0] if config.same_words else None,
        spoken_M2=None if speakers_W is None else spoken,
        speaker_M=None if speakers_W is None else speakers_W[first_M],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A mention and its antecedent, by their places, with the score of the pair (a log odds against no antecedent)."""

    mention: int
    antecedent: int
    score: float


def buckets_of(distances: IntArray) -> IntArray:
    """The bucket of each distance in words: 0, 1, then powers of two."""
    return np.minimum(np.ceil(np.log2(distances + 1)).astype(np.int64), BUCKETS - 1)


def word_hashes(words: Sequence[str]) -> npt.NDArray[np.uint64]:
    """A number for each word in lower case that is the same in every run."""
    return np.array(
        [int.from_bytes(word.lower().encode()[:64], "little") % 0xFFFFFFFFFFFFFFC5 for word in words], dtype=np.uint64
    )


def span_hashes(words_W: npt.NDArray[np.uint64], first_M: IntArray, last_M: IntArray) -> npt.NDArray[np.uint64]:
    """A number for the words of each span, (M,): equal words, equal numbers."""
    longest = int((last_M - first_M).max(initial=0)) + 1
    found = np.zeros(len(first_M), dtype=np.uint64)
    for place in range(longest):
        inside = first_M + place <= last_M
        word = words_W[np.minimum(first_M + place, last_M)]
        with np.errstate(over="ignore"):
            found = np.where(inside, found * _PRIME + word + np.uint64(1), found)
    return found


def best_antecedents(mentions: Mentions, same_M: npt.NDArray[np.uint64], depth: int | None = None) -> list[Link]:
    """The best antecedent of each mention that has one with a score above 0, the score of having none.

    Args:
        mentions: In text order.
        same_M: See `span_hashes`.
        depth: How many of the nearest are looked at; None: all. Memory is a block of mentions times as many.

    Returns:
        At most one link a mention, in text order.
    """
    links = []
    total = len(mentions.first_M)
    for start in range(0, total, _BLOCK):
        stop = min(start + _BLOCK, total)
        low = 0 if depth is None else max(start - depth, 0)
        best, score = _best_of_block(mentions, same_M, start, stop, low, depth)
        links += [
            Link(mention=start + place, antecedent=int(best[place]), score=float(score[place]))
            for place in np.flatnonzero(score > 0).tolist()
        ]
    return links


def _best_of_block(
    mentions: Mentions, same_M: npt.NDArray[np.uint64], start: int, stop: int, low: int, depth: int | None
) -> tuple[IntArray, Scores]:
    asks, offers = slice(start, stop), slice(low, stop)
    scores = mentions.query_Md[asks] @ mentions.key_Md[offers].T
    scores += mentions.mention_M[asks, None] + mentions.mention_M[None, offers]
    distances = mentions.first_M[asks, None] - mentions.first_M[None, offers]
    near = np.take_along_axis(mentions.near_MB[asks], buckets_of(np.maximum(distances, 0)), axis=1)
    scores += near
    if mentions.same_M is not None:
        scores += np.where(same_M[asks, None] == same_M[None, offers], mentions.same_M[asks, None], 0)
    if mentions.spoken_M2 is not None and mentions.speaker_M is not None:
        said, heard = mentions.speaker_M[asks, None], mentions.speaker_M[None, offers]
        worth = np.take_along_axis(mentions.spoken_M2[asks], (said != heard).astype(np.int64), axis=1)
        scores += np.where((said > NOBODY) & (heard > NOBODY), worth, 0)
    place = np.arange(start, stop)[:, None] - np.arange(low, stop)[None, :]
    scores[(place <= 0) if depth is None else (place <= 0) | (place > depth)] = -np.inf
    best = scores.argmax(1)
    return best + low, scores[np.arange(stop - start), best]


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


def without_crossing(group: Sequence[int], mentions: Mentions) -> list[int]:
    """The mentions of a cluster without those that cross a higher-scored one: two that cross cannot be the same thing.

    Args:
        group: Places of the mentions among those of the document, in text order.
        mentions: Of the document.
    """
    first, last, sure = mentions.first_M, mentions.last_M, mentions.mention_M
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
    return float(1 / (1 + np.exp(-np.clip(score, -60, 60))))
