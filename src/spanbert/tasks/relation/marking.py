"""Markers around two entities, as pieces of their own (Baldini Soares et al. 2019; typed: Zhong and Chen 2021).

    [CLS] the [E1] audits [/E1] were about [E2] waste [/E2] . [SEP]

A text that is too long is cut around the two entities; where they are too far apart for one window, the text between
them is left out.

Shapes: n pieces of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spanbert.core.types import Document, IntArray, Relation
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tokens.pieces import TokenizedText, rows_of_words

SIDES = ("1", "2")  # the head's, the tail's
MARKS = 4
Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowedRelations(WindowedDocument):
    """A text with the pairs of its entities.

    Attributes:
        entities: First and last piece of head and tail of each pair.
        parts: Which pieces of the text are read for each pair: see `parts_around`.
    """

    entities: Sequence[tuple[Range, Range]]
    parts: Sequence[Sequence[Range]]


def marker_names(types: Iterable[str]) -> list[str]:
    """All markers, in the order in which they are stored: those without a type, then those of each type.

    Args:
        types: Types of entities, in a fixed order.
    """
    return [
        f"[{slash}E{side}{of}]" for of in ("", *(f":{one}" for one in types)) for side in SIDES for slash in ("", "/")
    ]


def marker_pair(markers: Mapping[str, int], side: str, label: str | None) -> tuple[int, int]:
    """Ids of the markers before and after an entity; those without a type where its type is not known."""
    of = f":{label}" if label is not None and f"[E{side}:{label}]" in markers else ""
    return markers[f"[E{side}{of}]"], markers[f"[/E{side}{of}]"]


def parts_around(entities: Sequence[Range], total: int, limit: int) -> list[Range]:
    """Which pieces of a text are read: all, or those around the two entities.

    Args:
        entities: First and last piece of each of the two.
        total: n.
        limit: Most pieces that are read.

    Returns:
        One range, or two where the entities are too far apart; half-open, in order, without overlap. An entity longer
        than half of what can be read keeps its beginning.
    """
    if total <= limit:
        return [(0, total)]
    half = limit // 2
    (first, first_last), (second, second_last) = sorted(entities)
    for most_first, most_second in (
        (total, total),
        (half, limit - half),
    ):  # whole, then the beginnings of long entities
        first_end, second_end = min(first_last + 1, first + most_first), min(second_last + 1, second + most_second)
        high = max(first_end, second_end)
        if high - first <= limit:
            return [_around(first, high, limit, 0, total)]
    middle = (first_end + second) // 2  # each part keeps to its side of it
    return [
        _around(first, first_end, half, 0, middle),
        _around(second, second_end, limit - half, middle, total),
    ]


def _around(low: int, high: int, size: int, start: int, stop: int) -> Range:
    """A range of `size` within start..stop, or all of it, with low..high about in its middle."""
    begin = max(start, min(low - (size - (high - low)) // 2, stop - size))
    return begin, min(stop, begin + size)


def marked(
    ids: IntArray, entities: Sequence[Range], markers: Sequence[tuple[int, int]], limit: int
) -> tuple[IntArray, list[int]]:
    """The pieces of a text with markers around its two entities.

    Args:
        ids: Pieces of the text, (n,).
        entities: First and last piece of head and tail; they may overlap.
        markers: The markers before and after each.
        limit: Most pieces, markers included.

    Returns:
        The pieces, and the places of the markers at which head and tail begin.
    """
    if not len(ids):  # a text whose characters the tokenizer drops
        return np.array([one for pair in markers for one in pair], dtype=np.int64), [0, 2]
    parts = parts_around(entities, len(ids), limit - MARKS)
    events: list[tuple[int, int, int, int]] = []  # place, ends before begins, inner or outer, marker
    for (first, last), (begin, end) in zip(entities, markers, strict=True):
        low, high = next((part for part in parts if part[0] <= first < part[1]), parts[-1])
        stop = min(last + 1, high)
        events.append((max(first, low), 1, -last, begin))
        events.append((stop, 0, -first, end))
    found: list[IntArray] = []
    starts: dict[int, int] = {}
    length = 0
    for low, high in parts:
        position = low
        for place, _, _, marker in sorted(event for event in events if low <= event[0] - (event[1] == 0) < high):
            found += [ids[position:place], np.array([marker], dtype=np.int64)]
            length += place - position + 1
            starts[marker] = length - 1
            position = place
        found.append(ids[position:high])
        length += high - position
    return np.concatenate(found), [starts[begin] for begin, _ in markers]


def with_brackets(text: str, relation: Relation) -> str:
    """The text with both entities in brackets."""
    head, tail = relation.head, relation.tail
    marks = [(head.start, 1, "[1 "), (head.end, 0, "]"), (tail.start, 1, "[2 "), (tail.end, 0, "]")]
    for place, _, mark in sorted(marks, reverse=True):  # where one ends and the other begins, the bracket closes first
        text = text[:place] + mark + text[place:]
    return text


def entity_pieces(document: Document, pieces: TokenizedText) -> list[tuple[Range, Range]]:
    """First and last piece of head and tail of each pair."""
    pairs = document.relations or ()
    if not pairs or not len(pieces.ids):
        return [((0, -1), (0, -1)) for _ in pairs]
    first, last, _ = rows_of_words(pieces, [entity for one in pairs for entity in (one.head, one.tail)])
    ranges = list(zip(first.tolist(), last.tolist(), strict=True))
    return list(zip(ranges[::2], ranges[1::2], strict=True))
