"""The service."""

from __future__ import annotations

from statistics import mean
from typing import Any

from report_parts.text import measured_with, table

NAMES = {
    "spanbert": "`spanbert serve`",
    "int8": "`spanbert serve`, int8",
    "plain": "FastAPI and `transformers.pipeline`",
}
RUNTIMES = {"torch": "torch", "onnx": "onnxruntime"}


def serve(result: dict[str, Any]) -> str:
    rows = [row for part, (low, high) in result["words"].items() for row in _rows(result[part], f"{low} to {high}")]
    loaded, alone = result["mix"]["spanbert"], result["alone"]
    held = loaded["megabytes"]
    overhead = alone["served"]["p50_ms"] - alone["bare"]["p50_ms"]
    threads = "as many threads as torch chooses" if result["threads"] is None else f"{result['threads']} threads"
    return "\n\n".join([
        "## A service (`python benchmarks/serve.py`)",
        f"{result['clients']} clients in another process on the same machine, each of which sends the next text when the last one is "
        f"answered; one worker, {threads}, float32 but for the export, a classifier of MiniLM-L6's size. *Offline* is `pipe` over the same texts in a "
        "process, nothing else running, before and after. The plain server cuts texts off at 512 pieces, and reads HTTP "
        "by httptools, as ours does. One run each.",
        table(["words", "", "texts a second", "p50", "p99", "errors", "of offline"], rows),
        f"Over the plain server: **{_over(result['short']):.1f}** times as many texts of {_words(result, 'short')} words, "
        f"**{_over(result['mix']):.1f}** times as many of {_words(result, 'mix')}.",
        _of_int8(result["mix"]),
        f"Memory of the service in the three thirds of {loaded['seconds']:.0f} seconds of the longer texts, on average: "
        f"{', '.join(f'{one:,}' for one in held)} MB; the last is {held[-1] / held[0] - 1:+.1%} of the first.",
        f"One short text after the other, from one client: {alone['served']['p50_ms']:.1f} ms (p50), of which {overhead:.1f} ms are the "
        "service's and the client's; the rest is the model.",
        measured_with(result),
    ])  # fmt: skip


def _rows(part: dict[str, Any], words: str) -> list[list[str]]:
    offline = mean(part["offline"])
    low, high = sorted(part["offline"])
    found = [[words, "offline", f"{offline:.1f} ({low:.1f} to {high:.1f})", "", "", "", ""]]
    for side, name in NAMES.items():
        one = part.get(side, {})
        if "texts_a_second" not in one:  # int8 is measured in one part, where the gate let an export pass
            continue
        found.append([
            words, name, f"{one['texts_a_second']:.1f}", f"{one['p50_ms']:.0f} ms", f"{one['p99_ms']:.0f} ms",
            str(one["errors"]), f"{one['texts_a_second'] / offline:.0%}",
        ])  # fmt: skip
    return found


def _of_int8(part: dict[str, Any]) -> str:
    """How much more an int8 export answers than the plain server, which runtime it has, and what it costs."""
    one = part["int8"]
    if "runtime" not in one:
        return "int8: the gate of `spanbert export` refused both exports, by torch and by onnxruntime."
    rates = (
        f"{RUNTIMES[runtime]} {'refused by the gate' if rate is None else f'{rate:.1f}'}"
        for runtime, rate in one["tried"].items()
    )
    parity = one["parity"]
    low, high = parity["interval"]
    return (
        f"The int8 export is the quicker one of two (texts a second offline: {', '.join(rates)}): **{_over(part, 'int8'):.1f}** times "
        f"as many texts as the plain server, {_over(part, 'int8') / _over(part):.1f} times as many as the service in float32. Its "
        f"{parity['main']} is {parity['after']:.4f}, the bundle's {parity['before']:.4f}: a drop of {parity['drop']:.2f} points "
        f"({low:.2f} to {high:.2f}, 95%)."
    )


def _over(part: dict[str, Any], side: str = "spanbert") -> float:
    over: float = part[side]["texts_a_second"] / part["plain"]["texts_a_second"]
    return over


def _words(result: dict[str, Any], part: str) -> str:
    low, high = result["words"][part]
    return f"{low} to {high}"
