"""Cross-entropy of a decoder that is tied to the word embeddings, without keeping logits and their gradient apart.

Shapes: R target rows, D hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_COLUMNS = 512


def tied_cross_entropy(
    hidden_RD: Tensor, words_VD: Tensor, bias_V: Tensor, ids_R: Tensor, *, smoothing: float = 0.0
) -> Tensor:
    """Negative log probability in nats of each target, (R,), under logits = hidden words^T + bias.

    One (R, V) matrix serves as log probabilities and as the gradient; the logits are gone before the backward pass.
    On a CPU the product is taken a block of the vocabulary at a time, which it does half as fast again as the whole.
    Under autocast the products are of its type and the softmax is float32.

    Args:
        hidden_RD: What the head makes of each target's row.
        words_VD: Word embeddings.
        bias_V: The head's bias.
        ids_R: int64, the true pieces.
        smoothing: Share of each loss that is the mean negative log probability of all pieces (Szegedy et al. 2016,
            section 7).
    """
    kind = hidden_RD.device.type
    if torch.is_autocast_enabled(kind):
        hidden_RD, words_VD = (tensor.to(torch.get_autocast_dtype(kind)) for tensor in (hidden_RD, words_VD))
    losses_R: Tensor = _TiedCrossEntropy.apply(hidden_RD, words_VD, bias_V, ids_R, smoothing)  # type: ignore[no-untyped-call]
    return losses_R


class _TiedCrossEntropy(torch.autograd.Function):
    """d loss / d logits = probabilities - wanted; the rest is the chain rule of a linear layer.

    Wanted is 1 - smoothing + smoothing / V for the target, smoothing / V for every other piece.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_RD: Tensor, words_VD: Tensor, bias_V: Tensor, ids_R: Tensor, smoothing: float
    ) -> Tensor:
        log_probabilities_RV = tied_logits(hidden_RD, words_VD, bias_V).log_softmax(1)
        picked_R1 = log_probabilities_RV.gather(1, ids_R[:, None])
        losses_R = -picked_R1.squeeze(1)
        if smoothing:
            picked_R = (hidden_RD * words_VD[ids_R]).sum(1).to(bias_V.dtype) + bias_V[ids_R]
            mean_R = (hidden_RD @ words_VD.mean(0)).to(bias_V.dtype) + bias_V.mean()
            losses_R = losses_R - smoothing * (mean_R - picked_R)
        if any(ctx.needs_input_grad):
            gradient_RV = log_probabilities_RV.exp_()
            gradient_RV.scatter_add_(1, ids_R[:, None], torch.full_like(picked_R1, smoothing - 1.0))
            ctx.save_for_backward(hidden_RD, words_VD, gradient_RV.to(hidden_RD.dtype))
            ctx.spread = smoothing / gradient_RV.shape[1]
        return losses_R

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale_R: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        hidden_RD, words_VD, gradient_RV = ctx.saved_tensors
        needs_hidden, needs_words, needs_bias = ctx.needs_input_grad[:3]
        kind, spread = hidden_RD.dtype, ctx.spread
        hidden = ((gradient_RV @ words_VD) * scale_R[:, None]).to(kind) if needs_hidden else None
        words = gradient_RV.T @ (hidden_RD * scale_R[:, None]).to(kind) if needs_words else None
        bias = (scale_R.to(kind) @ gradient_RV).to(scale_R.dtype) if needs_bias else None
        if spread:  # what is wanted of every piece is the same, so it needs no pass over the gradient
            scaled_RD = hidden_RD * scale_R[:, None]
            hidden = None if hidden is None else hidden - (scale_R[:, None] * spread * words_VD.sum(0)).to(kind)
            words = None if words is None else words - (spread * scaled_RD.sum(0)).to(kind)
            bias = None if bias is None else bias - spread * scale_R.sum()
        return hidden, words, bias, None, None


def tied_logits(hidden_RD: Tensor, words_VD: Tensor, bias_V: Tensor) -> Tensor:
    """hidden words^T + bias, (R, V) of the bias's type; gradients do not pass.

    A CPU takes the product a block of the vocabulary at a time; others would wait for so many small ones.
    """
    logits_RV = bias_V.new_empty(len(hidden_RD), len(words_VD))
    columns = _COLUMNS if bias_V.device.type == "cpu" else len(words_VD)
    with torch.no_grad():
        for first in range(0, len(words_VD), columns):
            block = slice(first, first + columns)
            if hidden_RD.dtype == bias_V.dtype:
                torch.addmm(bias_V[block], hidden_RD, words_VD[block].T, out=logits_RV[:, block])
            else:
                torch.add(bias_V[block], hidden_RD @ words_VD[block].T, out=logits_RV[:, block])
    return logits_RV
