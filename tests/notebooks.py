"""Runs the notebooks of `examples/`: whole, each in a process of its own, with other values of their parameters if asked to.

    python -m tests.notebooks first_steps publish    runs these as they are and stores what they show (all, without names)

A notebook has one cell tagged `parameters`, with all that may be changed. Values that are given replace those of that
cell by a cell behind it, as papermill does.
"""

from __future__ import annotations

import ast
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tests.hub import local_hub

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
PUBLISHES = "publish"  # is run beside a stand-in for the hub
WITHOUT_OUTPUT = "chinese"  # starts from a model of the hub, which nobody may have
LONGEST = 1800  # seconds of a cell


def read(notebook: Path) -> NotebookNode:
    """A notebook.

    Raises:
        nbformat.ValidationError: It is none.
    """
    found = nbformat.read(notebook, as_version=4)
    nbformat.validate(found)
    return found


def parameters(notebook: NotebookNode) -> dict[str, str]:
    """What may be changed in a notebook: names, and the Python that gives their values."""
    [cell] = [one for one in notebook.cells if "parameters" in one.metadata.get("tags", ())]
    found: dict[str, str] = {}
    for line in ast.parse(cell.source).body:
        if isinstance(line, ast.Assign):
            [name] = line.targets
            assert isinstance(name, ast.Name)
            found[name.id] = ast.unparse(line.value)
    return found


def run(
    notebook: Path,
    folder: Path,
    *,
    values: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> NotebookNode:
    """Runs a notebook from its first to its last cell in a copy of `examples/`.

    Args:
        notebook: Which; it stays as it is.
        folder: For the copy.
        values: By name, in place of those in the cell of parameters.
        environment: Variables of its process, in addition to those of this one.

    Returns:
        The notebook, with what its cells showed.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    found = read(notebook)
    given = dict(values or {})
    assert given.keys() <= parameters(found).keys(), "no such parameter"
    if given:
        place = next(n for n, one in enumerate(found.cells) if "parameters" in one.metadata.get("tags", ()))
        source = "\n".join(f"{name} = {value!r}" for name, value in given.items())
        found.cells.insert(place + 1, new_code_cell(source))
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("runs", ".ipynb_checkpoints"), dirs_exist_ok=True)
    client = NotebookClient(
        found,
        timeout=LONGEST,
        startup_timeout=LONGEST,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, **(environment or {})})
    return found


def run_beside_a_hub(notebook: Path, folder: Path, *, values: Mapping[str, Any] | None = None) -> NotebookNode:
    """As `run`, where a notebook that publishes finds a stand-in for the hub."""
    if notebook.stem != PUBLISHES:
        return run(notebook, folder, values=values)
    with local_hub() as hub, tempfile.TemporaryDirectory() as home:
        return run(notebook, folder, values=values, environment=hub.environment(home))


def store(notebook: Path, ran: NotebookNode) -> None:
    """Writes a notebook that ran with what it showed, and without when and where."""
    for cell in ran.cells:
        cell.metadata.pop("execution", None)
    ran.metadata = read(notebook).metadata
    nbformat.write(ran, notebook)


if __name__ == "__main__":
    for path in NOTEBOOKS:
        if path.stem in (sys.argv[1:] or {one.stem for one in NOTEBOOKS} - {WITHOUT_OUTPUT}):
            print(path.name, flush=True)
            with tempfile.TemporaryDirectory() as copy:
                store(path, run_beside_a_hub(path, Path(copy)))
