"""The encoder in int8, for prediction on a CPU: from the weights of a model, and from what is stored of it.

A layer rounds what its products read three times: before queries, keys and values, before the output of attention, and
before the feed-forward; what lies between the two products of that one is rounded by the first of them, unless it has
factors. Attention is float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spanbert.checkpoint import tensors
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.core.errors import InputError
from spanbert.core.types import OutputArray
from spanbert.encoder.blocks import Block, FeedForward, SelfAttention
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.graph_layers import require_exportable
from spanbert.encoder.halved import halved_encoder
from spanbert.encoder.int8_layers import Int8Embedding, Int8Linear, require_int8
from spanbert.encoder.linear import Linear
from spanbert.encoder.model import Encoder, fill_parameters
from spanbert.encoder.rounding import Grid, Range, Weights, grid_over, rounded_table, rounded_weight

_WORDS = "embeddings.word.weight"
_STEPS, _STEP, _ZERO = "steps", "input.step", "input.zero"  # after the name of a table or of a product
_FACTORS = "input.factors"


def int8_values(
    weights: Weights, ranges: Mapping[str, Range], factors: Mapping[str, OutputArray] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """An encoder's weights as `int8_encoder` reads them.

    Args:
        weights: By our names.
        ranges: Of what each product reads that is to be int8, once it is multiplied by its factors.
        factors: Of some of these products; see `Graph`.
    """
    factors = factors or {}
    found: dict[str, npt.NDArray[Any]] = {}
    for name, value in weights.items():
        product = name.removesuffix(".weight")
        if name == _WORDS:
            found[name], found[f"{_WORDS}.{_STEPS}"] = rounded_table(value)
        elif name.endswith(".weight") and product in ranges:
            if product in factors:
                found[f"{product}.{_FACTORS}"] = factors[product]
                value = value / factors[product]
            found[name], found[f"{name}.{_STEPS}"] = rounded_weight(value)
            step, zero = grid_over(ranges[product])
            found[f"{product}.{_STEP}"] = np.array([step], dtype=np.float32)
            found[f"{product}.{_ZERO}"] = np.array([zero], dtype=np.int32)
        else:
            found[name] = value
    return found


def int8_encoder(config: EncoderConfig, values: Mapping[str, Tensor], *, where: str) -> Encoder:
    """An encoder in eval mode that predicts in int8, its other products packed.

    Args:
        config: Its dimensions.
        values: As `int8_values` gives them.
        where: What they are of, for messages.

    Raises:
        InputError: They are not those of such an encoder, or torch has no int8 products here.
    """
    require_int8(where)
    encoder = Encoder(config.model_copy(update={"has_pooler": False}))
    left = dict(values)
    word = encoder.embeddings.word
    table = _taken(left, _WORDS, tuple(word.weight.shape), torch.int8, where=where)
    steps_V1 = _taken(left, f"{_WORDS}.{_STEPS}", (len(table), 1), torch.float32, where=where)
    encoder.embeddings.word = Int8Embedding(table, steps_V1)
    for name, part, layer in _products(encoder):
        if f"{name}.{_STEP}" in left:
            is_last = name.startswith(f"blocks.{config.layers - 1}.attention.input")
            setattr(part, layer, _product(left, name, getattr(part, layer), is_last=is_last, where=where))
    for block in encoder.blocks:
        assert isinstance(block, Block)
        wide, narrow = block.feed_forward.input, block.feed_forward.output
        if isinstance(wide, Int8Linear) and isinstance(narrow, Int8Linear) and not narrow.has_factors:
            wide.following = narrow.grid
    fill_parameters(encoder, left, where=where)
    encoder.pack_weights()
    return encoder.eval()


def load_exported_encoder(files: BundleFiles) -> Encoder:
    """The encoder of an exported model that torch runs, in eval mode.

    Raises:
        InputError: See `int8_encoder` and `halved_encoder`.
    """
    config = EncoderConfig.of_bundle(files)
    require_exportable(config, where=str(files.path))
    made = halved_encoder if files.manifest["export"]["precision"] == "bfloat16" else int8_encoder
    return made(config, tensors.read_tensors(files.exported), where=str(files.exported))


def _products(encoder: Encoder) -> Iterator[tuple[str, SelfAttention | FeedForward, str]]:
    """The products of the layers: their names, what has them, and under which name."""
    for number, block in enumerate(encoder.blocks):
        assert isinstance(block, Block)
        for part_name, part in (("attention", block.attention), ("feed_forward", block.feed_forward)):
            for layer in ("input", "output"):
                yield f"blocks.{number}.{part_name}.{layer}", part, layer


def _product(values: dict[str, Tensor], name: str, layer: Linear, *, is_last: bool, where: str) -> Int8Linear:
    """A product, whose tensors are taken out of the others; the last attention asks for queries alone."""
    outputs, inputs = layer.out_features, layer.in_features

    def own(part: str, shape: tuple[int, ...], kind: torch.dtype) -> Tensor:
        return _taken(values, f"{name}.{part}", shape, kind, where=where)

    return Int8Linear(
        own("weight", (outputs, inputs), torch.int8),
        own(f"weight.{_STEPS}", (outputs,), torch.float32),
        own("bias", (outputs,), torch.float32),
        Grid(float(own(_STEP, (1,), torch.float32)), int(own(_ZERO, (1,), torch.int32))),
        factors_I=own(_FACTORS, (inputs,), torch.float32) if f"{name}.{_FACTORS}" in values else None,
        cuts=(inputs,) if is_last else (),
    )


def _taken(values: dict[str, Tensor], name: str, shape: tuple[int, ...], kind: torch.dtype, *, where: str) -> Tensor:
    """A tensor, which is taken out of the others.

    Raises:
        InputError: There is none, or it is of another shape or type.
    """
    if name not in values:
        raise InputError(f"the weights lack tensor {name!r}", where=where)
    found = values.pop(name)
    if (tuple(found.shape), found.dtype) != (shape, kind):
        raise InputError(
            f"tensor {name!r} has another shape or type",
            where=where,
            got=f"{tuple(found.shape)}, {found.dtype}",
            expected=f"{shape}, {kind}",
        )
    return found
