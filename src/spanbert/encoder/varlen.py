"""PyTorch's attention kernel for segments of any length, and how its versions differ."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn

__all__ = ["CAUSAL", "causal_argument", "varlen_attn"]


def causal_argument(function: Callable[..., object]) -> dict[str, Any]:
    """How a version of `varlen_attn` is told that position i sees keys 0..i only.

    Up to torch 2.10 it has `is_causal`; from 2.11 on a `window_size` of keys to the left and to the right, and in 2.13
    also arguments that are of no use here.

    Raises:
        RuntimeError: It has neither.
    """
    names = inspect.signature(function).parameters
    if "window_size" in names:
        return {"window_size": (-1, 0)}
    if "is_causal" in names:
        return {"is_causal": True}
    raise RuntimeError(f"torch {torch.__version__}: varlen_attn has neither window_size nor is_causal")


CAUSAL = causal_argument(varlen_attn)
