"""What the doctor says: rules, how often each is broken and where, and the whole report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from spanbert.apps.doctor.estimate import Estimate

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 5
_LONGEST_EXCERPT = 60


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that data should not do, or that is good to know of it.

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


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the doctor found.

    Attributes:
        kind: The kind of task.
        files: Names of the data and, where there is one, of the dev file.
        model: The model.
        facts: How the files were read, and counts: see `diagnose.doctor`.
        findings: Errors first.
        estimate: What fine-tuning would cost; None where it was not asked for, or there is nothing to learn from.
        repairs: What was done in the repaired copy; empty where none was asked for.
    """

    kind: str
    files: tuple[str, ...]
    model: str
    facts: Mapping[str, Any]
    findings: tuple[Finding, ...]
    estimate: Estimate | None = None
    repairs: tuple[str, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """2 where there is an error, else 0."""
        return 2 if any(finding.rule.severity == "error" for finding in self.findings) else 0

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "files": list(self.files),
            "model": self.model,
            **self.facts,
            "findings": [finding.as_record() for finding in self.findings],
            "estimate": None if self.estimate is None else {**asdict(self.estimate), "memory": self.estimate.memory},
            "repairs": list(self.repairs),
        }


def excerpt(text: str) -> str:
    """A text in one short line, in quotes."""
    line = " ".join(text.split())
    return repr(line if len(line) <= _LONGEST_EXCERPT else line[: _LONGEST_EXCERPT - 3] + "...")


def difference(one: str, other: str) -> str:
    """Two labellings in one line; of long ones, only where they first differ."""
    if max(len(one), len(other)) > _LONGEST_EXCERPT:
        parts = list(zip(one.split(), other.split(), strict=False))
        place = next((number for number, (a, b) in enumerate(parts) if a != b), len(parts))
        shown = (" ".join(label.split()[place : place + 4]) for label in (one, other))
        one, other = (f"... {label} ..." for label in shown)
    return f"{one} and {other}"
