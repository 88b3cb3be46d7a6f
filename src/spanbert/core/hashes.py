"""Equal texts, found by 16 bytes of memory a text: a hash of each text, and one of what it is labelled with.

Shapes: N texts in the order of the file.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanbert.core.types import BoolArray, IntArray

HashArray = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Repeats:
    """Which texts come again.

    Attributes:
        first_N: Place of the first text that is equal to each.
        conflict_N: Whether equal texts are labelled differently.
        differs_N: Whether a text is labelled differently from the first that is equal to it.
    """

    first_N: IntArray
    conflict_N: BoolArray
    differs_N: BoolArray

    @property
    def again_N(self) -> BoolArray:
        """Texts that occurred before with the same label, and have no other label anywhere."""
        again_N: BoolArray = (self.first_N != np.arange(len(self.first_N))) & ~self.conflict_N
        return again_N


class TextHashes:
    """64-bit hashes of texts: among a million texts, two different ones meet with a chance of 3 in 100 million."""

    def __init__(self) -> None:
        self._texts, self._labels = array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str, label: str = "") -> None:
        """Takes in a text and what it is labelled with; white space at its ends does not count."""
        self._texts.append(_hash(text.strip()))
        self._labels.append(_hash(label))

    def repeats(self) -> Repeats:
        """Equal texts; time O(N log N)."""
        texts_N, labels_N = np.array(self._texts, dtype=np.uint64), np.array(self._labels, dtype=np.uint64)
        _, first_of, group_N = np.unique(texts_N, return_index=True, return_inverse=True)
        first_N: IntArray = first_of[group_N].astype(np.int64)
        differs_N = labels_N != labels_N[first_N]
        conflicts = np.zeros(len(first_of), dtype=bool)
        conflicts[group_N[differs_N]] = True
        return Repeats(first_N=first_N, conflict_N=conflicts[group_N], differs_N=differs_N)

    def seen_in(self, others: TextHashes) -> BoolArray:
        """Which texts are among others, (N,)."""
        return np.isin(np.array(self._texts, dtype=np.uint64), np.array(others._texts, dtype=np.uint64))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
