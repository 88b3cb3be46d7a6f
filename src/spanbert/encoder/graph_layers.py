"""The encoder as an ONNX graph: padded windows to the hidden states of the rows that heads read.

Shapes: S windows of n tokens with padding, R rows of S n that are read, D hidden size, H heads, d = D / H.
"""

from __future__ import annotations

import math

import numpy as np

from spanbert.core.errors import InputError
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.graph import Graph
from spanbert.encoder.rounding import Weights

IDS, MASK, TYPES, ROWS = "ids", "mask", "token_types", "rows"
_FAR = -1e9  # of a score that attends to padding


def require_exportable(config: EncoderConfig, *, where: str) -> None:
    """Refuses encoders whose graph is not written here.

    Raises:
        InputError: A baseline, or attention within spans.
    """
    got = None
    if config.kind != "transformer":
        got = f"the baseline {config.kind}"
    elif config.attention_span is not None:
        got = f"attention within spans of {config.attention_span} tokens"
    if got is not None:
        raise InputError("an encoder that cannot be exported yet", where=where, got=got, expected="BERT or RoBERTa")


def add_encoder(graph: Graph, config: EncoderConfig, weights: Weights) -> str:
    """Adds the encoder; gives the hidden states of the rows that are read, (R, D).

    Its inputs are `ids` (S, n), `mask` (S, n), 1 where there is a token, `token_types` (S, n), and `rows` (R,) of the
    windows laid end to end with their padding. The last layer computes attention for all and the rest for these rows.

    Args:
        graph: Where to.
        config: The encoder's dimensions.
        weights: By our names.
    """
    ids, mask, types = (graph.input(name, ("windows", "tokens")) for name in (IDS, MASK, TYPES))
    rows = graph.input(ROWS, ("rows",))
    hidden = _embedded(graph, config, weights, ids, types)
    bias = _bias(graph, mask)
    for number in range(config.layers):
        name = f"blocks.{number}"
        attended = _attended(graph, config, weights, f"{name}.attention", hidden, bias)
        if number == config.layers - 1:
            flat = (graph.shaped(one, (-1, config.hidden_size)) for one in (attended, hidden))
            attended, hidden = (graph.gather(one, rows) for one in flat)
        hidden = _finished(graph, config, weights, name, attended, hidden)
    return hidden


def _embedded(graph: Graph, config: EncoderConfig, weights: Weights, ids: str, types: str) -> str:
    word = graph.embedding("embeddings.word", weights["embeddings.word.weight"], ids)
    kind = graph.gather(graph.constant("embeddings.token_type", weights["embeddings.token_type.weight"]), types)
    table = graph.constant("embeddings.position", weights["embeddings.position.weight"][config.position_offset :])
    size = graph.add("Shape", ids, start=1, end=2)
    first = graph.constant("first", np.zeros(1, dtype=np.int64))
    position = graph.add("Slice", table, first, size, first)
    return graph.norm(
        graph.add("Add", graph.add("Add", word, position), kind), "embeddings.norm", weights, config.norm_epsilon
    )


def _bias(graph: Graph, mask: str) -> str:
    """What is added to the scores: 0, or very little where there is padding, (S, 1, 1, n)."""
    axes = graph.constant("axes_1_2", np.array([1, 2], dtype=np.int64))
    present = graph.add("Cast", graph.add("Unsqueeze", mask, axes), to=1)
    one, far = (
        graph.constant("one", np.array(1, dtype=np.float32)),
        graph.constant("far", np.array(_FAR, dtype=np.float32)),
    )
    found: str = graph.add("Mul", graph.add("Sub", one, present), far)
    return found


def _attended(graph: Graph, config: EncoderConfig, weights: Weights, name: str, hidden: str, bias: str) -> str:
    """What every token gets from the others, (S, n, D)."""
    size = config.hidden_size // config.heads
    scaled = dict(weights)
    for part in ("weight", "bias"):  # queries by 1 / sqrt(d)
        own = scaled[f"{name}.input.{part}"].copy()
        own[: config.hidden_size] /= np.float32(math.sqrt(size))
        scaled[f"{name}.input.{part}"] = own
    parts = graph.add("Split", graph.linear(hidden, f"{name}.input", scaled), count=3, axis=-1, num_outputs=3)
    query, key, value = (
        graph.add("Transpose", graph.shaped(part, (0, 0, config.heads, size)), perm=perm)
        for part, perm in zip(parts, ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3)), strict=True)
    )
    scores = graph.add("Add", graph.add("MatMul", query, key), bias)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    return graph.shaped(graph.add("Transpose", mixed, perm=(0, 2, 1, 3)), (0, 0, config.hidden_size))


def _finished(graph: Graph, config: EncoderConfig, weights: Weights, name: str, attended: str, hidden: str) -> str:
    """What follows attention, token by token."""
    update = graph.linear(attended, f"{name}.attention.output", weights)
    hidden = graph.norm(graph.add("Add", hidden, update), f"{name}.attention.norm", weights, config.norm_epsilon)
    wide = graph.gelu(graph.linear(hidden, f"{name}.feed_forward.input", weights))
    update = graph.linear(wide, f"{name}.feed_forward.output", weights)
    return graph.norm(graph.add("Add", hidden, update), f"{name}.feed_forward.norm", weights, config.norm_epsilon)
