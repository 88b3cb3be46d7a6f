"""The encoder in bfloat16, for prediction on a CPU: weights of half the bytes, and products in bfloat16."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from spanbert.core.errors import InputError
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.hardware import has_bfloat16, resolved_device
from spanbert.encoder.linear import can_pack
from spanbert.encoder.model import Encoder, fill_parameters

_WHOLE = ("norm.weight", "embeddings.position.weight", "embeddings.token_type.weight")  # small


def halved_values(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An encoder's weights as `halved_encoder` reads them: those of products, and words, in bfloat16.

    Args:
        weights: By our names.
    """
    return {
        name: value.bfloat16() if name.endswith(".weight") and not name.endswith(_WHOLE) else value
        for name, value in weights.items()
    }


def halved_encoder(config: EncoderConfig, values: Mapping[str, Tensor], *, where: str) -> Encoder:
    """An encoder in eval mode whose products are bfloat16.

    Args:
        config: Its dimensions.
        values: As `halved_values` gives them.
        where: What they are of, for messages.

    Raises:
        InputError: They are not those of such an encoder, or this processor does not multiply bfloat16.
    """
    require_bfloat16(where)
    encoder = Encoder(config.model_copy(update={"has_pooler": False}))
    fill_parameters(encoder, values, where=where)
    encoder.pack_weights(torch.bfloat16)
    return encoder.eval()


def can_halve() -> bool:
    """Whether this processor multiplies bfloat16, and torch packs weights for that."""
    return has_bfloat16(resolved_device("cpu")) and can_pack()


def require_bfloat16(where: str) -> None:
    """Refuses bfloat16 where the processor does not multiply it.

    Raises:
        InputError: It does not.
    """
    if not can_halve():
        raise InputError(
            "this processor does not multiply bfloat16",
            where=where,
            expected="AVX512-BF16 or AMX",
            remedy="Export with --precision int8, or use the bundle in float32",
        )
