"""Packs of segments to packed batches with targets: masking happens here, torch-free.

Shapes: T tokens of the batch, K masked pieces (MLM targets), J of them with an SBO target, M masked spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spanbert.batches.masking import MaskingConfig, SpanMasker
from spanbert.batches.packed import pack
from spanbert.core.seeding import keyed_generator
from spanbert.core.types import IntArray
from spanbert.tasks.protocol import MicroBatch
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.batches.plan import Pack


@dataclass(frozen=True, kw_only=True, eq=False)
class PretrainTargets:
    """What the two objectives predict, exact sizes, no sentinel values.

    Attributes:
        mlm_index_K: Rows (of T) of the masked pieces.
        mlm_id_K: The pieces before masking.
        sbo_index_J: Entries (of K) that have an SBO target.
        left_J: Row (of T) of the piece before the span.
        right_J: Row (of T) of the piece after the span.
        offset_J: Position of the piece in its span, from 0.
        span_K: Which span (of M) each masked piece belongs to.
        words_M: Length of each span in words.
    """

    mlm_index_K: IntArray
    mlm_id_K: IntArray
    sbo_index_J: IntArray
    left_J: IntArray
    right_J: IntArray
    offset_J: IntArray
    span_K: IntArray
    words_M: IntArray


def targets_of_spans(
    starts_M: IntArray, ends_M: IntArray, words_M: IntArray, original_ids_T: IntArray, *, sbo_positions: int
) -> PretrainTargets:
    """Targets of masked spans.

    Args:
        starts_M: First row (of T) of each span.
        ends_M: Row after the last of each span; both neighbours of a span lie in its segment.
        words_M: Length of each span in words.
        original_ids_T: The ids before masking.
        sbo_positions: Rows of the SBO's position table; pieces further into a span get no SBO target.
    """
    sizes_M = ends_M - starts_M
    span_K = np.repeat(np.arange(len(starts_M)), sizes_M)
    first_K = np.repeat(np.cumsum(sizes_M) - sizes_M, sizes_M)
    offset_K = np.arange(len(span_K)) - first_K
    mlm_index_K = starts_M[span_K] + offset_K
    sbo_index_J = np.flatnonzero(offset_K < sbo_positions)
    span_J = span_K[sbo_index_J]
    return PretrainTargets(
        mlm_index_K=mlm_index_K,
        mlm_id_K=original_ids_T[mlm_index_K],
        sbo_index_J=sbo_index_J,
        left_J=starts_M[span_J] - 1,
        right_J=ends_M[span_J],
        offset_J=offset_K[sbo_index_J],
        span_K=span_K,
        words_M=words_M,
    )


class PackSize(NamedTuple):
    """Up to which size packs are filled, so that a compiler sees one shape.

    Attributes:
        tokens: Of a pack.
        longest: Tokens of a segment at most.
    """

    tokens: int
    longest: int


class SpanCollator:
    """Masks the segments of some packs, adds [CLS] and [SEP], packs them and finds the targets.

    Args:
        tokenizer: The store's tokenizer.
        masking: How segments are masked.
        seed: With epoch and segment the key of every mask.
        sbo_positions: Rows of the SBO's position table.
        filled: Size that packs are filled up to, by segments of padding at the end that attend to themselves alone and
            that no loss reads; None: they are not filled.
    """

    def __init__(
        self,
        tokenizer: TokenizerAdapter,
        masking: MaskingConfig,
        seed: int,
        sbo_positions: int,
        filled: PackSize | None = None,
    ) -> None:
        self._pad, self._filled = tokenizer.special["pad"], filled
        self._masker = SpanMasker(tokenizer, masking)
        self._cls, self._sep = tokenizer.special["cls"], tokenizer.special["sep"]
        self._seed, self._sbo_positions = seed, sbo_positions

    def __call__(self, packs: Sequence[Pack]) -> MicroBatch[PretrainTargets]:
        """Encodes one micro-batch; longest segments first, so that equal lengths are neighbours."""
        segments = [(pack.epoch, segment) for pack in packs for segment in pack.segments]
        segments.sort(key=lambda pair: -len(pair[1].ids))
        masked_rows: list[IntArray] = []
        original_rows: list[IntArray] = []
        starts: list[int] = []
        ends: list[int] = []
        words: list[int] = []
        row = 0
        for epoch, segment in segments:
            generator = keyed_generator(self._seed, "mask", epoch, *segment.key)
            masked = self._masker.mask(segment.ids, segment.word_starts, generator, entities=segment.entities)
            for ids, rows in ((masked.ids, masked_rows), (segment.ids, original_rows)):
                framed = np.empty(len(ids) + 2, dtype=np.int64)
                framed[0], framed[1:-1], framed[-1] = self._cls, ids, self._sep
                rows.append(framed)
            starts += [row + 1 + start for start, _ in masked.spans]
            ends += [row + 1 + end for _, end in masked.spans]
            words += masked.span_words
            row += len(segment.ids) + 2
        targets = targets_of_spans(
            np.array(starts, dtype=np.int64),
            np.array(ends, dtype=np.int64),
            np.array(words, dtype=np.int64),
            np.concatenate(original_rows),
            sbo_positions=self._sbo_positions,
        )
        return MicroBatch(
            inputs=pack([*masked_rows, *self._filling(len(packs), row)]),
            targets=targets,
            counts={"mlm": len(targets.mlm_index_K), "sbo": len(targets.sbo_index_J)},
            key=(packs[0].epoch, *packs[0].segments[0].key),
        )

    def _filling(self, packs: int, tokens: int) -> Iterator[IntArray]:
        """Segments of padding that fill what some packs lack; none where they have more."""
        if self._filled is None:
            return
        missing = packs * self._filled.tokens - tokens
        while missing > 0:
            length = min(missing, self._filled.longest)
            yield np.full(length, self._pad, dtype=np.int64)
            missing -= length
