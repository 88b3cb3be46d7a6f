"""Self-attention within the segments of a packed batch: one function, several backends.

Shapes: T tokens of the batch, H heads, d hidden units a head, S segments, L tokens of one segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import groupby, pairwise
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from spanbert.encoder.hardware import has_bfloat16
from spanbert.encoder.placement import on_device

Backend = Literal["loop", "varlen", "dense"]
_WIDEST_HEAD = 256


class EqualSegments(NamedTuple):
    """Neighbouring segments with equally many queries each, and equally many keys.

    Attributes:
        first_q: First query of the first of them.
        first_k: Its first key.
        segments: How many they are.
        length_q: Queries of each.
        length_k: Keys of each.
    """

    first_q: int
    first_k: int
    segments: int
    length_q: int
    length_k: int


class Bounds:
    """Where the segments of a batch start, with all that attention makes of it, once for all layers of a forward pass.

    Args:
        starts: Where each segment starts, then the number of tokens: (S + 1) integers.
        at_most: Tokens that no segment has more of, in place of those of the longest: a compiler then sees one number
            for all batches.

    Attributes:
        starts: The same.
    """

    def __init__(self, starts: Sequence[int], *, at_most: int | None = None) -> None:
        self.starts, self.at_most = tuple(starts), at_most
        self._placed: Tensor | None = None
        self._runs_with: WeakKeyDictionary[Bounds, list[EqualSegments]] = WeakKeyDictionary()

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each segment."""
        return [end - start for start, end in pairwise(self.starts)]

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest segment."""
        return max(self.lengths)

    @property
    def widest(self) -> int:
        """A bound of the tokens of the longest segment, for kernels that only need one."""
        return self.longest if self.at_most is None else self.at_most

    def on(self, device: torch.device) -> Tensor:
        """The starts on a device, int32, (S + 1); copied there once."""
        if self._placed is None or self._placed.device != device:
            self._placed = on_device(torch.tensor(self.starts, dtype=torch.int32), device)
        return self._placed

    def runs(self, keys: Bounds) -> list[EqualSegments]:
        """The segments as runs, these being the bounds of the queries; those without a query are left out."""
        if keys not in self._runs_with:
            self._runs_with[keys] = list(_runs(self.lengths, keys.lengths))
        return self._runs_with[keys]


def _runs(lengths_q: Sequence[int], lengths_k: Sequence[int]) -> Iterator[EqualSegments]:
    first_q = first_k = 0
    for (length_q, length_k), run in groupby(zip(lengths_q, lengths_k, strict=True)):
        count = len(list(run))
        if length_q:
            yield EqualSegments(first_q, first_k, count, length_q, length_k)
        first_q += count * length_q
        first_k += count * length_k


class _Given(NamedTuple):
    """What a backend computes on: the arguments of `attend`."""

    query_THd: Tensor
    key_THd: Tensor
    value_THd: Tensor
    bounds_q: Bounds
    bounds_k: Bounds
    causal: bool
    dropout: float


def attend(
    query_THd: Tensor,
    key_THd: Tensor,
    value_THd: Tensor,
    bounds_q: Bounds | Sequence[int],
    bounds_k: Bounds | Sequence[int],
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
        bounds_q: Where the segments of the queries start, then Tq; (S + 1) integers, as `Bounds` if they serve again.
        bounds_k: The same for keys and values.
        causal: Let position i see keys 0..i only.
        dropout: Dropout of the attention weights.
        backend: `loop` calls the fused kernel for each run of equally long neighbours, which costs no copy and no
            padding; `varlen` (CUDA from Ampere on, half precision, no dropout) is one kernel over all segments;
            `dense` builds the whole block mask, quadratic in T, for comparison. None takes `varlen` where it works,
            else `loop`, which has dropout.

    Returns:
        (Tq, H, d).
    """
    queries, keys = (one if isinstance(one, Bounds) else Bounds(one) for one in (bounds_q, bounds_k))
    if query_THd.device.type == "cpu" and query_THd.dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", enabled=False):  # the kernel takes 2.5 times as long in bfloat16 (docs/LOG.md)
            attended_THd = attend(
                query_THd.float(),
                key_THd.float(),
                value_THd.float(),
                queries,
                keys,
                causal=causal,
                dropout=dropout,
                backend=backend,
            )
        return attended_THd.to(query_THd.dtype)
    if backend is None:
        backend = "varlen" if _takes_varlen(query_THd, dropout) else "loop"
    return _BACKENDS[backend](_Given(query_THd, key_THd, value_THd, queries, keys, causal, dropout))


def _takes_varlen(query_THd: Tensor, dropout: float) -> bool:
    """Whether one kernel serves all segments; it wants heads of a multiple of 8, at most 256, and has no dropout."""
    size = query_THd.shape[2]
    half = query_THd.dtype in (torch.bfloat16, torch.float16)
    if not (query_THd.is_cuda and half) or dropout != 0.0 or size % 8 or size > _WIDEST_HEAD:
        return False
    return has_bfloat16(query_THd.device)


def span_boundaries(cu_seqlens: Sequence[int], span: int, *, shifted: bool) -> list[int]:
    """Cuts each segment into spans of this many tokens, for attention only.

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


def keep_loop_from_compilers() -> None:
    """Lets compilers go around `loop` attention, since no two batches have the same runs; before anything is compiled.

    Nothing is marked at import, because marking imports the compiler, which takes seconds.
    """
    _BACKENDS["loop"] = torch.compiler.disable(_attend_loop)  # type: ignore[no-untyped-call]


def _attend_loop(given: _Given) -> Tensor:
    """A kernel for each run of equal lengths."""
    outputs: list[Tensor] = []
    for first_q, first_k, count, length_q, length_k in given.bounds_q.runs(given.bounds_k):
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
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def _attend_varlen(given: _Given) -> Tensor:
    if given.dropout:
        raise ValueError(f"varlen attention has no dropout, got {given.dropout}")
    from spanbert.encoder import varlen  # its import takes a second, and only CUDA needs it

    device = given.query_THd.device
    attended = varlen.varlen_attn(
        given.query_THd,
        given.key_THd,
        given.value_THd,
        given.bounds_q.on(device),
        given.bounds_k.on(device),
        given.bounds_q.widest,
        given.bounds_k.widest,
        **(varlen.CAUSAL if given.causal else {}),
    )
    assert isinstance(attended, Tensor)  # a pair only where more is asked for
    return attended


def _attend_dense(given: _Given) -> Tensor:
    segment_q, position_q = _owners(given.bounds_q, given.query_THd.device)
    segment_k, position_k = _owners(given.bounds_k, given.key_THd.device)
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


def _owners(bounds: Bounds, device: torch.device) -> tuple[Tensor, Tensor]:
    """The segment of each token and its position in it, each (T,)."""
    starts = bounds.on(device)
    segment = torch.repeat_interleave(torch.arange(len(starts) - 1, device=device), starts.diff())
    return segment, torch.arange(bounds.starts[-1], device=device) - starts[segment]


_BACKENDS: dict[Backend, Callable[[_Given], Tensor]] = {
    "loop": _attend_loop,
    "varlen": _attend_varlen,
    "dense": _attend_dense,
}
