"""What was measured on a machine with one GPU (`benchmarks/gpu`), or that nothing was yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from report_parts.text import table

_TITLE = "## On a GPU (`benchmarks/gpu/run.py`)"
_PARTS = ("parity", "pretrain", "finetune", "small")
_SIDES = {
    "ours": "spanbert: MLM + SBO",
    "peer": "transformers, attention that torch chooses",
    "peer_flash": "transformers, flash attention",
}


def on_a_gpu(folder: Path) -> str:
    """The section.

    Args:
        folder: Holds the JSON of the parts that were run.
    """
    results = {
        name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in _PARTS
        if (folder / f"{name}.json").is_file()
    }
    if not results:
        return f"{_TITLE}\n\nNot yet measured. `benchmarks/gpu/README.md` says how it is done, in nine minutes."
    sections = {"parity": _parity, "pretrain": _pretrain, "finetune": _finetune, "small": _small}
    found = [_TITLE]
    for name, section in sections.items():
        result = results.get(name, {})
        if "machine" not in result:
            found.append(f"### {_HEADS[name]}\n\nNot yet measured.")
            continue
        found += [f"### {_HEADS[name]}", *section(result)]
        if result["state"] != "done":
            found.append(f"This part did not come to its end ({_ENDS[result['state']]}): these are the figures so far.")
    machine = next(one["machine"] for one in results.values() if "machine" in one)
    found.append(
        f"Measured with spanbert {machine['spanbert']}, torch {machine['torch']}, transformers "
        f"{machine.get('transformers', 'none')}, Python {machine['python']}, on {machine['device']} with {machine['cores']} cores."
    )
    return "\n\n".join(found)


_HEADS = {
    "parity": "The GPU computes what the CPU does",
    "pretrain": "Pre-training against `transformers`",
    "finetune": "Fine-tuning and prediction",
    "small": "Minutes of pre-training",
}
_ENDS = {"limit": "its time was over", "failed": "it failed"}


def _parity(result: dict[str, Any]) -> list[str]:
    if "tests" not in result:
        return ["No test was run."]
    counts = ", ".join(f"{result[name]} {name}" for name in ("passed", "failures", "errors", "skipped"))
    lines = [f"`pytest tests/gpu -m gpu`: {counts}."]
    wrong = [f"- {one['outcome']}: `{one['name']}`" for one in result["not_passed"] if one["outcome"] != "skipped"]
    return [*lines, "\n".join(wrong)] if wrong else lines


def _pretrain(result: dict[str, Any]) -> list[str]:
    rows, ratios = [], []
    for shape, one in result["shapes"].items():
        rows += [_side(shape, name, side) for name, side in one["sides"].items() if "seconds_per_step" in side]
        if "ratio" in one:
            ratios.append([shape, *(_around(one[key]) for key in ("ratio", "ratio_prepared"))])
    head = ["", "", "tokens a step", "tokens/s", "with its loader", "MFU of the stated peak", "of a large product", "memory"]  # fmt: skip
    product = result.get("product_flops")
    measured = "" if product is None else f" The large product reached {product / 1e12:,.0f} TFLOP/s."
    return [
        f"Random weights, segments of {result['length']} tokens, {result['precision']}, compiled, fused AdamW, the same texts; the peer on "
        "blocks of full length, without a mask of padding. Tokens a step: the fewest with which a side is within 3 % of "
        "its fastest. The peer's batches are made before the clock starts; ours are timed so too, and with its loader. "
        f"Ours computes one objective more.{measured}",
        table(head, rows),
        *([table(["ours over the faster peer", "with our loader", "both without"], ratios)] if ratios else []),
    ]


def _side(shape: str, name: str, side: dict[str, Any]) -> list[str]:
    def share(peak: str) -> str:
        found = side.get(f"mfu_prepared_{peak}")
        return "" if found is None else f"{found:.1%}"

    whole = side.get("tokens_per_second_whole")
    prepared = side.get("tokens_per_second_prepared")
    memory = side.get("peak_memory")
    return [
        shape, _SIDES[name], f"{side['tokens_per_step']:,}", _speed(prepared), _speed(whole), share("stated"), share("product"),
        "" if memory is None else f"{memory / 2**30:.1f} GiB",
    ]  # fmt: skip


def _speed(one: dict[str, float] | None) -> str:
    return "" if one is None else f"{one['median']:,.0f} ({one['min']:,.0f} to {one['max']:,.0f})"


def _around(one: dict[str, float]) -> str:
    return f"**{one['median']:.2f}** ({one['min']:.2f} to {one['max']:.2f})"


def _finetune(result: dict[str, Any]) -> list[str]:
    rows = []
    for where, label in (("device", "GPU"), ("cpu", "CPU")):
        trained, predicted = result.get(f"trained_on_{where}", {}), result.get(f"predicted_on_{where}", {})
        own = trained.get("score") if where == "cpu" else predicted.get("score")
        rows.append([
            label, *(f"{trained[name]:,.1f} s" if name in trained else "" for name in ("seconds", "seconds_in_all")),
            "" if own is None else f"{own:.2%}",
            f"{predicted['texts_per_second']:,.0f}" if predicted else "", f"{predicted['score']:.2%}" if predicted else "",
        ])  # fmt: skip
    head = ["", "training", "with reading and saving", "score of what it trained", "texts/s", "score of what the GPU trained"]  # fmt: skip
    same = f" Both find the same in {result['same_share']:.1%} of the texts." if "same_share" in result else ""
    return [f"{result['data']}, {result['epochs']} epochs.{same}", table(head, rows)]


def _small(result: dict[str, Any]) -> list[str]:
    rows = [
        [when, f"{result[when]['mlm_accuracy']:.1%}", f"{result[when]['mlm_loss']:.3f}"]
        for when in ("before", "after")
        if when in result
    ]
    lines = ["Held-out documents of enwiki_core, segments of 128 tokens, 15 % masked; trained with 30 % masked."]
    if "training" in result:
        one = result["training"]
        lines.append(
            f"{one['tokens'] / 1e6:,.1f} million tokens ({result['pieces'] / 1e6:.1f} million pieces of text) in {one['minutes']:.1f} "
            f"minutes, {one['tokens_per_second']:,} tokens/s."
        )
    return [*lines, table(["", "MLM accuracy", "MLM loss"], rows)] if rows else lines
