"""Libraries that an installation may be without: which of its extras brings each."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from spanbert.core import missing
from spanbert.core.missing import OPTIONAL, installed_distribution, lacking

ROOT = Path(__file__).parents[3]
PROJECTS = {
    "spanbert": ROOT / "pyproject.toml",
    "spanbert-runtime": ROOT / "wheels" / "runtime" / "pyproject.toml",
}
OF_LIBRARY = {
    "sklearn": "scikit-learn",
    "prometheus_client": "prometheus-client",
    "starlette": "fastapi",
}


def project(name: str) -> dict[str, Any]:
    return dict(tomllib.loads(PROJECTS[name].read_text(encoding="utf-8"))["project"])


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~!;, ]", one, maxsplit=1)[0] for one in requirements}


@pytest.mark.parametrize("library", OPTIONAL)
@pytest.mark.parametrize(("place", "distribution"), enumerate(PROJECTS))
def test_each_library_comes_by_the_extra_that_is_named(library: str, place: int, distribution: str):
    facts = project(distribution)
    wanted, extra = OF_LIBRARY.get(library, library), OPTIONAL[library][place]
    brought = {one: names(requirements) for one, requirements in facts["optional-dependencies"].items()}
    brought[""] = names(facts["dependencies"])
    if extra is None:
        assert not any(wanted in found for found in brought.values())
    else:
        assert wanted in brought[extra]


def test_what_is_always_there_is_not_optional():
    always = names(project("spanbert")["dependencies"]) & names(project("spanbert-runtime")["dependencies"])
    assert not always & OPTIONAL.keys()


def test_both_packages_serve_by_the_same_libraries():
    ours, light = (project(name)["optional-dependencies"]["serve"] for name in PROJECTS)
    assert ours == light


@pytest.mark.parametrize(
    ("installed", "library", "package", "elsewhere"),
    [
        ("spanbert", "fastapi", "spanbert[serve]", False),
        ("spanbert-runtime", "fastapi", "spanbert-runtime[serve]", False),
        ("spanbert-runtime", "scipy", "spanbert-runtime[scores]", False),
        ("spanbert-runtime", "onnxruntime", "spanbert-runtime", False),
        ("spanbert-runtime", "torch", "spanbert", True),
        ("spanbert-runtime", "captum", "spanbert[explain]", True),
        (None, "torch", "spanbert", False),
    ],
)
def test_the_remedy_names_what_is_installed(
    installed: str | None, library: str, package: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
):
    def version(name: str) -> str:
        if name != installed:
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(missing, "version", version)
    assert installed_distribution() == (installed or "spanbert")
    error = lacking(library)
    assert error.exit_code == 2
    assert error.remedy is not None
    assert error.remedy.startswith(f"pip install '{package} @ ")
    assert error.remedy.endswith(", in an environment without spanbert-runtime") == elsewhere
    assert f"the library {library}, which is not installed" in error.what
