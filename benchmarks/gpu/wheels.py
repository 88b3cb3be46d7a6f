"""Wheels of what spanbert needs and a machine does not have, for its Python and its system."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHON = "3.12"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
THERE = frozenset({  # what an image for training has anyway: torch, transformers, and what these and their users need
    "torch", "numpy", "scipy", "scikit-learn", "tokenizers", "safetensors", "huggingface-hub", "pyarrow", "pyyaml",
    "tensorboard", "typer", "rich", "typing-extensions", "packaging",
})  # fmt: skip


def lacking(project: Path, there: Iterable[str] = THERE, more: Iterable[str] = ()) -> list[str]:
    """What must be carried, as `NAME==VERSION` with the versions that are installed here.

    Args:
        project: `pyproject.toml`.
        there: What the machine has, with all that these need.
        more: Packages that must be carried too.
    """
    has = set(map(canonicalize_name, there))
    needed = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    waiting = [*map(_name, needed), *map(canonicalize_name, more)]
    found: list[str] = []
    while waiting:
        name = waiting.pop(0)
        if name not in has and name not in found:
            found.append(name)
            waiting += _needs(name)
    return sorted(f"{name}=={version(name)}" for name in found)


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


def _needs(name: str) -> Iterator[str]:
    """What an installed package needs, without its extras."""
    for line in requires(name) or ():
        marker = Requirement(line).marker
        if marker is None or marker.evaluate({"python_version": PYTHON, "python_full_version": PYTHON, "extra": ""}):
            yield _name(line)


def download(names: Iterable[str], folder: Path) -> None:
    """Downloads wheels.

    Args:
        names: With their versions.
        folder: Where they go.
    """
    places = [part for one in PLATFORMS for part in ("--platform", one)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", PYTHON, "--implementation", "cp", *places, "--dest", str(folder), *names]
    subprocess.run(command, check=True)
