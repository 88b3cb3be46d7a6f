"""The result of a part, on the disk as soon as a figure is known. Standard library alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Figures:
    """A JSON file that always holds all that is known, whatever ends the process that measures.

    Args:
        path: The file; what is in it is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def note(self, **facts: Any) -> None:
        """Adds figures, or replaces those of the same names."""
        self.facts.update(facts)
        temporary = self.path.with_name(f".{self.path.name}.writing")
        temporary.write_text(json.dumps(self.facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(self.path)
