"""No file names a kind of task but those of its folder and the registry: a list of kinds elsewhere fails silently."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import spanbert
from spanbert.tasks.registry import kinds, specs

SOURCE = Path(spanbert.__file__).parent
ALLOWED = {
    "core/types.py": "`tag` is the column of a Document that holds one tag a word, and older than the kind",
    "corpus/formats/tacred.py": "`relation` is a key of TACRED's JSON",
    "corpus/formats/spacy_records.py": "`tag` is a key of spaCy's JSON",
    "corpus/formats/label_studio_results.py": "`relation` is a type of Label Studio's results",
    "corpus/formats/brat_lines.py": "brat's relations of coreference begin with `Coref`",
    "checkpoint/names.py": "Hugging Face's tensor names stand under the hub's slugs",
    "core/missing.py": "`translate` is an extra of the package",
}


def names_of_kinds(source: str, names: set[str]) -> list[str]:
    """String constants that are a kind or slug, or a setting of a kind (`coref.depth`); docstrings are not read."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, names))})(?:\.[a-z_.]*)?")
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docs)
    return [node.value for node in constants if isinstance(node.value, str) and pattern.fullmatch(node.value)]


def owner(file: Path) -> str | None:
    """The kind in whose folder a file lies."""
    parts = file.relative_to(SOURCE).parts
    return parts[1] if parts[0] == "tasks" and len(parts) == 3 and parts[1] in kinds() else None


def test_files_that_name_a_kind():
    names = {*kinds(), *(spec.slug for spec in specs() if spec.slug is not None)}
    found: dict[str, list[str]] = {}
    for file in SOURCE.rglob("*.py"):
        own = {one for spec in specs() if spec.kind == owner(file) for one in (spec.kind, spec.slug, spec.hub_task)}
        named = [one for one in names_of_kinds(file.read_text(), names) if one.split(".")[0] not in own]
        if named and file != SOURCE / "tasks" / "registry.py":
            found[file.relative_to(SOURCE).as_posix()] = named
    assert found.keys() == ALLOWED.keys(), found
    assert len(ALLOWED) <= 7, "keys of other files alone"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('TITLES = {"coref": "clusters"}', ["coref"]),
        ("if task.kind in ('qa', 'tags'): pass", ["qa"]),
        ('f"coref.{key}"', ["coref."]),
        ('settings["coref.depth"]', ["coref.depth"]),
        ('"the kind coref"; x = kind', []),
        ('def coref():\n    "coref"', []),
    ],
)
def test_what_is_found(source: str, found: list[str]):
    assert names_of_kinds(source, {"coref", "qa"}) == found
