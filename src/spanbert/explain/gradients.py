"""Integrated gradients over word embeddings (Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks).

The vectors of a text's pieces go in a straight line from a baseline, a text without words, to what they are; what the
gradient of a score says on the way adds up to the difference of the score between both ends. Positions, token types and
special tokens stay as they are.

    attribution of piece t = (x_t - b_t) . mean over the way of d score / d x_t          sum over t = score - baseline

Shapes: T tokens of a window, D hidden size, N points of the way, r rows of a window that a score is computed of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spanbert.batches.examples import HeadRows, Window, pack_windows, rows_of_batch
from spanbert.core.attributions import OnStep, no_step
from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.model import Encoder
from spanbert.encoder.placement import on_device
from spanbert.tasks.explain import ScoredOutput
from spanbert.tasks.head import Head

_FIRST_STEPS = 16
_TOKENS_AT_ONCE = 1024  # of all copies; a graph of backward passes takes about a megabyte a token in a base model
_CLOSE = 0.01


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Integrated:
    """What a score is made of.

    Attributes:
        pieces: The attribution of each token of each window, (T,); 0 for those that stay as they are.
        score: The score.
        baseline_score: The score of the baseline.
        delta: The sum of all attributions less the difference of these two.
        steps: Points of the way at which gradients were taken.
        converged: Whether |delta| is at most a hundredth of what all words moved, the sum of |attribution|.
    """

    pieces: list[OutputArray]
    score: float
    baseline_score: float
    delta: float
    steps: int
    converged: bool


def integrated_gradients(
    encoder: Encoder,
    head: Head[Any],
    windows: Sequence[Window],
    moved: Sequence[IntArray],
    output: ScoredOutput,
    baseline_D: Tensor,
    *,
    most_steps: int,
    on_step: OnStep = no_step,
) -> Integrated:
    """Attributes a score to tokens; the steps are doubled until the sum is right, or there are too many.

    Cost: two passes of the encoder a step, forwards and backwards, over all windows.

    Args:
        encoder: In eval mode, its weights not packed.
        head: That of the task.
        windows: What the score is computed of.
        moved: The tokens of each that the baseline replaces.
        output: The score.
        baseline_D: What replaces them.
        most_steps: Steps at most.
        on_step: Is called before each pass; what it raises ends the work.

    Raises:
        InputError: captum is not installed.
    """
    attributor = _captum()
    device = encoder.device
    texts = [encoder.embeddings.word(on_device(window.ids, device)).detach()[None] for window in windows]
    baselines = [text_1TD.clone() for text_1TD in texts]
    for baseline_1TD, rows in zip(baselines, moved, strict=True):
        baseline_1TD[:, on_device(rows, device)] = baseline_D
    tokens = sum(len(window.ids) for window in windows)
    encoder.checkpointing = tokens > _TOKENS_AT_ONCE

    def score(*texts_NTD: Tensor) -> Tensor:
        on_step()
        return _scores(encoder, head, windows, output, texts_NTD)

    with torch.no_grad():
        whole, nothing = (float(score(*ends)[0]) for ends in (texts, baselines))
    steps = min(_FIRST_STEPS, most_steps)
    while True:
        found = attributor(score).attribute(
            tuple(texts),
            baselines=tuple(baselines),
            n_steps=steps,
            internal_batch_size=max(1, _TOKENS_AT_ONCE // tokens),
        )
        pieces = [one_1TD[0].sum(-1).cpu().numpy() for one_1TD in found]
        delta = float(sum(one_T.sum(dtype=np.float64) for one_T in pieces) - (whole - nothing))
        converged = abs(delta) <= _CLOSE * sum(float(np.abs(one_T).sum()) for one_T in pieces)
        if converged or steps >= most_steps:
            break
        steps = min(2 * steps, most_steps)
    return Integrated(pieces=pieces, score=whole, baseline_score=nothing, delta=delta, steps=steps, converged=converged)


def _scores(
    encoder: Encoder, head: Head[Any], windows: Sequence[Window], output: ScoredOutput, texts_NTD: Sequence[Tensor]
) -> Tensor:
    """The score of N texts in place of the windows', (N,), in one packed batch."""
    copies = len(texts_NTD[0])
    batch = [window for window in windows for _ in range(copies)]
    asked = [HeadRows(rows=rows) for rows in output.rows for _ in range(copies)]
    words_TD = torch.cat([one_NTD.flatten(0, 1) for one_NTD in texts_NTD])
    hidden_RD = encoder(pack_windows(batch), rows=rows_of_batch(batch, asked), words_TD=words_TD)
    parts = torch.split(hidden_RD, [copies * len(rows) for rows in output.rows])
    scores_N: Tensor = output.score(head, [part.view(copies, -1, part.shape[1]) for part in parts])
    return scores_N


def _captum() -> Any:
    """The library's integrated gradients."""
    try:
        from captum.attr import IntegratedGradients
    except ModuleNotFoundError:
        raise InputError("explanations need the library captum", remedy=how_to_get("captum")) from None
    return IntegratedGradients
