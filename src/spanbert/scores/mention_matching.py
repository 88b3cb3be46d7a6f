"""Mentions of two sides that have the same head word count as the same mention (CRAC 2023 and later)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class HeadedMention(NamedTuple):
    """A mention by its first and last word and its head, numbers of words in the document."""

    first: int
    last: int
    head: int


Clusters = Sequence[Sequence[HeadedMention]]
Matched = list[list[tuple[str, HeadedMention]]]


def matched_by_head(gold: Clusters, predicted: Clusters) -> tuple[Matched, Matched]:
    """Both sides with one name for mentions that match, so that they can be scored like equal mentions.

    Each mention matches one at most: the same words with the same head first, then of those with the same head the
    pairs that share most of the gold mentions' words.

    Args:
        gold: Clusters, those of one mention left out where these do not count.
        predicted: The same.
    """
    of_gold, of_predicted = _by_head(gold), _by_head(predicted)
    names: dict[HeadedMention, HeadedMention] = {}
    for head, theirs in of_predicted.items():
        ours = of_gold.get(head, [])
        same = set(ours).intersection(theirs)
        names |= {mention: mention for mention in same}
        names |= _pairs([one for one in ours if one not in same], [one for one in theirs if one not in same])
    return (
        [[("gold", mention) for mention in cluster] for cluster in gold],
        [
            [("gold", names[mention]) if mention in names else ("predicted", mention) for mention in cluster]
            for cluster in predicted
        ],
    )


def _by_head(clusters: Clusters) -> dict[int, list[HeadedMention]]:
    found: dict[int, list[HeadedMention]] = defaultdict(list)
    for mention in sorted(mention for cluster in clusters for mention in cluster):
        found[mention.head].append(mention)
    return found


def _pairs(gold: Sequence[HeadedMention], predicted: Sequence[HeadedMention]) -> dict[HeadedMention, HeadedMention]:
    """The gold mention of each predicted one, of mentions that have the same head."""
    from scipy.optimize import linear_sum_assignment

    shared = np.array([[_shared(one, other) for other in predicted] for one in gold]).reshape(len(gold), len(predicted))
    rows, columns = linear_sum_assignment(shared, maximize=True)
    return {predicted[column]: gold[row] for row, column in zip(rows.tolist(), columns.tolist(), strict=True)}


def _shared(gold: HeadedMention, predicted: HeadedMention) -> float:
    """The share of the gold mention's words that the other one has."""
    common = min(gold.last, predicted.last) - max(gold.first, predicted.first) + 1
    return common / (gold.last - gold.first + 1)
