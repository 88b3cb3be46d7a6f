"""From characters to pieces: where a span of the text lies in its tokenisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spanbert.core.types import BoolArray, IntArray, Span


def touched_pieces(offsets: IntArray, span: Span) -> tuple[int, int]:
    """The pieces that a span of characters touches.

    Args:
        offsets: First character and character after the last of each piece, (n, 2), rising.
        span: A span of the text.

    Returns:
        Half-open; of a span without any piece (white space) the end is not after the start.
    """
    first = np.searchsorted(offsets[:, 1], span.start, side="right")
    return int(first), int(np.searchsorted(offsets[:, 0], span.end, side="left"))


def pieces_of_spans(offsets: IntArray, word_starts: BoolArray, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """The pieces of each span of characters, widened to whole words.

    Args:
        offsets: First character and character after the last of each piece, (n, 2), rising.
        word_starts: Which pieces begin a word, (n,).
        spans: Spans of the text.

    Returns:
        Half-open spans of pieces, in the order given; a span without any piece (white space) is left out.
    """
    found: list[tuple[int, int]] = []
    bounds = np.append(np.flatnonzero(word_starts), len(word_starts))
    for span in spans:
        first, last = touched_pieces(offsets, span)
        if first < last:
            before = int(np.searchsorted(bounds, first, side="right")) - 1
            start = int(bounds[before]) if before >= 0 else 0
            end = int(bounds[int(np.searchsorted(bounds, last, side="left"))])
            found.append((start, end))
    return found
