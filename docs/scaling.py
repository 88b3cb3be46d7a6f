"""Writes the tables of docs/SCALING.md from the formulas in the code; with --check, says whether they are up to date.

python docs/scaling.py [--check]
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from spanbert.encoder.cards import CARDS, peak_flops
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.costs import (
    FORWARD_AND_BACKWARD,
    activation_bytes,
    all_reduce_bytes,
    encoder_flops,
    state_bytes,
)
from spanbert.tasks.pretrain.costs import flops_per_token, head_bytes, model_parameters

TARGET = Path(__file__).with_name("SCALING.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
_BLOCK = re.compile(r"(<!-- written by docs/scaling\.py: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)

PIECES = 30_522  # of BERT's English vocabulary
MINILM = EncoderConfig(vocab_size=PIECES, hidden_size=384, layers=6, heads=12, feed_forward_size=1536)
SIZES = {
    "MiniLM-L6": MINILM,
    "BERT-base": EncoderConfig.of_size("base", PIECES),
    "BERT-large": EncoderConfig.of_size("large", PIECES),
}
LENGTHS = (128, 512)
MASKED = 0.15

MFU = {"MiniLM-L6": 0.10, "BERT-base": 0.40, "BERT-large": 0.40}
CARD = "NVIDIA H100 80GB HBM3"
PACK = 65_536  # tokens that a GPU computes at a time
STEP = 2048 * 512  # tokens of a step on all GPUs together, as SpanBERT's base model was trained
GPUS = (1, 8, 64)
IN_A_MACHINE, BETWEEN_MACHINES, SLOW = 450e9, 50e9, 3.1e9  # bytes a second and direction, of a GPU
MACHINE = 8  # GPUs
BUDGETS = {"10 Gtok": 10e9, "315 Gtok": 2.4e6 * 256 * 512}
BACKWARD = (FORWARD_AND_BACKWARD - 1) / FORWARD_AND_BACKWARD  # share of a step, in which gradients are sent


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def operations() -> str:
    """Parameters, and operations a token by part."""
    rows = []
    for name, config in SIZES.items():
        for length in LENGTHS:
            whole = flops_per_token(config, segment_length=length)
            encoder = FORWARD_AND_BACKWARD * encoder_flops(config, [length]) / length
            attention = FORWARD_AND_BACKWARD * 4 * config.layers * length * config.hidden_size
            parts = [encoder - attention, attention, whole - encoder]
            shape = f"{config.layers} x {config.hidden_size}"
            millions = f"{model_parameters(config) / 1e6:.1f} M"
            shares = [f"{part / 1e6:,.0f} M ({part / whole:.0%})" for part in parts]
            rows.append([name, shape, millions, str(length), *shares, f"**{whole / 1e6:,.0f} M**"])
    head = ["model", "layers x D", "weights", "L", "dense layers", "attention", "two heads", "FLOPs a token"]
    return table(head, rows)


def memory() -> str:
    """Bytes of the state, and of a pack."""
    rows = []
    for name, config in SIZES.items():
        state = state_bytes(model_parameters(config), "bfloat16")
        targets = MASKED * PACK
        for checkpointing in (False, True):
            kept = activation_bytes(config, "bfloat16", checkpointing=checkpointing)
            heads = head_bytes(config, "bfloat16", mlm_rows=targets, sbo_rows=targets)
            whole = state + kept * PACK + heads
            rows.append(
                [
                    name,
                    "with" if checkpointing else "without",
                    f"{state / 1e9:.2f} GB",
                    f"{kept / 1e3:,.0f} kB",
                    f"{kept * PACK / 1e9:.1f} GB",
                    f"{heads / 1e9:.1f} GB",
                    f"**{whole / 1e9:.1f} GB**",
                ]
            )
    head = ["bfloat16, CUDA", "checkpointing", "weights, copies, gradients, AdamW", "kept a token"]
    return table([*head, f"kept of {PACK:,} tokens", "two heads, of the same", "together"], rows)


def bandwidth_of(gpus: int) -> float:
    """Bytes a second at which each GPU of so many sends."""
    return IN_A_MACHINE if gpus <= MACHINE else BETWEEN_MACHINES


def traffic() -> str:
    """Bytes and seconds of an all-reduce."""
    rows = []
    for name, config in SIZES.items():
        weights = model_parameters(config)
        for gpus in GPUS[1:]:
            sent = all_reduce_bytes(weights, gpus)
            seconds = [f"{1e3 * sent / speed:,.1f} ms" for speed in (IN_A_MACHINE, BETWEEN_MACHINES, SLOW)]
            rows.append([name, str(gpus), f"{weights * 4 / 1e6:,.0f} MB", f"{sent / 1e6:,.0f} MB", *seconds])
    speeds = ["at 450 GB/s (NVLink)", "at 50 GB/s (400 Gb/s InfiniBand)", "at 3.1 GB/s (25 Gb/s Ethernet)"]
    return table(["model", "processes", "gradients", "each sends", *speeds], rows)


def speed_on(gpus: int, name: str, length: int) -> tuple[float, float]:
    """Expected tokens a second on so many GPUs, and the share of the time in which they compute.

    Gradients are sent while the last pack of a step goes backward.
    """
    config, peak = SIZES[name], peak_flops(CARD)
    assert peak is not None
    alone = peak * MFU[name] / flops_per_token(config, segment_length=length)
    computing, last_pack = STEP / gpus / alone, min(PACK, STEP / gpus) / alone
    sending = all_reduce_bytes(model_parameters(config), gpus) / bandwidth_of(gpus)
    share = computing / (computing + max(0.0, sending - BACKWARD * last_pack))
    return gpus * alone * share, share


def gpus() -> str:
    """Expected tokens a second and days."""
    rows = []
    for name in SIZES:
        for count in GPUS:
            speed, share = speed_on(count, name, LENGTHS[0])
            days = [_duration(tokens / speed) for tokens in BUDGETS.values()]
            rows.append([name, f"{MFU[name]:.0%}", str(count), f"{speed / 1e6:,.2f} M", f"{share:.0%}", *days])
    return table(["model", "MFU", "H100", "tokens a second", "computing", *BUDGETS], rows)


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600)):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def cards() -> str:
    """The peaks."""
    rows = [
        [card.name, "none" if card.bfloat16 is None else f"{card.bfloat16:g}", f"{card.float32:g}", card.source]
        for card in CARDS
    ]
    head = ["card", "bfloat16, TFLOP/s", "float32 (TF32 where it has it), TFLOP/s", "source"]
    return table(head, rows)


def result(name: str) -> Any:
    """A file of benchmarks/results."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def measured() -> str:
    """The CPU's throughput against the formula."""
    steps, rows, peaks = result("bench_pretrain"), [], []
    for length in LENGTHS:
        speed, share = steps[f"tokens_per_second_{length}"]["ours"], steps[f"gemm_fraction_{length}"]
        operations = flops_per_token(MINILM, segment_length=length)
        peaks.append(operations * speed / share)
        rows.append(_line(f"`spanbert bench pretrain`, MiniLM-L6, L = {length}", speed, operations, peaks[-1]))
    mini = EncoderConfig.of_size("mini", 12_000)
    runs = {
        "pretrain_enwiki": ("25 minutes, MiniLM-L6, L = 128", MINILM, 128),
        "zh_checkpoint": ("25 minutes, `--size mini`, 12,000 pieces, L = 512", mini, 512),
    }
    for name, (said, config, length) in runs.items():
        training = result(name)["training"]
        operations = flops_per_token(config, segment_length=length)
        rows.append(_line(said, training["tokens"] / training["seconds"], operations, fmean(peaks)))
    machine = steps["environment"]
    head = ["run", "tokens a second", "FLOPs a token", "GFLOP/s", "peak, GFLOP/s", "MFU at that peak"]
    return table(head, rows) + f"\nOn {machine['cores']} cores of {machine['cpu']}, torch {machine['torch']}.\n"


