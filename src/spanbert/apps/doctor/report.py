"""The doctor's report on the files as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spanbert.apps.doctor.lines import report_lines
from spanbert.core.findings import Finding
from spanbert.core.in_lines import InLines

if TYPE_CHECKING:
    from spanbert.apps.doctor.estimate import Estimate


@dataclass(frozen=True, kw_only=True, repr=False)
class Report(InLines):
    """What the doctor found; Python shows it as the command line does.

    Attributes:
        kind: The kind of task.
        files: Names of the data and, where there is one, of the dev file.
        model: The model.
        facts: How the files were read, and counts: see `diagnose.doctor`.
        fact_lines: What the kind counts in addition to texts and labels, (name, words) pairs for people.
        findings: Errors first.
        estimate: What fine-tuning would cost; None where it was not asked for, or there is nothing to learn from.
        repairs: What was done in the repaired copy; empty where none was asked for.
    """

    kind: str
    files: tuple[str, ...]
    model: str
    facts: Mapping[str, Any]
    fact_lines: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...]
    estimate: Estimate | None = None
    repairs: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 where there is an error, else 0."""
        return 2 if any(finding.rule.severity == "error" for finding in self.findings) else 0

    @property
    def lines(self) -> list[str]:
        """The report for people."""
        return list(report_lines(self))

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
