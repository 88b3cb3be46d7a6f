"""docs/ARCHITECTURE.md names rooms, files and things that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "spanbert"
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]


def place(path: str) -> Path:
    return (PACKAGE if path.partition("/")[0] in ROOMS else ROOT) / path


def test_rooms_stand_in_the_order_of_the_contract():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    order = next(one["layers"] for one in tools["importlinter"]["contracts"] if one["type"] == "layers")[::-1]
    assert sorted(order) == sorted(ROOMS)
    listed = re.search(r"`(core > [a-z >]+)`", PAGE)
    assert listed is not None
    assert listed[1].split(" > ") == order
    assert re.findall(r"^\| `(\w+)` \|[^|]+\|[^|]+\|$", PAGE, flags=re.MULTILINE)[: len(order)] == order


def test_files_exist():
    first = "|".join([*ROOMS, "src", "tests", "docs", "benchmarks"])
    paths = set(re.findall(rf"(?<![\w/.])(?:{first})/[\w/.]*(?:\.\w+|/)(?![\w.])|(?<=`)(?:{first})/[\w/]+(?=`)", PAGE))
    assert len(paths) > 80
    assert [path for path in sorted(paths) if not place(path).exists()] == []


def test_names_are_defined_where_the_table_says():
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w/]+\.py)` \|", PAGE, flags=re.MULTILINE)
    assert len(rows) > 50
    assert len({name for name, _ in rows}) == len(rows)
    for name, path in rows:
        for part in name.split("."):
            defined = rf"^\s*(?:class|def) {part}\b|^\s*{part}\s*[:=]"
            assert re.search(defined, place(path).read_text(encoding="utf-8"), flags=re.MULTILINE), f"{name} in {path}"


def test_members_that_paths_name_exist():
    named = re.findall(r"`([\w/]+\.py):([\w.]+)`", PAGE)
    assert named
    for path, names in named:
        text = place(path).read_text(encoding="utf-8")
        assert [one for one in names.split(".") if not re.search(rf"(?:class|def) {one}\b", text)] == []
