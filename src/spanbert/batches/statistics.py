"""What masking does to a store, before any time is spent on training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

from spanbert.batches.masking import MaskedSegment, MaskingConfig, SpanMasker
from spanbert.batches.plan import PackingPlan, Segment
from spanbert.core.seeding import keyed_generator
from spanbert.tokens.store import TokenStore


def masking_statistics(
    store: TokenStore, options: MaskingConfig, *, segment_length: int = 128, segments: int = 2000
) -> dict[str, Any]:
    """Masks segments of the train split as the first epoch would, and counts.

    Args:
        store: The token store.
        options: Scheme and budget.
        segment_length: Tokens of a segment, specials included.
        segments: How many segments at most.

    Returns:
        `segments`, `pieces`, `share_masked`, `spans_a_segment`, `fates` (shares of [MASK], random, kept),
        `words_a_span` (share of each length), `mean_words`.
    """
    plan = PackingPlan(store, segment_length=segment_length, pack_tokens=max(4096, segment_length))
    masker = SpanMasker(store.tokenizer(), options)
    drawn = islice((segment for pack in plan.epoch_packs(0) for segment in pack.segments), segments)
    return summarise(
        (
            segment,
            masker.mask(
                segment.ids, segment.word_starts, keyed_generator(0, "mask", 0, *segment.key), entities=segment.entities
            ),
        )
        for segment in drawn
    )


def summarise(masked: Iterable[tuple[Segment, MaskedSegment]]) -> dict[str, Any]:
    """The counts of `masking_statistics` over masked segments."""
    segments = pieces = hidden = 0
    fates: Counter[str] = Counter()
    words: Counter[int] = Counter()
    for segment, result in masked:
        segments += 1
        pieces += len(segment.ids)
        hidden += sum(end - start for start, end in result.spans)
        fates.update(result.replacements)
        words.update(result.span_words)
    spans = sum(fates.values())
    return {
        "segments": segments,
        "pieces": pieces,
        "share_masked": hidden / pieces,
        "spans_a_segment": spans / segments,
        "fates": {fate: fates[fate] / spans for fate in ("mask", "random", "keep")},
        "words_a_span": {str(length): count / spans for length, count in sorted(words.items())},
        "mean_words": sum(length * count for length, count in words.items()) / spans,
    }
