"""Span masking: which words of a segment are hidden, and what stands in their place.

Algorithm (SpanBERT, section 3.1, in whole words):

    budget = ceil(0.15 n) pieces
    until the budget is spent, or 20 draws in a row do not fit:
        draw a length in words, geometric(p = 0.2) on 1..10, and a start, uniform over the word starts
        cut the span to the words that the rest of the budget still holds
        keep it unless it passes the end of the segment, overlaps a span or touches one
    for each span: 80% [MASK], 10% random pieces, 10% unchanged

Cost: a few numpy calls a segment and about a microsecond a draw; nothing loops over pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.seeding import keyed_generator
from spanbert.core.types import BoolArray, FloatArray, IntArray
from spanbert.tokens.tokenizer import TokenizerAdapter

_PATIENCE = 20
_DRAWS_AT_ONCE = 64
_BLOCKED = 1


class MaskingOptions(Config):
    """How segments are masked.

    Attributes:
        scheme: `span`, geometric spans of whole words.
        budget: Share of the pieces that is hidden.
        geometric_p: Parameter of the law of span lengths.
        longest_span: Words in the longest span.
        mask_share: Share of the spans that become [MASK].
        random_share: Share of the spans that become random pieces; the rest stays as it is.
    """

    scheme: Literal["span"] = "span"
    budget: float = 0.15
    geometric_p: float = 0.2
    longest_span: int = 10
    mask_share: float = 0.8
    random_share: float = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedSegment:
    """One segment without specials after masking.

    Attributes:
        ids: int64 (n,), piece ids after replacement.
        spans: The hidden spans in rising order, half-open, in pieces.
        span_words: Length in words of each span.
        drawn_words: Lengths in words as drawn, fitting or not, for the statistics.
        replacements: What became of each span: `mask`, `random` or `keep`.
    """

    ids: IntArray
    spans: list[tuple[int, int]]
    span_words: list[int]
    drawn_words: list[int]
    replacements: list[str]


def length_law(options: MaskingOptions) -> FloatArray:
    """The probability of each span length 1..longest_span in words, renormalised (mean 3.8 for 0.2 and 10)."""
    lengths = np.arange(1, options.longest_span + 1)
    weights = np.power(1 - options.geometric_p, lengths - 1.0)
    law: FloatArray = weights / weights.sum()
    return law


class SpanMasker:
    """Masks segments; holds what every segment of a tokenizer shares.

    Args:
        tokenizer: Gives the mask id and the pieces that a random replacement is drawn from.
        options: Budget, law of lengths, shares.
    """

    def __init__(self, tokenizer: TokenizerAdapter, options: MaskingOptions | None = None) -> None:
        self.options = options or MaskingOptions()
        self._mask_id = tokenizer.special["mask"]
        self._ordinary_ids = tokenizer.ordinary_ids
        self._length_steps = np.cumsum(length_law(self.options))[:-1]

    def mask(self, ids: IntArray, word_starts: BoolArray, generator: np.random.Generator) -> MaskedSegment:
        """Masks one segment.

        Args:
            ids: Piece ids without specials, (n,).
            word_starts: Which pieces begin a word, (n,); the first always counts as one.
            generator: The segment's own generator.

        Returns:
            The masked segment; a segment whose every word is longer than the budget keeps all its pieces.
        """
        pieces = len(ids)
        bounds = np.flatnonzero(word_starts)
        if not len(bounds) or bounds[0] != 0:
            bounds = np.concatenate([[0], bounds])
        bounds = np.append(bounds, pieces)
        budget = int(np.ceil(self.options.budget * pieces - 1e-9))
        words, drawn = self._draw_spans(bounds.tolist(), budget, generator)
        starts, ends = bounds[[start for start, _ in words]], bounds[[end for _, end in words]]
        masked_ids = np.array(ids, dtype=np.int64)
        replacements = self._replace(masked_ids, starts.tolist(), ends.tolist(), generator)
        return MaskedSegment(
            ids=masked_ids,
            spans=list(zip(starts.tolist(), ends.tolist(), strict=True)),
            span_words=[end - start for start, end in words],
            drawn_words=drawn,
            replacements=replacements,
        )

    def _draw_spans(
        self, bounds: Sequence[int], budget: int, generator: np.random.Generator
    ) -> tuple[list[tuple[int, int]], list[int]]:
        """Chooses spans of words (start, end) in rising order, and reports every length drawn."""
        word_count = len(bounds) - 1
        blocked = bytearray(word_count + 1)  # words of spans, and the words beside them: one more would touch
        chosen: list[tuple[int, int]] = []
        drawn: list[int] = []
        left, misses = budget, 0
        while word_count and left > 0 and misses < _PATIENCE:
            lengths = np.searchsorted(self._length_steps, generator.random(_DRAWS_AT_ONCE), side="right") + 1
            starts = generator.integers(0, word_count, _DRAWS_AT_ONCE)
            for length, start in zip(lengths.tolist(), starts.tolist(), strict=True):
                drawn.append(length)
                end = start + length
                if end <= word_count:
                    limit = bounds[start] + left
                    while end > start and bounds[end] > limit:
                        end -= 1
                if end > word_count or end == start or blocked.find(_BLOCKED, start, end) >= 0:
                    misses += 1
                    if misses == _PATIENCE:
                        break
                    continue
                misses = 0
                chosen.append((start, end))
                for word in range(max(start - 1, 0), end + 1):
                    blocked[word] = _BLOCKED
                left -= bounds[end] - bounds[start]
                if left <= 0:
                    break
        return sorted(chosen), drawn

    def _replace(
        self, ids: IntArray, starts: Sequence[int], ends: Sequence[int], generator: np.random.Generator
    ) -> list[str]:
        """Puts [MASK], random pieces or nothing new into each span of `ids`, in place."""
        choices = []
        mask_below = self.options.mask_share
        random_below = mask_below + self.options.random_share
        for start, end, chance in zip(starts, ends, generator.random(len(starts)).tolist(), strict=True):
            if chance < mask_below:
                ids[start:end] = self._mask_id
                choices.append("mask")
            elif chance < random_below:
                ids[start:end] = self._ordinary_ids[generator.integers(0, len(self._ordinary_ids), end - start)]
                choices.append("random")
            else:
                choices.append("keep")
        return choices


def mask_spans(
    ids: Sequence[int] | IntArray,
    word_starts: Sequence[bool] | BoolArray,
    *,
    tokenizer: TokenizerAdapter,
    seed: int = 0,
    scheme: Literal["span"] = "span",
    budget: float = 0.15,
) -> MaskedSegment:
    """Masks one segment under a seed; for many segments make one `SpanMasker`.

    Args:
        ids: Piece ids of one segment without specials, (n,).
        word_starts: Which pieces begin a word, (n,).
        tokenizer: The tokenizer of the ids.
        seed: The same seed gives the same masks.
        scheme: `span`.
        budget: Share of the pieces to hide, in (0, 1).

    Raises:
        InputError: Lengths that differ, a budget outside (0, 1), an unknown scheme.
    """
    if len(ids) != len(word_starts):
        raise InputError("ids and word_starts differ in length", got=f"{len(ids)} and {len(word_starts)}")
    if not 0 < budget < 1:
        raise InputError("not a budget", got=str(budget), expected="a share of the pieces in (0, 1)")
    if scheme != "span":
        raise InputError("unknown masking scheme", got=repr(scheme), expected="span")
    masker = SpanMasker(tokenizer, MaskingOptions(scheme=scheme, budget=budget))
    return masker.mask(
        np.asarray(ids, dtype=np.int64), np.asarray(word_starts, dtype=bool), keyed_generator(seed, "mask")
    )
