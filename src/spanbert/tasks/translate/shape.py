"""The dimensions of a decoder.

Shapes: V pieces of the vocabulary, W width of the encoder, D width of the decoder, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecoderShape:
    """The dimensions of a decoder.

    Attributes:
        vocabulary: V.
        source: W.
        width: D.
        layers: How many.
        heads: H; divides D.
        feed_forward: Width of the feed-forward layers.
        dropout: After embeddings, attention and feed-forward.
    """

    vocabulary: int
    source: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    dropout: float
