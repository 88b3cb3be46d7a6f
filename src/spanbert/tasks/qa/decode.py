"""Start and end logits of a question's windows to its best answers.

Shapes: r rows of a window (the first [CLS], then the context's pieces).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanbert.core.predictions import Answer, Answering


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowLogits:
    """The head's output for one window.

    Attributes:
        first: The text's piece behind row 1.
        logits_r2: Start and end logits, (r, 2).
    """

    first: int
    logits_r2: npt.NDArray[np.float32]


def best_spans(window: WindowLogits, *, candidates: int, longest: int) -> list[tuple[float, int, int]]:
    """The best spans of a window: score (start logit plus end logit), first piece and last piece of the text.

    All of them are looked at, so that there is one in every window with a piece. Cost: pieces times `longest`.

    Args:
        window: Its logits.
        candidates: How many at most.
        longest: Pieces of the longest span.
    """
    start_r, end_r = window.logits_r2[1:, 0], window.logits_r2[1:, 1]
    if not len(start_r):
        return []
    pieces = len(start_r)
    longest = min(longest, pieces)
    score_LR = np.full((longest, pieces), -np.inf, dtype=np.float32)  # by length, by first piece
    for more in range(longest):
        score_LR[more, : pieces - more] = start_r[: pieces - more] + end_r[more:]
    scores = score_LR.ravel()
    chosen = _best(scores, candidates)
    chosen = chosen[np.isfinite(scores[chosen])]
    more_C, first_C = np.divmod(chosen, pieces)
    first_C += window.first
    return list(zip(scores[chosen].tolist(), first_C.tolist(), (first_C + more_C).tolist(), strict=True))


def _best(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Indexes of the highest values, highest first; ties by place."""
    if len(values) > 4 * count:
        values = np.where(values >= np.partition(values, -count)[-count], values, -np.inf)
    return np.argsort(-values, kind="stable")[:count]


def answer_question(
    question: str,
    context: str,
    offsets: npt.NDArray[np.int64],
    windows: Sequence[WindowLogits],
    *,
    candidates: int,
    longest: int,
    threshold: float | None,
) -> Answering:
    """The answer to one question over all its windows.

    Args:
        question: Its id.
        context: The text.
        offsets: First character and character after the last of each piece, (n, 2).
        windows: At least one, unless the context has no pieces.
        candidates: How many answers are kept.
        longest: Pieces of the longest answer.
        threshold: Nats by which no answer must beat the best one to be chosen; None: there is always an answer.

    Returns:
        Candidates with their probability among themselves and, with a threshold, no answer.
    """
    found: dict[tuple[int, int], float] = {}
    for window in windows:
        for score, first, last in best_spans(window, candidates=candidates, longest=longest):
            place = int(offsets[first, 0]), int(offsets[last, 1])
            if place[0] < place[1]:
                found[place] = max(score, found.get(place, score))
    ranked = sorted(found.items(), key=lambda one: (-one[1], one[0]))[:candidates]
    null = min((float(window.logits_r2[0].sum()) for window in windows), default=0.0)
    if not ranked:
        return Answering(question=question, answer=None, candidates=(), null_score=float("inf"))
    scores = np.array([score for _, score in ranked] + ([] if threshold is None else [null]))
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    answers = tuple(
        Answer(text=context[start:end], start=start, end=end, score=float(share))
        for ((start, end), _), share in zip(ranked, shares.tolist(), strict=False)
    )
    null_score = null - ranked[0][1]
    unanswered = threshold is not None and null_score > threshold
    return Answering(
        question=question, answer=None if unanswered else answers[0], candidates=answers, null_score=null_score
    )
