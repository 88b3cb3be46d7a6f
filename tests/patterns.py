"""Every regular expression of the package, with the methods that are called of it, and the worst texts for it.

Patterns are found in the source: those that a module compiles, and those that a call of `re` names. So a new one is tried
without being listed anywhere; one that a function puts together while it runs is refused by the test.
"""

from __future__ import annotations

import ast
import importlib
import re
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import spanbert

PACKAGE = Path(spanbert.__file__).parent
LENGTH = 100_000
_CALLED = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")


@dataclass(frozen=True)
class Pattern:
    """A regular expression, where it stands, and what is called of it."""

    module: str
    place: str
    compiled: re.Pattern[Any]
    methods: frozenset[str]


def modules() -> list[str]:
    """The names of all modules of the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [".".join(("spanbert", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in paths]


def _calls(tree: ast.AST) -> Iterator[tuple[str, str, ast.Call]]:
    """Name of what is called of what: `("re", "sub", call)`, `("_HEADING", "match", call)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in (*_CALLED, "compile") and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr, node  # also where it is passed on: `map(_NAME.match, ...)`


def patterns_of(module: str) -> tuple[list[Pattern], list[str]]:
    """The patterns of a module, and the places of those that no test can see."""
    path = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found, unseen = [], []
    top = {
        id(node)
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
    }
    used: dict[str, set[str]] = {}
    for name, method, _ in _calls(tree):
        used.setdefault(name, set()).add(method)
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            continue
        if node.func.value.id != "re" or node.func.attr not in (*_CALLED, "compile"):
            continue
        if node.func.attr == "compile" and id(node) in top:
            continue
        given = node.args[0]
        choices = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
        methods = frozenset(_CALLED if node.func.attr == "compile" else (node.func.attr,))
        for one in choices:
            if isinstance(one, ast.Constant):
                found.append(Pattern(module, f"line {node.lineno}", re.compile(one.value), methods))
            else:
                unseen.append(f"{module}:{node.lineno}")
    assigned = {target.id for target in _assigned(tree)}
    if module.endswith("__main__"):
        return found, unseen
    for name, value in vars(importlib.import_module(module.removesuffix(".__init__"))).items():
        inside = (
            list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, tuple) else [value]
        )
        for one in inside if name in assigned else ():
            if isinstance(one, re.Pattern):
                methods = frozenset(used.get(name, ())) & set(_CALLED)
                found.append(Pattern(module, name, one, methods or frozenset(_CALLED)))
    return found, unseen


def _assigned(tree: ast.Module) -> Iterator[ast.Name]:
    """The names that a module gives values to, of several at once too."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


_ALPHABET = "a1 \t\n=.-_#[(<\"'中"


def _sample(pattern: re.Pattern[Any]) -> str:
    """A text as a pattern wants it to begin."""
    made: list[str] = []

    def walk(items: Any) -> None:
        for name, value in items:
            kind = str(name)
            if kind == "LITERAL":
                made.append(chr(value))
            elif kind == "IN":
                made.append(_member(value))
            elif kind in ("ANY", "NOT_LITERAL"):
                made.append("a")
            elif kind == "BRANCH":
                walk(value[1][0])
            elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
                walk(value[2])
            elif kind == "SUBPATTERN":
                walk(value[3])
            elif kind == "ATOMIC_GROUP":
                walk(value)

    walk(parser.parse(_source(pattern), pattern.flags & ~re.UNICODE))
    return "".join(made)


def _member(items: Any) -> str:
    """A character of a class."""
    kind, value = items[-1]
    if str(items[0][0]) == "NEGATE":
        return "a"
    if str(kind) == "CATEGORY":
        return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": "-"}.get(str(value), "a")
    return chr(value[0] if str(kind) == "RANGE" else value)


def _source(pattern: re.Pattern[Any]) -> str:
    return pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")


def worst_texts(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Long runs that a pattern may try again and again, with an end that fits nothing.

    What it wants to see first, as often as it fits; what it wants to see first, and then one character as often as it
    fits; any two characters of it in turn.
    """
    sample = _sample(pattern)
    begins = dict.fromkeys(sample[:length] for length in (*range(1, 13), 16, 24, len(sample)))
    letters = dict.fromkeys([*sample[:40], *_ALPHABET])
    yield from (letter * LENGTH + end for letter in letters for end in ("", "\0"))
    yield from (begin * (LENGTH // len(begin)) + "\0" for begin in begins if begin)
    yield from (
        begin + letter * LENGTH + "\0" for begin in begins for letter in dict.fromkeys([*sample[-3:], "a", " ", "1"])
    )
    pairs = product(list(dict.fromkeys([*sample[:3], "a", " "])), repeat=2)
    yield from ((one + other) * (LENGTH // 2) + "\0" for one, other in pairs if one != other)


def apply(pattern: re.Pattern[Any], methods: frozenset[str], text: str) -> None:
    """Calls what the package calls."""
    given: str | bytes = text if isinstance(pattern.pattern, str) else text.encode()
    for method in methods:
        if method in ("match", "fullmatch", "search"):
            getattr(pattern, method)(given)
        else:
            for _ in pattern.finditer(given):
                pass
