"""What span pre-training costs, from the dimensions of the model alone; see `encoder.costs` for what is counted.

Symbols: D hidden size, V vocabulary, K masked pieces, J of them with an SBO target, P size of SBO positions.
"""

from __future__ import annotations

from collections.abc import Iterable

from spanbert.encoder.config import EncoderConfig, Precision
from spanbert.encoder.costs import FORWARD_AND_BACKWARD, encoder_flops, encoder_parameters

SPECIALS = 2  # tokens of a segment that are no pieces of text, and are not masked
POSITIONS, POSITION_SIZE = 20, 200  # defaults of the span-boundary objective


def model_parameters(
    config: EncoderConfig, *, sbo_positions: int = POSITIONS, sbo_position_size: int = POSITION_SIZE
) -> int:
    """How many weights are trained: those of the encoder, and of the two heads (without `sbo_positions`, of one).

    The heads' decoders are the word embeddings, which count once.
    """
    size, pooler = config.hidden_size, config.model_copy(update={"has_pooler": False})
    mlm = size * size + 3 * size + config.vocab_size
    sbo = (
        sbo_positions * sbo_position_size
        + (2 * size + sbo_position_size) * size
        + size * size
        + 6 * size
        + config.vocab_size
    )
    return encoder_parameters(pooler) + mlm + (sbo if sbo_positions else 0)


def head_flops(
    config: EncoderConfig, *, mlm_rows: float, sbo_rows: float, sbo_position_size: int = POSITION_SIZE
) -> float:
    """Operations of a forward pass of the two heads, which read the rows of their targets alone.

    Args:
        config: The encoder.
        mlm_rows: K.
        sbo_rows: J; 0 without the span-boundary objective.
        sbo_position_size: P.
    """
    size, decoder = config.hidden_size, config.hidden_size * config.vocab_size
    mlm = size * size + decoder
    sbo = (2 * size + sbo_position_size) * size + size * size + decoder
    return 2 * (mlm_rows * mlm + sbo_rows * sbo)


def step_flops(
    config: EncoderConfig,
    lengths: Iterable[int],
    *,
    mlm_rows: float,
    sbo_rows: float,
    sbo_position_size: int = POSITION_SIZE,
) -> float:
    """Operations of a step, forward and backward, that trains all weights: the FLOPs of model-FLOP utilisation.

    What checkpointing computes again does not count.

    Args:
        config: The encoder.
        lengths: Tokens of each segment of the step.
        mlm_rows: K, of the whole step.
        sbo_rows: J, of the whole step.
        sbo_position_size: P.
    """
    heads = head_flops(config, mlm_rows=mlm_rows, sbo_rows=sbo_rows, sbo_position_size=sbo_position_size)
    return FORWARD_AND_BACKWARD * (encoder_flops(config, lengths) + heads)


def flops_per_token(
    config: EncoderConfig,
    *,
    segment_length: int,
    masked: float = 0.15,
    sbo: bool = True,
    sbo_position_size: int = POSITION_SIZE,
) -> float:
    """Operations of a token of a step, forward and backward, as they are to be expected.

    Args:
        config: The encoder.
        segment_length: Tokens of every segment, specials included.
        masked: Share of the pieces that are targets, of both objectives.
        sbo: Whether there is a span-boundary objective.
        sbo_position_size: P.
    """
    rows = masked * max(segment_length - SPECIALS, 0)
    whole = step_flops(
        config, [segment_length], mlm_rows=rows, sbo_rows=rows if sbo else 0, sbo_position_size=sbo_position_size
    )
    return whole / segment_length


def head_bytes(config: EncoderConfig, precision: Precision, *, mlm_rows: float, sbo_rows: float) -> float:
    """Bytes of the largest that the heads hold at once: probabilities (K, V), and logits and probabilities (J, V).

    Args:
        config: The encoder.
        precision: Of the matrix products; softmax is float32 in any.
        mlm_rows: K.
        sbo_rows: J.
    """
    kept = 4 if precision == "float32" else 2
    return config.vocab_size * (mlm_rows * kept + sbo_rows * 8)
