"""Directories that claim what is not so: JSON files changed at any place, and bundles that are signed again."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ABSENT = "absent"  # the key is left out
ODD_VALUES: tuple[Any, ...] = (
    ABSENT, None, True, 0, -1, 3, 10**9, 2**32 - 1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "../x", [], [[]], ["x"], {},
    {"x": 1},
)  # fmt: skip
Place = tuple[str | int, ...]


def places(value: Any, before: Place = ()) -> Iterator[Place]:
    """Where something stands in a JSON value, from outside in; of lists the first element alone."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*before, key)
        yield from places(inner, (*before, key))


def changed(value: Any, place: Place, odd: Any) -> Any:
    """A JSON value with something else at a place."""
    made = copy.deepcopy(value)
    at = made
    for key in place[:-1]:
        at = at[key]
    if odd == ABSENT:
        del at[place[-1]]
    else:
        at[place[-1]] = odd
    return made


def copied(source: Path, target: Path) -> Path:
    """A copy of a directory."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Changes a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def sign(bundle: Path) -> None:
    """Notes the checksums of the files as they are now, so that nothing but their content can be refused."""

    def note(manifest: dict[str, Any]) -> None:
        for name in manifest["files"]:
            data = (bundle / name).read_bytes()
            manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    edit(bundle / "spanbert.json", note)
