"""What the benchmarks share: text, timing in turn, and what was measured with."""

from __future__ import annotations

import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from spanbert.apps.quickstart.manual import manual
from spanbert.core.errors import SpanbertError
from spanbert.core.memory import resident_memory
from spanbert.corpus.raw.readers import DocumentReader


def benchmark_text(data: Path | None, characters: int) -> tuple[list[str], str]:
    """Documents of at least so many characters, where there are so many, and where they come from.

    Args:
        data: A file or folder; default enwiki_core under SPANBERT_DATA, else the manual of Python.
        characters: How much text is wanted.
    """
    folder = os.environ.get("SPANBERT_DATA")
    if data is None and not folder:
        return manual(), "the manual of Python"
    source = data or Path(folder or "") / "pretrain" / "enwiki_core"
    inputs = sorted(source.glob("part-*.txt")) if source.is_dir() else []
    texts, size = [], 0
    for document in DocumentReader(inputs or [source]):
        texts.append(document.text)
        size += len(document.text)
        if size >= characters:
            break
    return texts, source.name


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def alternate(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each round; they take turns, so that a drift of the machine meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work()  # warm-up
    for _ in range(rounds):
        for name, work in contenders.items():
            times[name].append(seconds_of(work))
    return times


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """Median and range, rounded to what a reader needs."""
    return {"median": _rounded(median(values)), "min": _rounded(min(values)), "max": _rounded(max(values))}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def in_fresh_process(work: Callable[..., Any], *arguments: object) -> tuple[Any, int]:
    """Runs a function of a module in a process of its own.

    Returns:
        What it returned, and by how many bytes the process's peak resident memory passed what it held before the call.

    Raises:
        SpanbertError: The process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        result: tuple[Any, int] = ours.recv()
    except EOFError:
        process.join()
        raise SpanbertError(
            f"{work.__name__}{arguments}: its process ended with exit code {process.exitcode}; too little memory?"
        ) from None
    process.join()
    return result


def _report(connection: Connection, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    before, _ = _memory()
    value = work(*arguments)
    connection.send((value, _memory()[1] - before))


def _memory() -> tuple[int, int]:
    """Resident memory of this process in bytes, now and at its peak."""
    found = resident_memory()
    if found is None:
        raise SpanbertError("benchmarks that measure memory need Linux")
    return found


def ratio_of(slow: Sequence[float], fast: Sequence[float]) -> dict[str, float]:
    """How many times as long `slow` took, round by round."""
    return spread_of([a / b for a, b in zip(slow, fast, strict=True)])


def environment() -> dict[str, Any]:
    """Versions and machine."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "python": platform.python_version(),
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        **{name: version(name) for name in ("spanbert", "torch", "numpy", "tokenizers")},
    }
