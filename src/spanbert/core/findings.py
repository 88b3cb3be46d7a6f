"""What is wrong with data: rules, how often a file breaks each, and where."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from spanbert.core.excerpts import shortened

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 5
_LONGEST_EXCERPT = 60


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that data should not contain, or that is good to know about it.

    Attributes:
        severity: `error` makes training fail or teaches what is wrong; `warning` costs quality; `note` is a fact.
        name: For programs, in one word.
        what: For people.
        remedy: What can be done.
    """

    severity: Severity
    name: str
    what: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule that a file breaks.

    Attributes:
        rule: Which.
        file: Name of the file.
        count: How often.
        examples: The first places, with file and line.
    """

    rule: Rule
    file: str
    count: int
    examples: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self.rule), "file": self.file, "count": self.count, "examples": list(self.examples)}


class Ledger:
    """Counts broken rules of one file and keeps the first examples; memory does not grow with the file.

    Args:
        file: Its name.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._counts: Counter[Rule] = Counter()
        self._examples: dict[Rule, list[str]] = {}

    def add(self, rule: Rule, example: str = "", *, times: int = 1) -> None:
        """Takes in one place (or `times` of them) where a rule is broken."""
        self._counts[rule] += times
        examples = self._examples.setdefault(rule, [])
        if example and len(examples) < SHOWN:
            examples.append(example)

    def count(self, rule: Rule) -> int:
        """How often a rule was broken."""
        return self._counts[rule]

    def findings(self) -> list[Finding]:
        """Everything found, errors first."""
        found = [
            Finding(rule=rule, file=self.file, count=count, examples=tuple(self._examples[rule]))
            for rule, count in self._counts.items()
        ]
        return sorted(found, key=lambda one: SEVERITIES.index(one.rule.severity))


def excerpt(text: str) -> str:
    """A text in one short line, in quotes."""
    line = " ".join(text.split())
    return repr(shortened(line, _LONGEST_EXCERPT))


def difference(one: str, other: str) -> str:
    """Two labellings in one line; of long ones, only where they first differ."""
    if max(len(one), len(other)) > _LONGEST_EXCERPT:
        parts = list(zip(one.split(), other.split(), strict=False))
        place = next((number for number, (a, b) in enumerate(parts) if a != b), len(parts))
        shown = (" ".join(label.split()[place : place + 4]) for label in (one, other))
        one, other = (f"... {label} ..." for label in shown)
    return f"{one} and {other}"
