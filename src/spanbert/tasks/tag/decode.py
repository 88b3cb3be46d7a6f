"""From scores of tags to the best legal tags.

Shapes: W words, L tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spanbert.core.tagging import Scheme, is_legal_step
from spanbert.core.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Steps:
    """Which tags may follow each other in a scheme.

    Attributes:
        between_LL: Whether the column's tag may follow the row's.
        begins_L: Whether a sentence may begin with a tag.
        ends_L: Whether it may end with it.
    """

    between_LL: BoolArray
    begins_L: BoolArray
    ends_L: BoolArray

    @classmethod
    def of(cls, tags: Sequence[str], scheme: Scheme) -> Steps:
        """The steps between the tags of a model."""
        return cls(
            between_LL=np.array([[is_legal_step(a, b, scheme) for b in tags] for a in tags], dtype=bool),
            begins_L=np.array([is_legal_step("O", tag, scheme) for tag in tags], dtype=bool),
            ends_L=np.array([is_legal_step(tag, "O", scheme) for tag in tags], dtype=bool),
        )


def best_legal_tags(scores_WL: FloatArray, steps: Steps) -> IntArray:
    """The legal sequence of tags with the highest sum of scores (Viterbi).

    Where the best tag of every word makes a legal sequence, it is the answer; only other sentences need the search.

    Args:
        scores_WL: Log probabilities, (W, L).
        steps: What is legal.

    Returns:
        Index of each word's tag, (W,).
    """
    best_W: IntArray = scores_WL.argmax(1)
    if not len(best_W):
        return best_W
    inner = steps.between_LL[best_W[:-1], best_W[1:]].all()
    if inner and steps.begins_L[best_W[0]] and steps.ends_L[best_W[-1]]:
        return best_W
    forbidden_LL = np.where(steps.between_LL, 0.0, -np.inf)
    before_WL = np.zeros(scores_WL.shape, dtype=np.int64)
    total_L = np.where(steps.begins_L, scores_WL[0], -np.inf)
    for word in range(1, len(scores_WL)):
        through_LL = total_L[:, None] + forbidden_LL
        before_WL[word] = through_LL.argmax(0)
        total_L = through_LL.max(0) + scores_WL[word]
    tags = [int(np.where(steps.ends_L, total_L, -np.inf).argmax())]
    for word in range(len(scores_WL) - 1, 0, -1):
        tags.append(int(before_WL[word][tags[-1]]))
    return np.array(tags[::-1], dtype=np.int64)
