"""The shape of an encoder, and how Hugging Face's config.json says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from spanbert.checkpoint.bundle import BundleFiles
from spanbert.checkpoint.names import FAMILIES
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.schema import misfit

_SIZES = {  # layers, hidden size, heads (Turc et al. 2019 for the small ones, Devlin et al. 2019)
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (4, 512, 8),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
}
Size = Literal["tiny", "mini", "small", "base", "large"]
Kind = Literal["transformer", "bilstm", "cnn"]
Precision = Literal["float32", "bfloat16"]  # of the matrix products
_BASELINES: dict[str, Kind] = {"spanbert-bilstm": "bilstm", "spanbert-cnn": "cnn"}  # model_type of config.json
_BASELINE_POSITIONS = 8192  # no table limits them, but a tokenizer states some longest text
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
    "stated_attention_dropout": "attention_probs_dropout_prob",
}
_SHORTEST_SEGMENT = 3  # a piece between two special tokens
_OURS = ("attention_span", "attention_span_shift")  # keys of config.json that Hugging Face does not know


class EncoderConfig(Config):
    """The dimensions of a BERT or RoBERTa encoder (Devlin et al. 2019, Liu et al. 2019), or of a baseline.

    Attributes:
        kind: What its layers are; the baselines `bilstm` and `cnn` (`encoder.baselines`) have no position table, no
            attention, and no name in Hugging Face's library.
        family: Which family its weights are of.
        vocab_size: V.
        hidden_size: D.
        layers: Transformer blocks, or layers of a baseline.
        heads: H, attention heads; divides D.
        feed_forward_size: Width of the feed-forward layer.
        positions: Rows of the position table; without one, the longest segment.
        position_offset: Row of the first token: RoBERTa leaves out the rows up to its padding id.
        token_types: Token types.
        norm_epsilon: Epsilon of the layer norms.
        hidden_dropout: Dropout after embeddings, attention output and feed-forward.
        attention_dropout: Dropout of attention weights; above 0 it takes CPU attention off its fast path.
        stated_attention_dropout: The value in config.json, kept for training the model elsewhere.
        has_pooler: Whether a pooler (dense and tanh on [CLS]) comes with the weights.
        attention_span: w, tokens attend only within consecutive spans of w tokens of their segment, at a cost linear in
            the length; None means full attention.
        attention_span_shift: Move the spans by half of w on every other layer, so that neighbours meet.
    """

    kind: Kind = "transformer"
    family: Literal["bert", "roberta", "xlm-roberta"] = "bert"
    vocab_size: int = Field(ge=1, lt=1 << 31)  # the largest sizes are those at which sums of bytes are still numbers
    hidden_size: int = Field(default=768, ge=1, le=1 << 20)
    layers: int = Field(default=12, ge=1, le=10_000)
    heads: int = Field(default=12, ge=1)
    feed_forward_size: int = Field(default=3072, ge=1, le=1 << 24)
    positions: int = Field(default=512, ge=1, lt=1 << 31)
    position_offset: int = Field(default=0, ge=0)
    token_types: int = Field(default=2, ge=1, le=1 << 16)
    norm_epsilon: float = Field(default=1e-12, gt=0, le=1)
    hidden_dropout: float = Field(default=0.1, ge=0, lt=1)
    attention_dropout: float = Field(default=0.0, ge=0, lt=1)
    stated_attention_dropout: float = Field(default=0.1, ge=0, le=1)
    has_pooler: bool = False
    attention_span: int | None = Field(default=None, ge=2)
    attention_span_shift: bool = True

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        if self.attention_span is not None and self.kind != "transformer":
            raise ValueError(f"attention_span {self.attention_span} of a {self.kind}, which has no attention")
        if self.longest_segment < _SHORTEST_SEGMENT:
            raise ValueError(
                f"{self.positions} positions, the first {self.position_offset} of them left out, are too few for a text"
            )
        return self

    @property
    def longest_segment(self) -> int:
        """Tokens of the longest segment there are positions for."""
        return self.positions - self.position_offset

    def changed(self, **changes: object) -> Self:
        """The same with some settings changed, checked again.

        Raises:
            InputError: A change that does not fit the rest.
        """
        try:
            return type(self).model_validate({**self.model_dump(), **changes})
        except ValidationError as error:
            raise InputError(
                "settings that do not fit together",
                where=f"encoder ({', '.join(changes)})",
                got=error.errors()[0]["msg"].removeprefix("Value error, "),
            ) from None

    @classmethod
    def of_size(cls, size: Size, vocab_size: int, kind: Kind = "transformer") -> Self:
        """One of the usual sizes, for training from scratch; a baseline of a size has about as many weights.

        Raises:
            InputError: No such size.
        """
        if size not in _SIZES:
            raise InputError("no such size", where="size", got=repr(size), expected=", ".join(_SIZES))
        layers, hidden, heads = _SIZES[size]
        shape = cls(vocab_size=vocab_size, hidden_size=hidden, layers=layers, heads=heads, feed_forward_size=4 * hidden)
        if kind == "transformer":
            return shape
        layers = max(1, round(layers * 2 / 3)) if kind == "bilstm" else 2 * layers
        return shape.model_copy(update={"kind": kind, "layers": layers, "positions": _BASELINE_POSITIONS})

    @classmethod
    def of_bundle(cls, files: BundleFiles) -> Self:
        """The dimensions of the encoder of a bundle or a Hugging Face directory; see `from_hugging_face`."""
        return cls.from_hugging_face(files.config, where=str(files.path / "config.json"))

    @classmethod
    def from_hugging_face(cls, config: Mapping[str, Any], *, where: str) -> Self:
        """Reads config.json.

        Raises:
            InputError: Another family than BERT, or a variant that this encoder does not compute.
        """
        model_type = config.get("model_type", "bert")  # the oldest checkpoints do not say
        kind = _BASELINES.get(model_type, "transformer")
        family: Any = "bert" if model_type in _BASELINES else model_type
        if family not in FAMILIES:
            raise InputError(
                "an encoder family that is not supported",
                where=where,
                got=repr(family),
                expected=" or ".join(map(repr, FAMILIES)),
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
        fields = {**_FIELDS, **{name: name for name in _OURS}}
        values = {ours: config[theirs] for ours, theirs in fields.items() if theirs in config}
        pad = config.get("pad_token_id")
        offset = 0 if family == "bert" else (1 if pad is None else pad) + 1
        stated = {**values, "kind": kind, "family": family, "position_offset": offset}
        try:
            return cls.model_validate(stated, strict=True)
        except ValidationError as error:
            raise misfit(error, where, names=fields) from None

    def to_hugging_face(self, *, special: Mapping[str, int]) -> dict[str, Any]:
        """Writes config.json of encoder and MLM head; `special` gives the ids of the tokenizer's special tokens."""
        return {
            **(
                {"architectures": [FAMILIES[self.family].masked_lm], "model_type": self.family}
                if self.kind == "transformer"
                else {"model_type": f"spanbert-{self.kind}"}
            ),
            **{theirs: getattr(self, ours) for ours, theirs in _FIELDS.items()},
            **({name: getattr(self, name) for name in _OURS} if self.attention_span else {}),
            "hidden_act": "gelu",
            "initializer_range": 0.02,
            "pad_token_id": special["pad"],
            **({} if self.family == "bert" else {"bos_token_id": special["cls"], "eos_token_id": special["sep"]}),
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
        }
