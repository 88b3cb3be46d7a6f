"""What every section is made of."""

from __future__ import annotations

from typing import Any


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def measured_with(result: dict[str, Any]) -> str:
    facts = result["environment"]
    return (
        f"Measured with spanbert {facts['spanbert']}, torch {facts['torch']}, Python {facts['python']}, "
        f"on {facts['cores']} cores of {facts['cpu']}."
    )
