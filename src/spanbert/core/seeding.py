"""Keyed seeding: every random draw has a name, so that no draw depends on the order of another.

A mask drawn under the key (seed, "mask", epoch, shard, document, start) is the same on any number of
workers and ranks and after a resume, because nothing but the key decides it.
"""

from __future__ import annotations

import hashlib

import numpy as np

Part = int | str


def keyed_seed(*parts: Part) -> int:
    """A 63-bit seed that depends on all the parts and on nothing else.

    Args:
        parts: The name of the draw, such as `(seed, "dropout", step)`.

    Returns:
        An integer in [0, 2**63), usable by numpy and by torch.
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def keyed_generator(*parts: Part) -> np.random.Generator:
    """A numpy generator of its own for one named draw (counter-based, about 10 microseconds to make).

    Args:
        parts: As in `keyed_seed`.
    """
    return np.random.Generator(np.random.Philox(key=keyed_seed(*parts)))


def keyed_fraction(*parts: Part) -> float:
    """A number in [0, 1) decided by the key alone: for choosing a stable share of things by their names."""
    return keyed_seed(*parts) / 2.0**63
