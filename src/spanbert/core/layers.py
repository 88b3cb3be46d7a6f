"""Spans that overlap, in layers that hold none that do."""

from __future__ import annotations

from collections.abc import Sequence

from spanbert.core.types import Span, outer_first


def overlap_free_layers(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans in as few layers as keep the spans of each apart, outer ones first.

    Args:
        spans: Spans that may nest or cross.

    Returns:
        The layers, each in text order; one empty layer where there are no spans. Cost: spans times layers.
    """
    layers: list[list[Span]] = [[]]
    for span in sorted(spans, key=outer_first):
        free = next((layer for layer in layers if not layer or layer[-1].end <= span.start), None)
        if free is None:
            free = []
            layers.append(free)
        free.append(span)
    return layers
