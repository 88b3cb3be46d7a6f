"""A translation bundle as a model of CTranslate2, through its public specifications.

The encoder is BERT's: the only token type is part of the positions. All norms have the encoder's epsilon.

Shapes: P positions, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.rounding import Weights
from spanbert.inference.translator import piece_names
from spanbert.tasks.head import GeneratingHead


def write_translator(
    directory: Path,
    config: EncoderConfig,
    encoder: Weights,
    head: GeneratingHead[Any],
    *,
    longest: int,
    precision: str,
) -> None:
    """Writes a model that `ctranslate2.Translator` reads.

    Args:
        directory: To be made.
        config: The encoder's dimensions.
        encoder: Its weights, by our names.
        head: What writes.
        longest: Pieces of a translation at most.
        precision: Of its weights, `float32` or `int8`.
    """
    from ctranslate2.specs import TransformerSpec

    own = {name: value.copy() for name, value in encoder.items()}  # CTranslate2 rounds in place
    spec = TransformerSpec(
        _encoder(config, own), head.ctranslate2_decoder(epsilon=config.norm_epsilon, longest=longest)
    )
    spec.register_source_vocabulary(piece_names(config.vocab_size))
    spec.register_target_vocabulary(piece_names(len(head.may_write_V)))
    begin, end = piece_names(2)
    stated = {"bos_token": begin, "eos_token": end, "unk_token": begin, "decoder_start_token": begin}
    for key, value in {**stated, "add_source_bos": False, "add_source_eos": False}.items():
        setattr(spec.config, key, value)
    spec.config.layer_norm_epsilon = config.norm_epsilon
    spec.validate()
    spec.optimize(quantization=precision)
    directory.mkdir(parents=True)
    spec.save(str(directory))


def _encoder(config: EncoderConfig, weights: Weights) -> Any:
    from ctranslate2.specs import common_spec
    from ctranslate2.specs.transformer_spec import TransformerEncoderSpec

    spec = TransformerEncoderSpec(
        config.layers,
        config.heads,
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
    )
    spec.scale_embeddings = False
    spec.embeddings[0].weight = weights["embeddings.word.weight"]
    table_PD = weights["embeddings.position.weight"][config.position_offset :]
    spec.position_encodings.encodings = table_PD + weights["embeddings.token_type.weight"][0]
    _norm(spec.layernorm_embedding, weights, "embeddings.norm")
    for number, layer in enumerate(spec.layer):
        name = f"blocks.{number}"
        _product(layer.self_attention.linear[0], weights, f"{name}.attention.input")
        _product(layer.self_attention.linear[1], weights, f"{name}.attention.output")
        _norm(layer.self_attention.layer_norm, weights, f"{name}.attention.norm")
        _product(layer.ffn.linear_0, weights, f"{name}.feed_forward.input")
        _product(layer.ffn.linear_1, weights, f"{name}.feed_forward.output")
        _norm(layer.ffn.layer_norm, weights, f"{name}.feed_forward.norm")
    return spec


def _product(spec: Any, weights: Weights, name: str) -> None:
    spec.weight, spec.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _norm(spec: Any, weights: Weights, name: str) -> None:
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
