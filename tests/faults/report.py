"""Writes the counts of the last campaign into docs/RELIABILITY.md; with --check, says whether they are there.

python -m tests.faults.report [--check]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE, RESULTS = ROOT / "docs" / "RELIABILITY.md", ROOT / "tests" / "faults" / "results.json"
BEGIN, END = "<!-- counts: python -m tests.faults.report -->", "<!-- end of counts -->"
_COUNTS = ("cuts", "equal", "refused", "wrong", "left over")
_PARTS = {
    "kill": "Signals at random moments (SIGKILL, SIGTERM, SIGINT)",
    "point": "Cuts before something that a run does to the disk",
    "disk": "Disks that are too small, and get room afterwards",
    "rank": "Signals to one of two processes that train together",
}


def counts(found: Mapping[str, Any]) -> str:
    """The tables."""
    facts = found["environment"]
    parts = [
        f"Campaign of {found['date']} at {_commits(found['commits'])}, seed {found['seed']}, with torch {facts['torch']} and "
        f"Python {facts['python']}, on {facts['cores']} cores of {facts['cpu']}."
    ]
    for part, title in _PARTS.items():
        if part not in found:  # of a campaign before there were such
            continue
        rows = [[verb, *(str(one[name]) for name in _COUNTS)] for verb, one in found[part].items() if one["cuts"]]
        rows.append(["all", *(str(sum(one[name] for one in found[part].values())) for name in _COUNTS)])
        parts += [
            f"{title}{_remark(part, found)}:",
            _table(["verb", "cut", "equal in the end", "refused between", "wrong", "left over"], rows),
        ]
    rows = [
        [name, *(str(one[what]) for what in ("files", "read", "refused", "wrong"))]
        for name, one in found["hostile"].items()
    ]
    rows.append(
        [
            "all",
            *(
                str(sum(one[what] for one in found["hostile"].values()))
                for what in ("files", "read", "refused", "wrong")
            ),
        ]
    )
    parts += ["Broken files:", _table(["format", "files", "read", "refused in one line", "wrong"], rows)]
    return "\n\n".join(parts)


def _commits(given: list[str]) -> str:
    """They are several where it was stopped, and what it found was mended before it went on."""
    return ("commit " if len(given) == 1 else "commits ") + ", ".join(f"`{one}`" for one in given)


def _remark(part: str, found: Mapping[str, Any]) -> str:
    if part == "point":
        return f" (of {sum(found['points there are'].values()):,} that there are)"
    by = found["disks by"]
    return " (by the seam: nothing could be mounted)" if part == "disk" and "tmpfs" not in by else ""


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def rendered() -> str:
    """The page with the counts of results.json."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    return f"{before}{BEGIN}\n\n{counts(found)}\n\n{END}{after}"


def write_page() -> None:
    """Puts the counts into the page."""
    PAGE.write_text(rendered(), encoding="utf-8")


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        write_page()
    elif PAGE.read_text(encoding="utf-8") != rendered():
        sys.exit("docs/RELIABILITY.md is out of date: python -m tests.faults.report")
