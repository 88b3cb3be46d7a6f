"""`prepare` against `tokenizers.encode_batch` alone on the same text, and its memory for little and for much text.

Ours reads files, finds documents and word starts, writes the store and its checksums; the peer turns texts that lie in
memory into ids and throws them away, 1,000 documents at a time. Both use all cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from tokenizers import Tokenizer

from benchmarks.bench.common import alternate, benchmark_text, environment, in_fresh_process, ratio_of, spread_of
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.reporter import Reporter
from spanbert.tokens.prepare import prepare

_SMALL, _LARGE = 5_000_000, 43_000_000
_AT_ONCE = 1000
_SHARES = (0.12, 0.25, 0.5, 1.0)  # 5, 11, 22 and 43 MB


def run(data: Path | None, *, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: Text; see `benchmark_text`.
        quick: 5 million characters instead of 43 where there are so many.
        reporter: Receives progress.

    Returns:
        `speed_ratio` (the peer's time over ours; 1 is as fast) with its spread, megabytes of text a second,
        `peak_megabytes` of `prepare` above an idle process by megabytes of text, for parts and for all of it, and
        `memory_ratio`, that of all of the text over that of the smallest part.
    """
    texts, source = benchmark_text(data, _SMALL if quick else _LARGE)
    rounds, repeats = (3, 1) if quick else (5, 3)
    backend = Tokenizer.from_file(str(packaged_minilm() / "tokenizer.json"))
    backend.no_truncation()
    backend.no_padding()
    characters = sum(map(len, texts))
    with tempfile.TemporaryDirectory() as folder:
        stores = (Path(folder) / f"store-{number}" for number in count())
        files = [
            _written(Path(folder) / f"{number}.txt", _first(texts, round(characters * share)))
            for number, share in enumerate(_SHARES)
        ]
        whole = files[-1]
        megabytes = [file.stat().st_size / 1e6 for file in files]
        reporter.say(f"{megabytes[-1]:.0f} MB: prepare and encode_batch in turn")
        contenders: dict[str, Callable[[], object]] = {
            "ours": lambda: _prepare(whole, next(stores)),
            "peer": partial(_encode, backend, texts),
        }
        times = alternate(contenders, rounds)
        reporter.say("peak memory, each time in a process of its own")
        peaks: list[list[float]] = [[] for _ in files]
        for _ in range(repeats):
            for file, some in zip(files, peaks, strict=True):
                some.append(in_fresh_process(_prepare, file, next(stores))[1] / 1e6)
    ratio = ratio_of(times["peer"], times["ours"])
    return {
        "text": source,
        "rounds": rounds,
        "megabytes": round(megabytes[-1], 1),
        "speed_ratio": ratio["median"],
        "speed_ratio_spread": ratio,
        "megabytes_per_second": {
            name: spread_of([megabytes[-1] / one for one in taken]) for name, taken in times.items()
        },
        "peak_megabytes": {f"{size:.1f}": spread_of(some) for size, some in zip(megabytes, peaks, strict=True)},
        "memory_ratio": round(median(peaks[-1]) / median(peaks[0]), 3),
        "environment": environment(),
    }


def _first(texts: list[str], characters: int) -> list[str]:
    taken: list[str] = []
    size = 0
    for text in texts:
        if size >= characters:
            break
        taken.append(text)
        size += len(text)
    return taken


def _written(file: Path, texts: list[str]) -> Path:
    file.write_text("\n\n".join(texts), encoding="utf-8")
    return file


def _prepare(file: Path, out: Path) -> None:
    prepare([file], tokenizer=packaged_minilm(), out=out, held_out=0)


def _encode(backend: Tokenizer, texts: list[str]) -> None:
    for first in range(0, len(texts), _AT_ONCE):
        backend.encode_batch(texts[first : first + _AT_ONCE], add_special_tokens=False)
