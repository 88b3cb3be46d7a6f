"""Span masking: pieces a second, on one core and on all."""

from __future__ import annotations

import os
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.bench.common import benchmark_text, environment, seconds_of, spread_of
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.batches.masking import SpanMasker
from spanbert.core.errors import InputError
from spanbert.core.reporter import Reporter
from spanbert.core.seeding import keyed_generator
from spanbert.core.types import BoolArray, IntArray
from spanbert.tokens.tokenizer import load_tokenizer

_LENGTHS = (126, 510)
_AT_ONCE = 250
Segments = list[tuple[IntArray, BoolArray]]


def run(data: Path | None, *, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: Text; see `benchmark_text`.
        quick: Fewer segments and rounds.
        reporter: Receives progress.

    Returns:
        For n = 126 and 510 pieces a segment: `pieces_per_second_N` on one core and `_all_cores` (by the wall
        clock), with their spread.
    """
    count, rounds = (4_000, 3) if quick else (10_000, 7)
    texts, source = benchmark_text(data, count * 510 * 6)
    encoded = load_tokenizer(packaged_minilm()).encode_batch(texts)
    cores = os.cpu_count() or 1
    result: dict[str, Any] = {"text": source, "rounds": rounds, "cores": cores}
    for n in _LENGTHS:
        reporter.say(f"segments of {n} pieces")
        segments = [
            (ids[first : first + n], starts[first : first + n])
            for ids, starts in encoded
            for first in range(0, len(ids) - n + 1, n)
        ][:count]
        if len(segments) < cores:
            raise InputError("too little text", where=source, got=f"{len(segments)} stretches of {n} pieces")
        result[f"segments_{n}"] = len(segments)
        masking_rate(segments[:100])
        result[f"pieces_per_second_{n}"] = spread_of([masking_rate(segments) for _ in range(rounds)])
        with get_context("spawn").Pool(cores, _keep, (segments,)) as pool:
            ranges = [(first, first + _AT_ONCE) for first in range(0, len(segments), _AT_ONCE)]
            pool.map(_mask_range, ranges, chunksize=1)  # starts the workers
            walls = [seconds_of(lambda: pool.map(_mask_range, ranges, chunksize=1)) for _ in range(rounds)]  # noqa: B023
        result[f"pieces_per_second_{n}_all_cores"] = spread_of([n * len(segments) / wall for wall in walls])
    return result | {"environment": environment()}


def masking_rate(segments: Segments) -> float:
    """Pieces a second of one core that masks each segment under a key of its own, as the first epoch of a run does."""
    masker = SpanMasker(load_tokenizer(packaged_minilm()))
    return sum(len(ids) for ids, _ in segments) / seconds_of(lambda: _mask(masker, segments))


def _mask(masker: SpanMasker, segments: Segments) -> None:
    for number, (ids, starts) in enumerate(segments):
        masker.mask(ids, starts, keyed_generator(0, "mask", number))


_KEPT: list[tuple[SpanMasker, Segments]] = []


def _keep(segments: Segments) -> None:
    """Gives a worker the segments before anything is timed."""
    _KEPT[:] = [(SpanMasker(load_tokenizer(packaged_minilm())), segments)]


def _mask_range(bounds: tuple[int, int]) -> None:
    [(masker, segments)] = _KEPT
    _mask(masker, segments[slice(*bounds)])
