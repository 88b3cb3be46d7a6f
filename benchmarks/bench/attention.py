"""Full against span-wise attention on one long segment: time and memory, forward and backward.

Shape of MiniLM-L6: 12 heads of 32 units, float32. Time in turn within one process, memory of each case in a process of
its own. Both are compared with a dense mask, outputs and gradients, as far as its quadratic memory allows.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.bench.common import alternate, environment, in_fresh_process, spread_of
from spanbert.core.reporter import Reporter
from spanbert.encoder.attention import attend, span_boundaries
from spanbert.encoder.hardware import tune_process

_KINDS = ("full", "span-wise")
_LENGTHS = (512, 1024, 2048, 4096, 8192)
_SPAN = 256
_HEADS, _UNITS = 12, 32
_LONGEST_DENSE = 2048


def run(data: Path | None, *, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: Not used; attention takes as long on any numbers.
        quick: Fewer rounds.
        reporter: Receives progress.

    Returns:
        `milliseconds` and `peak_megabytes` by kind and length, `growth` (the exponent of time in the length from the
        second length to the last: 1 is linear, 2 quadratic), `speedup` at the last, `largest_difference` to the mask.
    """
    tune_process()
    rounds = 3 if quick else 9
    milliseconds: dict[str, dict[str, dict[str, float]]] = {kind: {} for kind in _KINDS}
    peaks: dict[str, dict[str, float]] = {kind: {} for kind in _KINDS}
    for length in _LENGTHS:
        reporter.say(f"{length:,} tokens")
        inputs = _inputs(length)
        taken = alternate({kind: partial(_pass, kind, inputs) for kind in _KINDS}, rounds)
        for kind in _KINDS:
            milliseconds[kind][str(length)] = spread_of([1e3 * seconds for seconds in taken[kind]])
            peaks[kind][str(length)] = round(in_fresh_process(_pass_alone, kind, length)[1] / 1e6, 1)
    first, last = str(_LENGTHS[1]), str(_LENGTHS[-1])
    medians = {kind: {length: spread["median"] for length, spread in by.items()} for kind, by in milliseconds.items()}
    return {
        "span": _SPAN,
        "rounds": rounds,
        "milliseconds": milliseconds,
        "peak_megabytes": peaks,
        "growth": {
            kind: round(math.log(by[last] / by[first], int(last) / int(first)), 2) for kind, by in medians.items()
        },
        "speedup": round(medians["full"][last] / medians["span-wise"][last], 2),
        "largest_difference": max(
            _difference(kind, length) for kind in _KINDS for length in _LENGTHS if length <= _LONGEST_DENSE
        ),
        "environment": environment(),
    }


def _inputs(length: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(length, _HEADS, _UNITS, generator=generator).requires_grad_() for _ in range(3)]


def _pass(kind: str, inputs: list[Tensor]) -> list[Tensor]:
    """One forward and backward pass; the output and three gradients."""
    query, key, value = inputs
    length = len(query)
    bounds = [0, length] if kind == "full" else span_boundaries([0, length], _SPAN, shifted=True)
    return _with_gradients(attend(query, key, value, bounds, bounds), inputs)


def _with_gradients(output: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    return [output.detach(), *torch.autograd.grad(output, inputs, torch.ones_like(output))]


def _pass_alone(kind: str, length: int) -> None:
    tune_process()
    _pass(kind, _inputs(length))


def _difference(kind: str, length: int) -> float:
    """The largest difference to attention under a mask that is written out from the definition of the spans."""
    inputs = _inputs(length)
    position_L = torch.arange(length)
    span_L = torch.zeros_like(position_L) if kind == "full" else (position_L + _SPAN - _SPAN // 2) // _SPAN
    query, key, value = (one.transpose(0, 1) for one in inputs)
    masked = scaled_dot_product_attention(query, key, value, attn_mask=span_L[:, None] == span_L[None, :])
    pairs = zip(_pass(kind, inputs), _with_gradients(masked.transpose(0, 1), inputs), strict=True)
    return max(float((ours - dense).abs().max()) for ours, dense in pairs)