def _line(said: str, speed: float, operations: float, peak: float) -> list[str]:
    rate = speed * operations
    figures = [f"{operations / 1e6:,.1f} M", f"{rate / 1e9:.0f}", f"{peak / 1e9:.0f}", f"{rate / peak:.0%}"]
    return [said, f"{speed:,.0f}", *figures]


def others() -> str:
    """Published figures against the formula."""
    config, length = SIZES["BERT-base"], 128
    speed = 286_720_000 * length / (11.5 * 3600 * 8)
    head_on_all = config.hidden_size * config.hidden_size + config.hidden_size * config.vocab_size
    operations = FORWARD_AND_BACKWARD * (encoder_flops(config, [length]) / length + 2 * head_on_all)
    peak = peak_flops("NVIDIA A100-SXM4-80GB")
    assert peak is not None
    plain, ours, day = speed * operations / peak, MFU["BERT-base"], 86_400
    consumer = peak_flops("NVIDIA GeForce RTX 3090")
    assert consumer is not None
    a_token = flops_per_token(config, segment_length=length)
    return (
        f"The first are {speed:,.0f} tokens a second on each A100, padding counted as text, and with one head on "
        f"every token {operations / 1e6:,.0f} M FLOPs a token: an MFU of {plain:.0%} for the plain model. "
        f"Our {ours:.0%} would be {ours / plain:.1f} times as much. For the other two, by the formula: 24 hours at "
        f"{ours:.0%} are {consumer * ours * day / a_token / 1e9:.0f} billion tokens of BERT-base on one RTX 3090.\n"
    )


WRITERS: dict[str, Callable[[], str]] = {
    one.__name__: one for one in (operations, memory, traffic, gpus, cards, measured, others)
}


def render(page: str) -> str:
    """The page with every table written anew."""
    assert {found[2] for found in _BLOCK.finditer(page)} == WRITERS.keys()
    return _BLOCK.sub(lambda found: f"{found[1]}\n{WRITERS[found[2]]()}\n{found[3]}", page)


if __name__ == "__main__":
    before = TARGET.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--check"]:
        if before != render(before):
            sys.exit("docs/SCALING.md is not what docs/scaling.py writes: run it")
    else:
        TARGET.write_text(render(before), encoding="utf-8")
