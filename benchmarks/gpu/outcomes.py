"""A plugin of pytest that writes each test's outcome at once, since a run that is killed writes no report.

python -m pytest -p benchmarks.gpu.outcomes ...    with SPANBERT_OUTCOMES=FILE: a line of JSON a test
"""

from __future__ import annotations

import json
import os

import pytest

_LONGEST = 600  # characters of a message


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Writes a line for a test that was called, and for one whose fixtures failed or that was skipped."""
    if report.when != "call" and report.passed:
        return
    outcome = "errors" if report.when != "call" and report.failed else _NAMES[report.outcome]
    line = {"name": report.nodeid, "outcome": outcome, "seconds": round(report.duration, 2)}
    if outcome != "passed":
        line["message"] = _message(report)
    with open(os.environ["SPANBERT_OUTCOMES"], "a", encoding="utf-8") as stream:  # noqa: PTH123
        stream.write(json.dumps(line) + "\n")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Writes a line for a file that cannot be imported."""
    if report.failed:
        with open(os.environ["SPANBERT_OUTCOMES"], "a", encoding="utf-8") as stream:  # noqa: PTH123
            line = {"name": report.nodeid, "outcome": "errors", "seconds": 0.0, "message": report.longreprtext}
            line["message"] = str(line["message"])[-_LONGEST:]
            stream.write(json.dumps(line) + "\n")


_NAMES = {"passed": "passed", "failed": "failures", "skipped": "skipped"}


def _message(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):  # of a skipped one: file, line, reason
        return str(report.longrepr[2])[:_LONGEST]
    crash = getattr(report.longrepr, "reprcrash", None)
    where = "" if crash is None else f" ({crash.path.rpartition('/')[2]}:{crash.lineno})"
    return (report.longreprtext if crash is None else crash.message)[:_LONGEST] + where
