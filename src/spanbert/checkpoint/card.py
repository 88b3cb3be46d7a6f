"""The model card of a bundle: what it is, what it saw, how well it does, how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def model_card(
    *,
    title: str,
    what: str,
    tags: Sequence[str],
    loads: str,
    base: str,
    data: Mapping[str, Any],
    recipe: str,
    scores: Sequence[str],
    usage: Sequence[str],
) -> str:
    """Markdown with the front matter that Hugging Face reads.

    Args:
        title: Name of the bundle.
        what: Encoder and heads in words, a sentence without its full stop.
        tags: For the search of a hub.
        loads: Which programs load it, in a sentence.
        base: The checkpoint that training began from, or "from scratch".
        data: `name`, `licence`, `fingerprint`; where it was counted, `pieces` of the text; where the weights at the
            start saw other text, the licence of that as `base_licence`.
        recipe: The settings as YAML.
        scores: The figures in lines.
        usage: Shell commands or Python lines that use the bundle.
    """
    licence = data.get("licence") or "not stated: ask whoever trained this model"
    sections = [
        "---\nlibrary_name: spanbert\ntags:\n" + "".join(f"- {tag}\n" for tag in tags) + "---",
        f"# {title}",
        f"{what}. Weights at the start: {base}"
        + (f" (text under {data['base_licence']})." if data.get("base_licence") else "."),
        f"## Data\n- text: {data.get('name')}\n- licence of the text: {licence}\n"
        + (f"- size: {data['pieces']:,} pieces\n" if "pieces" in data else "")
        + f"- fingerprint: `{data.get('fingerprint')}`",
        "## Held-out figures\n```\n" + "\n".join(scores or ["nothing was held out"]) + "\n```",
        "## Use\n```\n" + "\n".join(usage) + "\n```",
        loads,
        f"## Settings\n```yaml\n{recipe.strip()}\n```",
    ]
    return "\n\n".join(sections) + "\n"
