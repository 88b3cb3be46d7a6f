"""Which pieces of a segment are hidden: the four schemes that SpanBERT compares (Joshi et al. 2020, section 6.1).

    span      geometric spans of whole words, which neither overlap nor touch
    subword   pieces, each alone
    word      whole words, each alone
    entity    half of the draws an entity that came with the document, else a whole word

Each is a function of (bounds, budget, ...): `bounds` says where each word of the segment begins, then n, and `budget`
how many pieces may be hidden. Each returns half-open spans in pieces, rising. A draw that does not fit (its word is
hidden already, or longer than what is left) is drawn again; 20 such draws in a row end the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spanbert.core.types import FloatArray

PieceSpan = tuple[int, int]
_PATIENCE = 20
_DRAWS_AT_ONCE = 64
_TAKEN = 1


def draw_spans(
    bounds: Sequence[int], budget: int, length_steps: FloatArray, generator: np.random.Generator
) -> tuple[list[PieceSpan], list[int]]:
    """Scheme `span`.

    Args:
        bounds: Where the words begin, then n.
        budget: Pieces that may be hidden; a span that would pass it is cut to the words that fit.
        length_steps: Cumulative probabilities of the lengths 1, 2, ... in words, without the last 1.
        generator: The segment's own.

    Returns:
        The spans, and every length in words that was drawn, fitting or not.
    """
    word_count = len(bounds) - 1
    blocked = bytearray(word_count + 1)  # words of spans, and their neighbours: a span there would touch
    chosen: list[PieceSpan] = []
    drawn: list[int] = []
    left, misses = budget, 0
    while word_count and left > 0 and misses < _PATIENCE:
        lengths = np.searchsorted(length_steps, generator.random(_DRAWS_AT_ONCE), side="right") + 1
        starts = generator.integers(0, word_count, _DRAWS_AT_ONCE)
        for length, start in zip(lengths.tolist(), starts.tolist(), strict=True):
            drawn.append(length)
            end = start + length
            if end <= word_count:
                limit = bounds[start] + left
                while end > start and bounds[end] > limit:
                    end -= 1
            if end > word_count or end == start or blocked.find(_TAKEN, start, end) >= 0:
                misses += 1
                if misses == _PATIENCE:
                    break
                continue
            misses = 0
            chosen.append((bounds[start], bounds[end]))
            for word in range(max(start - 1, 0), end + 1):
                blocked[word] = _TAKEN
            left -= bounds[end] - bounds[start]
            if left <= 0:
                break
    return sorted(chosen), drawn


def draw_subwords(bounds: Sequence[int], budget: int, generator: np.random.Generator) -> list[PieceSpan]:
    """Scheme `subword`: `budget` pieces, every one as likely as the other."""
    pieces = generator.choice(bounds[-1], size=budget, replace=False)
    return [(piece, piece + 1) for piece in sorted(pieces.tolist())]


def draw_words(
    bounds: Sequence[int], budget: int, generator: np.random.Generator, entities: Sequence[PieceSpan] = ()
) -> list[PieceSpan]:
    """Schemes `word` (no entities) and `entity`.

    Args:
        bounds: Where the words begin, then n.
        budget: Pieces that may be hidden.
        generator: The segment's own.
        entities: Spans that came with the document, at word bounds; half of the draws take one of them.
    """
    word_count = len(bounds) - 1
    taken = bytearray(bounds[-1])
    chosen: list[PieceSpan] = []
    left, misses = budget, 0
    while word_count and left > 0 and misses < _PATIENCE:
        words = generator.integers(0, word_count, _DRAWS_AT_ONCE).tolist()
        wants_entity = (generator.random(_DRAWS_AT_ONCE) < 0.5).tolist()
        which = generator.integers(0, max(len(entities), 1), _DRAWS_AT_ONCE).tolist()
        for word, is_entity, number in zip(words, wants_entity, which, strict=True):
            start, end = entities[number] if entities and is_entity else (bounds[word], bounds[word + 1])
            if end - start > left or taken.find(_TAKEN, start, end) >= 0:
                misses += 1
                if misses == _PATIENCE:
                    break
                continue
            misses = 0
            chosen.append((start, end))
            taken[start:end] = bytes([_TAKEN]) * (end - start)
            left -= end - start
            if left <= 0:
                break
    return sorted(chosen)
