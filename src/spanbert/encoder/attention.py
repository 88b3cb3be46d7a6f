"""Self-attention within the segments of a packed batch: one function, several backends.

Shapes: T tokens of the batch, H heads, d hidden units a head, S segments, L tokens of one segment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention

Backend = Literal["loop", "varlen", "dense"]


@dataclass(frozen=True)
class _Given:
    """What a backend computes on: the arguments of `attend`."""

    query_THd: Tensor
    key_THd: Tensor
    value_THd: Tensor
    cu_seqlens_q: Sequence[int]
    cu_seqlens_k: Sequence[int]
    causal: bool
    dropout: float


def attend(
    query_THd: Tensor,
    key_THd: Tensor,
    value_THd: Tensor,
    cu_seqlens_q: Sequence[int],
    cu_seqlens_k: Sequence[int],
    *,
    causal: bool = False,
    dropout: float = 0.0,
    backend: Backend | None = None,
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1); no token sees another segment.

    Args:
        query_THd: Queries, (Tq, H, d).
        key_THd: Keys, (Tk, H, d).
        value_THd: Values, (Tk, H, d).
        cu_seqlens_q: Where the segments of the queries start, then Tq; (S + 1) integers on the CPU.
        cu_seqlens_k: The same for keys and values.
        causal: Let position i see keys 0..i only.
        dropout: Dropout of the attention weights.
        backend: `loop` calls the fused kernel for each run of equally long neighbours, which costs no copy and no
            padding; `varlen` (CUDA, half precision, no dropout) is one kernel over all segments, experimental until its
            parity test has run on a GPU; `dense` builds the whole block mask, quadratic in T, for comparison. None
            takes `varlen` where it works, else `loop`.

    Returns:
        (Tq, H, d).
    """
    if query_THd.device.type == "cpu" and query_THd.dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", enabled=False):  # the kernel takes 2.5 times as long in bfloat16 (docs/LOG.md)
            attended_THd = attend(
                query_THd.float(),
                key_THd.float(),
                value_THd.float(),
                cu_seqlens_q,
                cu_seqlens_k,
                causal=causal,
                dropout=dropout,
                backend=backend,
            )
        return attended_THd.to(query_THd.dtype)
    if backend is None:
        half = query_THd.dtype in (torch.bfloat16, torch.float16)
        backend = "varlen" if query_THd.is_cuda and half and dropout == 0.0 else "loop"
    backends: dict[Backend, Callable[[_Given], Tensor]] = {
        "loop": _attend_loop,
        "varlen": _attend_varlen,
        "dense": _attend_dense,
    }
    return backends[backend](_Given(query_THd, key_THd, value_THd, cu_seqlens_q, cu_seqlens_k, causal, dropout))


def span_boundaries(cu_seqlens: Sequence[int], span: int, *, shifted: bool) -> list[int]:
    """Cuts each segment into spans of so many tokens, for attention alone.

    Args:
        cu_seqlens: Where the segments start, then T.
        span: w, tokens a span; the last one of a segment may be shorter.
        shifted: The first span of each segment is half as long, so that the others move by half a span.

    Returns:
        Where the spans start, then T: the `cu_seqlens` of span-wise attention, which costs T * w instead of T * length.
    """
    first = span // 2 if shifted else span
    bounds = [cu_seqlens[0]]
    for start, end in pairwise(cu_seqlens):
        bounds += [*range(start + first, end, span), end]
    return bounds


def _attend_loop(given: _Given) -> Tensor:
    lengths_q = [end - start for start, end in pairwise(given.cu_seqlens_q)]
    lengths_k = [end - start for start, end in pairwise(given.cu_seqlens_k)]
    outputs: list[Tensor] = []
    first_q = first_k = 0
    for (length_q, length_k), run in groupby(zip(lengths_q, lengths_k, strict=True)):
        count = len(list(run))
        if not length_q:  # nobody reads these segments
            first_k += count * length_k
            continue
        query, key, value = (
            packed[first : first + count * length].view(count, length, *packed.shape[1:]).transpose(1, 2)
            for packed, first, length in (
                (given.query_THd, first_q, length_q),
                (given.key_THd, first_k, length_k),
                (given.value_THd, first_k, length_k),
            )
        )
        output = scaled_dot_product_attention(query, key, value, dropout_p=given.dropout, is_causal=given.causal)
        outputs.append(output.transpose(1, 2).flatten(0, 1))
        first_q += count * length_q
        first_k += count * length_k
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def _attend_varlen(given: _Given) -> Tensor:
    if given.dropout:
        raise ValueError(f"varlen attention has no dropout, got {given.dropout}")
    both = (given.cu_seqlens_q, given.cu_seqlens_k)
    bounds_q, bounds_k = (torch.tensor(list(one), dtype=torch.int32, device=given.query_THd.device) for one in both)
    longest_q, longest_k = (max(end - start for start, end in pairwise(one)) for one in both)
    window = (-1, 0) if given.causal else (-1, -1)
    attended = varlen_attn(
        given.query_THd, given.key_THd, given.value_THd, bounds_q, bounds_k, longest_q, longest_k, window_size=window
    )
    assert isinstance(attended, Tensor)  # a pair only where more is asked for
    return attended


def _attend_dense(given: _Given) -> Tensor:
    segment_q, position_q = _owners(given.cu_seqlens_q, given.query_THd.device)
    segment_k, position_k = _owners(given.cu_seqlens_k, given.key_THd.device)
    allowed = segment_q[:, None] == segment_k[None, :]
    if given.causal:
        allowed &= position_q[:, None] >= position_k[None, :]
    output = scaled_dot_product_attention(
        given.query_THd.transpose(0, 1),
        given.key_THd.transpose(0, 1),
        given.value_THd.transpose(0, 1),
        attn_mask=allowed,
        dropout_p=given.dropout,
    )
    return output.transpose(0, 1)


def _owners(cu_seqlens: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """The segment of each token and its position in it, each (T,)."""
    bounds = torch.tensor(list(cu_seqlens), device=device)
    lengths = bounds.diff()
    segment = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths)
    return segment, torch.arange(int(bounds[-1]), device=device) - bounds[segment]
