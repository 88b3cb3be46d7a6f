"""Slow, plain references that the tests and the masking table compare with; written from the papers alone."""

from __future__ import annotations

import math

import numpy as np


def words_of(word_starts: list[bool]) -> list[list[int]]:
    """The pieces of each word."""
    words: list[list[int]] = []
    for piece, starts in enumerate(word_starts):
        if starts or not words:
            words.append([])
        words[-1].append(piece)
    return words


def span_masking(
    word_starts: list[bool], generator: np.random.Generator, *, budget: float = 0.15, p: float = 0.2, longest: int = 10
) -> list[tuple[int, int]]:
    """Geometric whole-word spans, one draw and one piece at a time; returns spans as (first word, words)."""
    words = words_of(word_starts)
    left = math.ceil(budget * len(word_starts))
    law = [(1 - p) ** (length - 1) * p for length in range(1, longest + 1)]
    taken: set[int] = set()
    spans: list[tuple[int, int]] = []
    misses = 0
    while left > 0 and misses < 20:
        length = int(generator.choice(np.arange(1, longest + 1), p=np.array(law) / sum(law)))
        first = int(generator.integers(len(words)))
        fits = first + length <= len(words)
        chosen: list[int] = []
        if fits:
            pieces = 0
            for word in range(first, first + length):
                pieces += len(words[word])
                if pieces > left:
                    break
                chosen.append(word)
        if not chosen or any(word + step in taken for word in chosen for step in (-1, 0, 1)):
            misses += 1
            continue
        misses = 0
        taken.update(chosen)
        left -= sum(len(words[word]) for word in chosen)
        spans.append((first, len(chosen)))
    return sorted(spans)
