"""Long texts as windows that overlap, cut between words, and which window answers for which piece.

Shapes: n pieces of a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from spanbert.core.types import BoolArray


def cut_windows(word_starts: BoolArray, limit: int, overlap: int = 0) -> list[tuple[int, int]]:
    """Cuts a text into windows of at most `limit` pieces, at word boundaries.

    Args:
        word_starts: Which pieces begin a word, (n,).
        limit: Pieces a window, without specials.
        overlap: Pieces that a window shares with the one before it, at least where words and `limit` allow it.

    Returns:
        Half-open (start, end) that together cover 0..n, both rising; a word is cut only if it is longer than `limit`.

    Raises:
        ValueError: Not 0 <= overlap < limit.
    """
    if not 0 <= overlap < limit:
        raise ValueError(f"overlap must be in 0..{limit - 1}, got {overlap}")
    pieces = len(word_starts)
    if pieces <= limit:
        return [(0, pieces)] if pieces else []
    starts = np.flatnonzero(word_starts)
    windows: list[tuple[int, int]] = []
    begin = 0
    while True:
        end = begin + limit
        if end >= pieces:
            return [*windows, (begin, pieces)]
        last = int(np.searchsorted(starts, end, side="right")) - 1  # the last word that begins not after `end`
        if last >= 0 and starts[last] > begin:
            end = int(starts[last])
        if windows and end <= windows[-1][1]:  # the next word is too long to be reached with an overlap
            begin = windows[-1][1]
            continue
        windows.append((begin, end))
        back = int(np.searchsorted(starts, end - overlap, side="right")) - 1  # its word holds `end - overlap`
        again = int(starts[back]) if back >= 0 else 0
        begin = again if begin < again < end else end


def owned_parts(windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Which pieces each window answers for: where two overlap, each its half, so that every piece has context.

    Args:
        windows: Of one text, as `cut_windows` makes them.

    Returns:
        Half-open (start, end) for each window; together they cover the text without overlap.
    """
    inner = [(before[1] + after[0]) // 2 for before, after in pairwise(windows)]
    bounds = [windows[0][0], *inner, windows[-1][1]] if windows else []
    return list(pairwise(bounds))
