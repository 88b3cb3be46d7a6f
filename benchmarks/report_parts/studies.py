"""Studies: usual rates and steps of fine-tuning, what span pre-training bought, what helps coreference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from report_parts.text import measured_with, table

_USUAL = {"lr": 1.5e-4, "head_lr": 1e-3, "least": 300}


def defaults(result: dict[str, Any]) -> str:
    cells = result["cells"]
    parts = [
        "## What fine-tuning takes by default",
        "Best score on dev data of each run (`python benchmarks/defaults.py`), one seed, in points of the task's main score. "
        f"The usual settings are a rate of {_USUAL['lr']:g}, {_USUAL['head_lr']:g} for heads, and {_USUAL['least']} steps at "
        "least. `minilm` is MiniLM-L6, `minilm-3` its first three layers.",
    ]
    varied: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
        ("lr", "Rate of the encoder:", lambda value: f"{value:g}"),
        ("head_lr", "Rate of the heads:", lambda value: f"{value:g}"),
        ("least", "Steps at least:", str),
    )
    for key, title, shown in varied:
        own = [one for one in cells if all(one[other] == value for other, value in _USUAL.items() if other != key)]
        values = sorted({one[key] for one in own})
        rows = []
        for name, encoder in dict.fromkeys((one["set"], one["encoder"]) for one in own):
            scores = {one[key]: one["score"] for one in own if (one["set"], one["encoder"]) == (name, encoder)}
            usual = scores.get(_USUAL[key])
            behind = "-" if usual is None else f"{100 * (max(scores.values()) - usual):.1f}"
            rows.append(
                [name, encoder, *(f"{100 * scores[one]:.1f}" if one in scores else "-" for one in values), behind]
            )
        parts += [title, table(["set", "encoder", *map(shown, values), "usual behind the best"], rows)]
    return "\n\n".join([*parts, measured_with(result)])


def bought(result: dict[str, Any]) -> str:
    rows = [
        [one["set"], one["metric"].replace("_", " "), *(f"{100 * one[name]:.1f}" for name in ("MiniLM-L6", "pre-trained further")),
         f"{100 * one['difference']:+.1f}", "-" if one["spread"] is None else f"{100 * one['spread']:.1f}", str(one["seeds"])]
        for one in result["rows"]
    ]  # fmt: skip
    return "\n\n".join([
        "## What span pre-training bought",
        "The same heads from MiniLM-L6 and from small-en's encoder before its heads, the same steps and usual rates "
        "(`python benchmarks/bought.py`); test scores, means over seeds. The spread is that of the differences.",
        table(["set", "score", "MiniLM-L6", "pre-trained further", "difference", "spread", "seeds"], rows),
        measured_with(result),
    ])  # fmt: skip


def coref_study(result: dict[str, Any]) -> str:
    short = result["short"]
    before = next(one["score"] for one in short if one["name"] == "as it was")
    rows = [
        [
            one["name"],
            f"{100 * one['score']:.1f}",
            f"{100 * (one['score'] - before):+.1f}",
            f"{one['seconds'] / 60:.0f}",
        ]
        for one in sorted(short, key=lambda one: -one["score"])
    ]
    parts = [
        "## Coreference: what gives most for the minutes",
        f"One thing changed at a time, {short[0]['epochs']} epochs of OntoGUM, one seed (`python benchmarks/coref_study.py`); "
        "CoNLL F1 of its dev documents, which also choose the weights.",
        table(["changed", "CoNLL F1", "difference", "minutes"], rows),
    ]
    if result["whole"]:
        whole = [
            [one["name"], one["data"], f"{100 * one['mean']:.1f}", "-" if one["spread"] is None else f"{100 * one['spread']:.1f}",
             ", ".join(f"{100 * score:.1f}" for score in one["scores"]), f"{one['minutes']}"]
            for one in result["whole"]
        ]  # fmt: skip
        changed = next((one["changed"] for one in result["whole"] if one["changed"]), {})
        said = ", ".join(
            "the encoder pre-trained further" if key == "encoder" else f"`{key}={value}`"
            for key, value in changed.items()
        )
        together = f"Together: {said}." if said else "Nothing that was changed gave enough."
        parts += [
            f"Whole runs, three seeds: dev documents of OntoGUM, test documents of LitBank. {together}",
            table(["recipe", "data", "CoNLL F1", "spread", "seeds", "minutes"], whole),
        ]  # fmt: skip
    return "\n\n".join([*parts, measured_with(result)])
