"""A report in aligned lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spanbert.apps.doctor.lengths import histogram_lines
from spanbert.core.findings import SEVERITIES, Finding
from spanbert.core.model_path import model_name

if TYPE_CHECKING:
    from spanbert.apps.doctor.estimate import Estimate
    from spanbert.apps.doctor.report import Report

_SHOWN_LABELS = 30
_WIDTH = 78
_NAME = 24


def report_lines(report: Report) -> Iterator[str]:
    """The report, section by section; findings last except for the sum, where they are seen first."""
    facts = report.facts
    yield f"spanbert doctor {report.kind}: {', '.join(report.files)}; model {model_name(report.model)}"
    yield from _section("Data")
    yield _line("read as", facts["read_as"])
    for name, words in report.fact_lines:
        yield _line(name, words)
    yield from _table(report.files, facts)
    for file, figures in facts.get("numbers", {}).items():
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        yield _line(f"numbers of {file}", shown or "none")
    if "pieces" in facts:
        yield from _section(f"Lengths in pieces, without specials: {report.files[0]}")
        yield from _lengths(facts)
    if report.estimate is not None:
        yield from _section("Estimate for this machine, measured in a few steps")
        yield from _costs(report.estimate)
    yield from _section("Findings")
    if not report.findings:
        yield "nothing that would hinder training"
    for finding in report.findings:
        yield from _finding(finding, several_files=len(report.files) > 1)
    counts = Counter(finding.rule.severity for finding in report.findings)
    if report.repairs:
        yield from _section("Repaired copy")
        yield from (f"  {line}" for line in report.repairs)
    yield ""
    yield ", ".join(f"{counts[one]} {one}{'' if counts[one] == 1 else 's'}" for one in SEVERITIES)


def _section(title: str) -> list[str]:
    return ["", f"== {title} ".ljust(_WIDTH, "=")]


def _line(name: str, value: str) -> str:
    return f"  {name:<{_NAME}} {value}"


def _table(files: tuple[str, ...], facts: Mapping[str, Any]) -> Iterator[str]:
    """Texts and labels: a column a file."""
    labels = facts["labels"]
    shown = list(labels.items())[:_SHOWN_LABELS]
    most = max((len(name) + 2 for name, _ in shown), default=0)
    names, numbers = min(max(_NAME, most), 2 * _NAME), max(9, *map(len, files))
    yield f"  {'':<{names}} " + "  ".join(f"{file:>{numbers}}" for file in files)
    for name, counts in (("texts", facts["texts"]), *((f"  {name}", counts) for name, counts in shown)):
        yield f"  {name:<{names}} " + "  ".join(f"{counts[file]:>{numbers},}" for file in files)
        if name == "texts" and labels:
            yield f"  labels ({len(labels)})"
    if len(labels) > len(shown):
        yield f"    and {len(labels) - len(shown)} more"


def _lengths(facts: Mapping[str, Any]) -> Iterator[str]:
    pieces = facts["pieces"]
    figures = ", ".join(f"{name} {pieces[name]:,}" for name in ("median", "90%", "99%", "longest"))
    yield f"  mean {pieces['mean']:.1f}, {figures}"
    yield from (f"  {line}" for line in histogram_lines(pieces["histogram"]))
    if "window" in facts:
        yield (
            f"  windows of {facts['window']} tokens: {facts['windows']:,}; "
            f"texts cut into several: {facts['texts_in_windows']:,}"
        )


def _costs(cost: Estimate) -> Iterator[str]:
    yield _line("an epoch", f"{_duration(cost.seconds_an_epoch)}, without evaluation")
    yield _line(
        "", f"{cost.windows_an_epoch:,} windows, {cost.steps_an_epoch:,} steps, {cost.tokens_a_second:,.0f} tokens/s"
    )
    if cost.steps is not None:
        epochs = cost.steps / cost.steps_an_epoch
        yield _line(
            "the whole run", f"{_duration(epochs * cost.seconds_an_epoch)}, {cost.steps:,} steps ({epochs:.3g} epochs)"
        )
    if cost.is_disturbed:
        load = "" if cost.load is None else f"load {cost.load:.1f} on {cost.cores} cores; "
        yield _line(
            "this machine is busy", f"{load}now an epoch takes {_duration(cost.slowdown * cost.seconds_an_epoch)}"
        )
        yield _line("", "the times above are for a machine without other work")
    yield _line("memory at the peak", f"{_size(cost.memory)} more than the process itself")
    yield _line(
        "  weights, gradients", f"{_size(cost.weights)} + {_size(cost.gradients)} ({cost.parameters:,} parameters)"
    )
    yield _line("  AdamW's moments", _size(cost.optimizer))
    yield _line("  activations", f"{_size(cost.activations)} for a step of the longest windows")
    yield _line("  to save a state", f"{_size(cost.saving)} for a copy")
    yield _line("  encoded data", _size(cost.windows))
    yield _line("  buffers and the rest", _size(cost.overhead))


def _finding(finding: Finding, *, several_files: bool) -> Iterator[str]:
    rule = finding.rule
    file = f" [{finding.file}]" if several_files else ""
    yield f"{rule.severity:<8} {finding.count:>7,}  {rule.what}{file}"
    yield from (f"{'':<18} {example}" for example in finding.examples)
    if rule.remedy:
        yield f"{'':<16} > {rule.remedy}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
