"""The shape of an encoder, and how Hugging Face's config.json says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from spanbert.core.config import Config
from spanbert.core.errors import InputError

_SIZES = {  # layers, hidden size, heads (Turc et al. 2019 for the small ones, Devlin et al. 2019)
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (4, 512, 8),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
}
Size = Literal["tiny", "mini", "small", "base", "large"]
_FIELDS = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "feed_forward_size": "intermediate_size",
    "positions": "max_position_embeddings",
    "token_types": "type_vocab_size",
    "norm_epsilon": "layer_norm_eps",
    "hidden_dropout": "hidden_dropout_prob",
}


class EncoderConfig(Config):
    """BERT's dimensions (Devlin et al. 2019).

    Attributes:
        vocab_size: V.
        hidden_size: D.
        layers: Transformer blocks.
        heads: H, attention heads; divides D.
        feed_forward_size: Width of the feed-forward layer.
        positions: Longest segment.
        token_types: Token types.
        norm_epsilon: Epsilon of the layer norms.
        hidden_dropout: Dropout after embeddings, attention output and feed-forward.
        attention_dropout: Dropout of attention weights; above 0 it takes CPU attention off its fast path.
        has_pooler: Whether a pooler (dense and tanh on [CLS]) comes with the weights.
    """

    vocab_size: int
    hidden_size: int = 768
    layers: int = 12
    heads: int = 12
    feed_forward_size: int = 3072
    positions: int = 512
    token_types: int = 2
    norm_epsilon: float = 1e-12
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.0
    has_pooler: bool = False

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        return self

    @classmethod
    def of_size(cls, size: Size, vocab_size: int) -> Self:
        """One of the usual sizes, for training from scratch."""
        layers, hidden, heads = _SIZES[size]
        return cls(vocab_size=vocab_size, hidden_size=hidden, layers=layers, heads=heads, feed_forward_size=4 * hidden)

    @classmethod
    def from_hugging_face(cls, config: Mapping[str, Any], *, where: str, has_pooler: bool = False) -> Self:
        """Reads config.json.

        Raises:
            InputError: Another family than BERT, or a variant that this encoder does not compute.
        """
        family = config.get("model_type")
        if family != "bert":
            raise InputError(
                "an encoder family that is not supported", where=where, got=repr(family), expected="'bert'"
            )
        unsupported = {
            "hidden_act": ("gelu", "gelu"),
            "position_embedding_type": ("absolute", "absolute"),
            "is_decoder": (False, False),
        }
        for key, (expected, default) in unsupported.items():
            if config.get(key, default) != expected:
                raise InputError(f"{key} is not supported", where=where, got=repr(config[key]), expected=repr(expected))
        missing = [
            theirs for theirs in _FIELDS.values() if theirs not in config and theirs in ("vocab_size", "hidden_size")
        ]
        if missing:
            raise InputError(f"no {missing[0]!r}", where=where)
        values = {ours: config[theirs] for ours, theirs in _FIELDS.items() if theirs in config}
        return cls(**values, has_pooler=has_pooler)

    def to_hugging_face(self, *, architecture: str, pad_id: int) -> dict[str, Any]:
        """Writes config.json."""
        return {
            "architectures": [architecture],
            "model_type": "bert",
            **{theirs: getattr(self, ours) for ours, theirs in _FIELDS.items()},
            "attention_probs_dropout_prob": self.attention_dropout,
            "hidden_act": "gelu",
            "initializer_range": 0.02,
            "pad_token_id": pad_id,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
        }
