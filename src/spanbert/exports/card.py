"""What was exported, and the model card of it: that of its bundle, with what the export is and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spanbert.exports.parity import Parity


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What was exported.

    Attributes:
        path: The directory.
        runtime: What runs it.
        precision: Of its products.
        bytes: Size of the graph and the weights beside it.
        bytes_before: Size of the weights of the bundle.
        kept_float32: The products that are float32 all the same.
        parity: What it costs in score, by task; empty without dev data.
    """

    path: Path
    runtime: str
    precision: str
    bytes: int
    bytes_before: int
    kept_float32: tuple[str, ...]
    parity: Mapping[str, Parity]


def export_card(bundle: Path, title: str, done: Export) -> str:
    """The card as Markdown.

    Args:
        bundle: What was exported; its card comes first.
        title: Of a bundle without a card.
        done: The export.
    """
    card = bundle / "README.md"
    before = card.read_text(encoding="utf-8").rstrip() if card.is_file() else f"# {title}"
    sections = [
        f"This directory holds the model as a graph for {done.runtime}, its products in {done.precision}: "
        f"{done.bytes / 1e6:.1f} MB, of {done.bytes_before / 1e6:.1f} MB of weights. `spanbert.load` answers by it "
        "without torch (`pip install spanbert-runtime`). Programs that read weights cannot load it, and it cannot be "
        "trained.",
    ]
    if done.precision != "float32" and done.kept_float32:
        sections.append(f"In float32 all the same: {', '.join(f'`{name}`' for name in done.kept_float32)}.")
    if done.parity:
        sections.append("\n".join(f"- {one.line(name)}" for name, one in done.parity.items()))
    return "\n\n".join([before, "## Exported", *sections]) + "\n"
