"""Whether attributions are faithful."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table

_ROWS = {
    "mask": "integrated gradients, baseline `[MASK]`",
    "pad": "integrated gradients, baseline `[PAD]`",
    "zero": "integrated gradients, baseline zeros",
    "attention": "attention of the last layer",
    "random": "random order",
}
_DATA = {
    "sst2": ("SST-2 test, the label of a sentence", "sentences"),
    "wnut17": ("WNUT-17 test, entities by the words around them", "entities"),
}


def _figure(one: dict[str, float]) -> str:
    return f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})"


def explain(result: dict[str, Any]) -> str:
    parts = [
        "## Explanations: does the model hang on the words that are named? (`python benchmarks/explain.py WORK`)",
        "MiniLM-L6, an encoder of "
        f"{result['encoder']['num_hidden_layers']} layers of {result['encoder']['hidden_size']}, fine-tuned on the training parts of both sets. "
        f"{', '.join(f'{share:.0%}' for share in result['shares'])} of the words are deleted, those that count most first; the mean over "
        "these shares of how much the probability of what was said falls is *comprehensiveness* (more is better); with all other words "
        "deleted it is *sufficiency* (less is better; DeYoung et al. 2020, ERASER). In brackets 95% bootstrap intervals over texts; "
        f"random orders are the mean of {result['draws']}; leads are paired, text by text.",
    ]
    for name, (title, things) in _DATA.items():
        one = result["data"][name]
        rows = [
            [label, *(_figure(one["by"][way][figure]) for figure in ("comprehensiveness", "sufficiency"))]
            + (
                ["", ""]
                if way == "random"
                else [_figure(one["by"][way][f"{figure}_lead"]) for figure in ("comprehensiveness", "sufficiency")]
            )
            for way, label in _ROWS.items()
        ]
        head = ["words by", "comprehensiveness", "sufficiency", "more than random", "sufficiency less random's"]
        own = one["by"]["mask"]
        parts += [
            f"{title}: {one['samples']} {things}, {one['words']:.0f} words each that may be deleted. Gradients were taken at "
            f"{own['steps']:.0f} points in the median; {own['converged']:.1%} of the sums were within a hundredth.",
            table(head, rows),
        ]
    return "\n\n".join([*parts, measured_with(result)])
