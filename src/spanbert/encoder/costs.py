"""What an encoder costs, from its dimensions alone: parameters, floating-point operations, bytes. Free of torch.

Operations are those of matrix products, a multiply-add being two, as `torch.utils.flop_counter` counts them; what else
is computed (norms, softmax, GELU, dropout) is a few percent of them, and limited by memory. A backward pass takes twice
the forward one: a product for the gradient of each of its two factors.

Symbols: T tokens, L tokens of a segment, D hidden size, F width of the feed-forward layer, H heads.
"""

from __future__ import annotations

from collections.abc import Iterable

from spanbert.encoder.config import EncoderConfig, Precision

FORWARD_AND_BACKWARD = 3  # times the operations of the forward pass
_FLOAT32, _BFLOAT16, _MASK = 4, 2, 1
_STATISTICS = 8  # mean and scale of a norm


def encoder_parameters(config: EncoderConfig) -> int:
    """How many weights an encoder has, embeddings and pooler among them."""
    size = config.hidden_size
    rows = config.vocab_size + config.token_types + (config.positions if config.kind == "transformer" else 0)
    pooler = size * size + size if config.has_pooler else 0
    return rows * size + 2 * size + config.layers * _layer_parameters(config) + pooler


def _layer_parameters(config: EncoderConfig) -> int:
    size, wide = config.hidden_size, config.feed_forward_size
    biases = {"transformer": 5 * size + wide, "bilstm": 17 * size, "cnn": 2 * size}[config.kind]
    norms = 4 * size if config.kind == "transformer" else 2 * size
    return _products_of_a_token(config) + biases + norms


def _products_of_a_token(config: EncoderConfig) -> int:
    """Multiply-adds of a token in the dense layers of one layer, which are as many as its weights in them."""
    size = config.hidden_size
    if config.kind == "bilstm":
        return 18 * size * size
    if config.kind == "cnn":
        return 6 * size * size
    return 4 * size * size + 2 * size * config.feed_forward_size


def encoder_flops(config: EncoderConfig, lengths: Iterable[int]) -> int:
    """Operations of one forward pass.

    Args:
        config: The encoder.
        lengths: Tokens of each segment of the batch.
    """
    counts = list(map(int, lengths))
    dense = config.layers * sum(counts) * _products_of_a_token(config)
    return 2 * (dense + 2 * config.hidden_size * sum(_attended(config, length) for length in counts))


def _attended(config: EncoderConfig, length: int) -> int:
    """Pairs of a token and one that it attends to, of a segment, in all layers together."""
    if config.kind != "transformer":
        return 0
    span = config.attention_span
    if span is None:
        return config.layers * length * length
    shifted = config.layers // 2 if config.attention_span_shift else 0
    first = min(span // 2, length)
    return (config.layers - shifted) * _squares(length, span) + shifted * (first**2 + _squares(length - first, span))


def _squares(length: int, span: int) -> int:
    """The sum of the squares of a length that is cut into spans."""
    whole, rest = divmod(length, span)
    return whole * span * span + rest * rest


def state_bytes(parameters: int, precision: Precision) -> int:
    """Bytes of trained weights, their gradients and AdamW's two moments, all float32; in bfloat16 of a copy as well.

    Args:
        parameters: How many weights.
        precision: Of the matrix products.
    """
    return parameters * (4 * _FLOAT32 + (_BFLOAT16 if precision == "bfloat16" else 0))


def activation_bytes(config: EncoderConfig, precision: Precision, *, checkpointing: bool = False) -> int:
    """Bytes that a Transformer keeps of each token for the backward pass, in training with dropout.

    `float32` is what is kept on a CPU, `bfloat16` on CUDA: there masks take a byte, and what is multiplied two. A
    compiled model keeps less. Heads come on top.

    Args:
        config: A Transformer.
        precision: Of the matrix products.
        checkpointing: One hidden state a layer is kept, and what one layer keeps while it is computed again.
    """
    of_a_layer = _kept_of_a_layer(config, precision)
    mask = _FLOAT32 if precision == "float32" else _MASK
    embeddings = config.hidden_size * (_FLOAT32 + mask) + _STATISTICS
    if not checkpointing:
        return embeddings + config.layers * of_a_layer
    return embeddings + config.layers * config.hidden_size * _FLOAT32 + of_a_layer


def _kept_of_a_layer(config: EncoderConfig, precision: Precision) -> int:
    """What each part of a layer keeps of a token.

    float32:  input 4D; queries, keys, values 12D; attention's output as it is and as rows 8D; two masks 8D; inputs of
              the two norms 8D; input of the feed-forward layer 4D; before and after GELU 8F
    bfloat16: input 2D; queries, keys, values 6D; attention's output 2D; two masks 2D; inputs of the two norms, in
              float32, 8D; input of the feed-forward layer 2D; before and after GELU 4F
    """
    size, wide = config.hidden_size, config.feed_forward_size
    norms_and_sums = 2 * _STATISTICS + _FLOAT32 * config.heads  # attention keeps the scale of each softmax
    if precision == "float32":
        return 44 * size + 8 * wide + norms_and_sums
    return 22 * size + 4 * wide + norms_and_sums


def all_reduce_bytes(parameters: int, ranks: int, *, bytes_each: int = _FLOAT32) -> float:
    """Bytes that each rank sends, and receives, to sum gradients in a ring: 2 (n - 1) / n of them all.

    Args:
        parameters: How many gradients.
        ranks: n.
        bytes_each: Of a gradient.

    Source: Patarasuk and Yuan 2009, Bandwidth optimal all-reduce algorithms for clusters of workstations.
    """
    return 2 * (ranks - 1) / ranks * parameters * bytes_each
