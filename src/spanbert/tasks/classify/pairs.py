"""Pairs of texts in windows: every part of the first text with every part of the second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from spanbert.batches.windows import cut_windows
from spanbert.core.types import IntArray
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tokens.pieces import TokenizedText


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowedPair(WindowedDocument):
    """A document with a second text, each cut into parts; a window holds one part of each.

    Attributes:
        second: Pieces of the second text.
        pairs: Half-open (start, end) of both parts in each window.
    """

    second: IntArray
    pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]


def paired(windowed: WindowedDocument, second: TokenizedText, window: tuple[int, int], room: int) -> WindowedPair:
    """A document with its second text.

    Args:
        windowed: The first text; its windows are not used.
        second: The second text.
        window: Tokens of a window and of the overlap.
        room: Pieces of both texts in a window.
    """
    first = windowed.pieces
    limits = _limits(len(first.ids), len(second.ids), room)
    parts, others = (
        cut_windows(one.word_starts, limit, min(window[1], limit // 2)) or [(0, 0)]
        for one, limit in zip((first, second), limits, strict=True)
    )
    pairs = list(product(parts, others))
    return WindowedPair(
        document=windowed.document, pieces=first, windows=[one for one, _ in pairs], second=second.ids, pairs=pairs
    )


def _limits(first: int, second: int, room: int) -> tuple[int, int]:
    """Pieces of each text in a window: a short text stays whole, the other gets what is left."""
    half = room // 2
    if first <= half:
        return max(first, 1), room - first
    if second <= half:
        return room - second, max(second, 1)
    return half, half
