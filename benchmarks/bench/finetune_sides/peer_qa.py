"""Extractive question answering with `transformers`, as its good users write it: windows, answer places, best spans.

`transformers` 5 has no question-answering pipeline any more; the two ways to predict are one window a pass, and batches
of windows of like length. Both choose the answer as that pipeline did: the best sum of a start's and an end's logit,
over the 20 best of each, at most 30 pieces long, over all windows of the context.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch

from benchmarks.bench.finetune_sides.peer import (
    Feature,
    Predicted,
    Recipe,
    TrainedPeer,
    by_length,
    fit,
    load_peer,
    ready,
    timed,
    tokenised,
)
from spanbert.core.types import Document, FloatArray

WINDOW, OVERLAP = 384, 128  # pieces
_BEST = 20
_LONGEST_ANSWER = 30


@dataclass(frozen=True, kw_only=True)
class SquadExample:
    """A question of SQuAD.

    Attributes:
        question: Its text.
        context: The text that holds the answer.
        start: First character of the answer in the context.
        end: Character after the last.
    """

    question: str
    context: str
    start: int
    end: int


def squad_examples(documents: Iterable[Document]) -> list[SquadExample]:
    """The questions of paragraphs, each with its first answer; those without one are left out.

    Args:
        documents: From `corpus.squad.read_squad`.
    """
    return [
        SquadExample(
            question=question.text,
            context=document.text,
            start=question.answers[0].start,
            end=question.answers[0].end,
        )
        for document in documents
        for question in document.questions or ()
        if question.answers
    ]


def train_reader(
    model_dir: Path,
    examples: Sequence[SquadExample],
    *,
    window: int = WINDOW,
    overlap: int = OVERLAP,
    **recipe: Unpack[Recipe],
) -> TrainedPeer:
    """Fine-tunes `AutoModelForQuestionAnswering` on all windows; one without the answer points at its first piece.

    Args:
        model_dir: Weights and tokenizer in Hugging Face's layout.
        examples: With answers.
        window: Pieces of a window, question and specials included.
        overlap: Pieces of the context that neighbouring windows share.
        **recipe: See `Recipe`.
    """
    from transformers import AutoModelForQuestionAnswering, DataCollatorWithPadding

    model, tokenizer = load_peer(AutoModelForQuestionAnswering, model_dir, recipe)

    def features() -> list[Feature]:
        made = []
        for number, feature, encoding in _windows(tokenizer, examples, window, overlap):
            start, end = answer_pieces(encoding, examples[number].start, examples[number].end)
            made.append({**feature, "start_positions": start, "end_positions": end})
        return made

    return fit(model, tokenizer, features, DataCollatorWithPadding(tokenizer), recipe)


def one_by_one_predict_answers(
    peer: TrainedPeer, examples: Sequence[SquadExample], *, window: int = WINDOW, overlap: int = OVERLAP
) -> Predicted[str]:
    """The answer to each question, one question and one window after the other.

    Args:
        peer: From `train_reader`.
        examples: Their answers are not looked at.
        window: Pieces of a window.
        overlap: Pieces of the context that neighbouring windows share.
    """
    ready(peer)
    return timed(lambda: [_answers(peer, [one], window, overlap, 1)[0] for one in examples])


def batched_predict_answers(
    peer: TrainedPeer,
    examples: Sequence[SquadExample],
    *,
    window: int = WINDOW,
    overlap: int = OVERLAP,
    batch: int = 16,
) -> Predicted[str]:
    """The answer to each question, by batches of windows of like length.

    Args:
        peer: From `train_reader`.
        examples: Their answers are not looked at.
        window: Pieces of a window.
        overlap: Pieces of the context that neighbouring windows share.
        batch: Windows in one forward pass.
    """
    ready(peer)
    return timed(lambda: _answers(peer, examples, window, overlap, batch))


def _windows(
    tokenizer: Any, examples: Sequence[SquadExample], window: int, overlap: int
) -> Iterator[tuple[int, Feature, Any]]:
    return tokenised(
        tokenizer,
        [one.question.lstrip() for one in examples],  # blanks alone may be longer than the window
        [one.context for one in examples],
        truncation="only_second",
        max_length=window,
        stride=overlap,
        return_overflowing_tokens=True,
    )


def _context_pieces(encoding: Any) -> tuple[int, int]:
    """Where the pieces of the context begin and end in a window."""
    sequences = encoding.sequence_ids
    begin = sequences.index(1)
    return begin, begin + sequences.count(1)


def answer_pieces(encoding: Any, start: int, end: int) -> tuple[int, int]:
    """First and last piece of an answer in a window; the first piece of all where the window does not hold it whole.

    Args:
        encoding: A window of a question and its context.
        start: First character of the answer in the context.
        end: Character after the last.
    """
    offsets = encoding.offsets
    first, stop = _context_pieces(encoding)
    if offsets[first][0] > start or offsets[stop - 1][1] < end:
        return 0, 0
    return (
        bisect_right(offsets, start, first, stop, key=itemgetter(0)) - 1,
        bisect_left(offsets, end, first, stop, key=itemgetter(1)),
    )


def _answers(peer: TrainedPeer, examples: Sequence[SquadExample], window: int, overlap: int, batch: int) -> list[str]:
    places = []  # of each window: its example, the characters of its pieces, and where its context is
    features = []
    for number, feature, encoding in _windows(peer.tokenizer, examples, window, overlap):
        features.append(feature)
        places.append((number, encoding.offsets, *_context_pieces(encoding)))
    logits = by_length(peer, features, batch, lambda output: torch.stack([output.start_logits, output.end_logits], 1))
    best = [(-np.inf, 0, 0)] * len(examples)  # score, first character, end
    for (number, offsets, first, stop), scores in zip(places, logits, strict=True):
        starts, ends = scores[:, first:stop].numpy()
        score, start, end = best_span(starts, ends)
        best[number] = max(best[number], (score, offsets[first + start][0], offsets[first + end][1]), key=itemgetter(0))
    return [one.context[start:end] for one, (_, start, end) in zip(examples, best, strict=True)]


def best_span(starts: FloatArray, ends: FloatArray) -> tuple[float, int, int]:
    """The best span among the 20 best starts and ends, at most 30 pieces long.

    Args:
        starts: Logit of each piece of the context (N).
        ends: Likewise (N).

    Returns:
        Sum of its logits, first and last piece; minus infinity where no start and end make a span.
    """
    first, last = np.argsort(-starts)[:_BEST], np.argsort(-ends)[:_BEST]
    sums = starts[first, None] + ends[last]
    length = last - first[:, None] + 1
    sums[(length < 1) | (length > _LONGEST_ANSWER)] = -np.inf
    row, column = np.unravel_index(sums.argmax(), sums.shape)
    return float(sums[row, column]), int(first[row]), int(last[column])
