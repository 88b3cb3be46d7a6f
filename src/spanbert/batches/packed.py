"""Laying segments end to end: the only way that a batch is made, for training and for prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spanbert.core.errors import InputError
from spanbert.core.types import IntArray, PackedBatch


def pack(
    sequences: Sequence[Sequence[int] | IntArray], *, token_types: Sequence[Sequence[int] | IntArray] | None = None
) -> PackedBatch:
    """Packs sequences of piece ids, specials included, without padding.

    Args:
        sequences: Ids of each segment; none may be empty.
        token_types: Token type (0 or 1) of each id, of the same shape; None means all 0.

    Returns:
        The batch, the segments in the order given.

    Raises:
        InputError: No segment, an empty one, or token types of another shape.
    """
    lengths = [len(sequence) for sequence in sequences]
    if not lengths or min(lengths) == 0:
        at = lengths.index(0) if lengths else None
        raise InputError(
            "nothing to pack" if at is None else "an empty segment",
            where=None if at is None else f"sequences[{at}]",
            expected="at least one segment of at least one piece",
        )
    token_types_T = None
    if token_types is not None:
        if [len(types) for types in token_types] != lengths:
            raise InputError("token_types differ in shape from the sequences", expected=f"lengths {lengths}")
        token_types_T = np.concatenate([np.asarray(types, dtype=np.int64) for types in token_types])
    return PackedBatch(
        ids_T=np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences]),
        positions_T=np.concatenate([np.arange(length) for length in lengths]),
        cu_seqlens=np.cumsum([0, *lengths], dtype=np.int32),
        longest=max(lengths),
        token_types_T=token_types_T,
    )
