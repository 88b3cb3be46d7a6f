"""Masking: which words of a segment are hidden, and what replaces them.

Algorithm of the scheme `span` (SpanBERT, section 3.1, in whole words):

    budget = ceil(0.15 n) pieces
    until the budget is spent, or 20 draws in a row do not fit:
        draw a length in words, geometric(p = 0.2) on 1..10, and a start, uniform over the word starts
        cut the span to the words that the rest of the budget still holds
        keep it unless it passes the end of the segment, overlaps a span or touches one
    for each span: 80% [MASK], 10% random pieces, 10% unchanged

The other schemes (`schemes.py`) hide the same budget and replace in the same way.
Cost: a few numpy calls a segment and about a microsecond a draw; nothing loops over pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from pydantic import Field, model_validator

from spanbert.batches.schemes import PieceSpan, draw_spans, draw_subwords, draw_words
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.seeding import keyed_generator
from spanbert.core.types import BoolArray, FloatArray, IntArray
from spanbert.tokens.tokenizer import TokenizerAdapter

Scheme = Literal["span", "subword", "word", "entity"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


class MaskingConfig(Config):
    """How segments are masked.

    Attributes:
        scheme: `span`, geometric spans of whole words; `subword`, `word` or `entity` for comparison.
        budget: Share of the pieces that is hidden.
        geometric_p: Parameter of the law of span lengths.
        longest_span: Words in the longest span.
        mask_share: Share of the spans that become [MASK].
        random_share: Share of the spans that become random pieces; the rest stays as it is.
    """

    scheme: Scheme = "span"
    budget: float = Field(default=0.15, gt=0, lt=1)
    geometric_p: float = Field(default=0.2, gt=0, lt=1)
    longest_span: int = Field(default=10, ge=1)
    mask_share: float = Field(default=0.8, ge=0, le=1)
    random_share: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.mask_share + self.random_share > 1:
            raise ValueError(f"mask_share {self.mask_share} and random_share {self.random_share} are more than 1")
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedSegment:
    """One segment without specials after masking.

    Attributes:
        ids: int64 (n,), piece ids after replacement.
        spans: The hidden spans in rising order, half-open, in pieces.
        span_words: Length in words of each span; a part of a word counts as one.
        drawn_words: Lengths in words as drawn, fitting or not, for the statistics (scheme `span` alone).
        replacements: What became of each span: `mask`, `random` or `keep`.
    """

    ids: IntArray
    spans: list[tuple[int, int]]
    span_words: list[int]
    drawn_words: list[int]
    replacements: list[str]


def length_law(options: MaskingConfig) -> FloatArray:
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

    def __init__(self, tokenizer: TokenizerAdapter, options: MaskingConfig | None = None) -> None:
        self.options = options or MaskingConfig()
        self._mask_id = tokenizer.special["mask"]
        self._ordinary_ids = tokenizer.ordinary_ids
        self._length_steps = np.cumsum(length_law(self.options))[:-1]

    def mask(
        self,
        ids: IntArray,
        word_starts: BoolArray,
        generator: np.random.Generator,
        *,
        entities: Sequence[PieceSpan] = (),
    ) -> MaskedSegment:
        """Masks one segment.

        Args:
            ids: Piece ids without specials, (n,).
            word_starts: Which pieces begin a word, (n,); the first always counts as one.
            generator: The segment's own generator.
            entities: Half-open spans of pieces that came with the document, for the scheme `entity`.

        Returns:
            The masked segment; a segment whose every word is longer than the budget keeps all its pieces.
        """
        pieces = len(ids)
        firsts = np.flatnonzero(word_starts)
        if not len(firsts) or firsts[0] != 0:
            firsts = np.concatenate([[0], firsts])
        bounds = [*firsts.tolist(), pieces]
        budget = int(np.ceil(self.options.budget * pieces - 1e-9))
        drawn: list[int] = []
        if self.options.scheme == "span":
            spans, drawn = draw_spans(bounds, budget, self._length_steps, generator)
        elif self.options.scheme == "subword":
            spans = draw_subwords(bounds, budget, generator)
        else:
            spans = draw_words(bounds, budget, generator, entities if self.options.scheme == "entity" else ())
        masked_ids = np.array(ids, dtype=np.int64)
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        replacements = self._replace(masked_ids, starts, ends, generator)
        words = np.searchsorted(firsts, ends) - np.searchsorted(firsts, starts)
        return MaskedSegment(
            ids=masked_ids,
            spans=spans,
            span_words=np.maximum(words, 1).tolist(),
            drawn_words=drawn,
            replacements=replacements,
        )

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
    scheme: Scheme = "span",
    budget: float = 0.15,
    entities: Sequence[PieceSpan] = (),
) -> MaskedSegment:
    """Masks one segment under a seed; for many segments make one `SpanMasker`.

    Args:
        ids: Piece ids of one segment without specials, (n,).
        word_starts: Which pieces begin a word, (n,).
        tokenizer: The tokenizer of the ids.
        seed: The same seed gives the same masks.
        scheme: `span`, `subword`, `word` or `entity`.
        budget: Share of the pieces to hide, in (0, 1).
        entities: Half-open spans of pieces, for the scheme `entity`.

    Raises:
        InputError: Lengths that differ, a budget outside (0, 1), an unknown scheme.
    """
    if len(ids) != len(word_starts):
        raise InputError("ids and word_starts differ in length", got=f"{len(ids)} and {len(word_starts)}")
    if not 0 < budget < 1:
        raise InputError("not a budget", got=str(budget), expected="a share of the pieces in (0, 1)")
    if scheme not in SCHEMES:
        raise InputError("unknown masking scheme", got=repr(scheme), expected=", ".join(SCHEMES))
    if any(not 0 <= start < end <= len(ids) for start, end in entities):
        raise InputError("an entity outside the segment", got=str(list(entities)), expected=f"within 0..{len(ids)}")
    masker = SpanMasker(tokenizer, MaskingConfig(scheme=scheme, budget=budget))
    return masker.mask(
        np.asarray(ids, dtype=np.int64),
        np.asarray(word_starts, dtype=bool),
        keyed_generator(seed, "mask"),
        entities=entities,
    )
