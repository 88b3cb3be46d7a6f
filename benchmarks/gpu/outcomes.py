"""A plugin of pytest that writes each test's outcome at once, since a run that is killed writes no report.

python -m pytest -p benchmarks.gpu.outcomes ...    with SPANBERT_OUTCOMES=FILE: a line of JSON a test;
                                                   with SPANBERT_SHARE=2/6: every sixth test, from the third on
"""

from __future__ import annotations

import json
import os

import pytest

_LONGEST = 600  # characters of a message


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests of this process's share."""
    first, _, shares = os.environ.get("SPANBERT_SHARE", "0/1").partition("/")
    own = items[int(first) :: int(shares)]
    others = [item for number, item in enumerate(items) if number % int(shares) != int(first)]
    config.hook.pytest_deselected(items=others)
    items[:] = own


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
