"""The decoder as CTranslate2's public specifications have it.

CTranslate2 has one epsilon for all norms of a model, that of the encoder; those of the decoder have torch's. The stream
of the decoder, which only norms read, is therefore multiplied by the root of the ratio: norm_e(x) = norm_(c c e)(c x).

Shapes: P positions, D width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spanbert.core.types import OutputArray
from spanbert.tasks.translate.decoder import Decoder, positions

_INTO_THE_STREAM = ("self_output", "source_output", "output")
_Arrays = Mapping[str, OutputArray]


def decoder_spec(decoder: Decoder, *, epsilon: float, longest: int) -> Any:
    """A `ctranslate2.specs.TransformerDecoderSpec`.

    Args:
        decoder: The decoder.
        epsilon: Of all norms of the model.
        longest: Pieces of a translation at most.
    """
    from ctranslate2.specs import common_spec
    from ctranslate2.specs.transformer_spec import TransformerDecoderSpec

    shape, factor = decoder.shape, math.sqrt(epsilon / decoder.norm.eps)
    weights = dict(_scaled(decoder.state_dict(), factor))
    spec = TransformerDecoderSpec(shape.layers, shape.heads, pre_norm=True, activation=common_spec.Activation.GELU)
    spec.start_from_zero_embedding = False
    spec.scale_embeddings = np.float32(factor * math.sqrt(shape.width))
    spec.embeddings.weight = weights["word.weight"]
    spec.position_encodings.encodings = np.float32(factor) * positions(torch.arange(longest), shape.width).numpy()
    spec.projection.weight, spec.projection.bias = weights["word.weight"], weights["bias"]
    _norm(spec.layer_norm, weights, "norm")
    for number, layer in enumerate(spec.layer):
        name = f"blocks.{number}"
        _norm(layer.self_attention.layer_norm, weights, f"{name}.norm_self")
        _norm(layer.attention.layer_norm, weights, f"{name}.norm_source")
        _norm(layer.ffn.layer_norm, weights, f"{name}.norm_forward")
        for products, parts in (
            (layer.self_attention.linear, ("self_input", "self_output")),
            (layer.attention.linear, ("source_query", "source_input", "source_output")),
            ([layer.ffn.linear_0, layer.ffn.linear_1], ("input", "output")),
        ):
            for product, part in zip(products, parts, strict=True):
                product.weight, product.bias = weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"]
    return spec


def _scaled(weights: Mapping[str, Tensor], factor: float) -> Iterator[tuple[str, OutputArray]]:
    """The weights of the decoder whose stream is so many times as large."""
    for name, value in weights.items():
        array = value.float().numpy().copy()  # CTranslate2 rounds in place
        is_scaled = name.startswith("blocks.") and name.split(".")[2] in _INTO_THE_STREAM
        yield name, array * np.float32(factor) if is_scaled else array


def _norm(spec: Any, weights: _Arrays, name: str) -> None:
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
