"""Attributions of pieces as attributions of words, with their places in the text.

Shapes: P pieces of a text, W words of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spanbert.core.attributions import WordAttribution
from spanbert.core.types import FloatArray, IntArray, Span
from spanbert.corpus.text.words import split_words


def by_word(
    text: str, words: Sequence[Span] | None, offsets: IntArray, pieces_P: FloatArray
) -> tuple[WordAttribution, ...]:
    """The sum of the pieces of each word; nothing is lost: all words together have what all pieces have.

    Args:
        text: The text.
        words: Its words in order; None: those that it is split into, at every mark.
        offsets: First character and character after the last of each piece, (P, 2).
        pieces_P: What each piece has.
    """
    places = [(one.start, one.end) for one in words] if words is not None else split_words(text, joined=False)
    if not places and len(pieces_P):
        places = [(0, len(text))]  # pieces of white space alone
    values_W = np.zeros(len(places))
    if places:
        ends_W = np.array([end for _, end in places])
        owner_P = np.minimum(np.searchsorted(ends_W, offsets[:, 0], side="right"), len(places) - 1)
        np.add.at(values_W, owner_P, pieces_P)
    return tuple(
        WordAttribution(start=start, end=end, text=text[start:end], score=score)
        for (start, end), score in zip(places, values_W.tolist(), strict=True)
    )
