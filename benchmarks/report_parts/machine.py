"""Memory, threads, processes, and this version against an earlier one."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table


def memory_texts(result: dict[str, Any]) -> str:
    rows = [[f"{one['share']:.0%}", f"{one['megabytes']:,.0f}"] for one in result["rows"]]
    return "\n\n".join([
        "## Memory over many texts (`python benchmarks/memory.py`)",
        f"{result['texts']:,} texts of 1 to 200 words, most of them short, classified by an encoder of MiniLM's shape: what the "
        "process holds after each part of them.",
        table(["of the texts", "MB"], rows[1::2]),
        measured_with(result),
    ])  # fmt: skip


def threads_idle(result: dict[str, Any]) -> str:
    sides = ("passive", "1000", "3000", "10000", "one")
    names = ["passive", "1,000 spins", "3,000 spins", "10,000 spins", "one thread"]
    parts = [
        "## How threads wait (`python benchmarks/threads.py`)",
        "Steps of six layers with random weights on two cores that have nothing else to do; milliseconds with libgomp's "
        "usual waits, then how many times as long each other way takes: median, lowest and highest of "
        f"{result['rounds']} rounds in turn. spanbert sets 3,000 spins, and one thread for work too small to share.",
    ]
    for kind, title in (("predict", "Prediction"), ("train", "Training")):
        rows = [
            [str(row["width"]), f"{row['tokens']:,}", f"{row['default_ms']:.2f}",
             *(f"{row[side][0]:.2f} ({row[side][1]:.2f} to {row[side][2]:.2f})" for side in sides)]
            for row in result[kind]
        ]  # fmt: skip
        parts += [f"{title}:", table(["width", "tokens", "ms", *names], rows)]
    return "\n\n".join([*parts, measured_with(result)])


def ranks(result: dict[str, Any]) -> str:
    names = {"one": "one process", "two": "two processes", "two_sharded": "two processes, weights shared out"}
    rows = [
        [name, ", ".join(f"{one:,.0f}" for one in result["tokens_per_second"][side]),
         "" if side == "one" else f"**{result['ratio_to_one'][side]:.2f}**"]
        for side, name in names.items()
    ]  # fmt: skip
    return "\n\n".join([
        "## Two processes against one (`python benchmarks/ranks.py`)",
        "Span pre-training of MiniLM-L6 at an equal batch of 8,192 tokens a step, each process on one thread; tokens a "
        "second of each round, the sides in turn. One process, started by torchrun or not, makes no group and pays nothing.",
        table(["", "tokens/s", "times one process"], rows),
        measured_with(result),
    ])  # fmt: skip


def against(result: dict[str, Any]) -> str:
    names = {
        "load": "loading and the first answer, seconds", "predict": f"{result['texts']:,} texts, seconds",
        "pretrain": "span pre-training, tokens a second", "finetune": "fine-tuning a tagger, tokens a second",
    }  # fmt: skip
    rows = []
    for what, name in names.items():
        if what in result:
            one = result[what]
            end = "" if what in ("load", "predict") else "_tokens_per_second"
            middle, low, high = one["times_as_fast"]
            rows.append(
                [
                    name,
                    f"{one['other' + end]:,}",
                    f"{one['this' + end]:,}",
                    f"**{middle:.2f}** ({low:.2f} to {high:.2f})",
                ]
            )
    commits = result["commits"]
    return "\n\n".join([
        "## This version against an earlier one (`python benchmarks/against.py`)",
        f"Commit {commits['this']} against {commits['other']}, in turn, each in a process of its own: before bounds and checks "
        "of everything that files claim, devices, several processes and telemetry, and after.",
        table(["", "before", "after", "times as fast"], rows),
        measured_with(result),
    ])  # fmt: skip
