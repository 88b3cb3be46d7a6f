"""A release is made only where version, changelog and citation agree."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from spanbert.core.distribution import install_command

ROOT = Path(__file__).parents[2]
FILES = ("CHANGELOG.md", "CITATION.cff", "src/spanbert/__init__.py")


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = tool("release")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n- A thing.\n\n## [0.1.0] - 2026-01-02\n- First.\n"
    )
    return tmp_path


def test_a_release_that_was_prepared_is_in_order(project: Path):
    made = release.Release(project, "0.2.0")
    assert len(made.problems()) == 5
    made.prepare("2026-11-30")
    assert made.problems() == []
    assert made.notes() == "### Added\n- A thing."
    text = (project / "CHANGELOG.md").read_text()
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-11-30\n\n### Added" in text
    assert '__version__ = "0.2.0"' in (project / FILES[2]).read_text()
    assert "date-released: 2026-11-30\nversion: 0.2.0\n" in (project / "CITATION.cff").read_text()
    with pytest.raises(SystemExit, match="has a section of 0.2.0 already"):
        made.prepare("2026-12-01")
    with pytest.raises(SystemExit, match="nothing stands under"):
        release.Release(project, "0.3.0").prepare("2026-12-01")


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        (FILES[2], '"0.2.0"', '"0.1.9"', "__version__ is 0.1.9, not 0.2.0"),
        ("CITATION.cff", "version: 0.2.0", "version: 0.1.0", "CITATION.cff: version is 0.1.0"),
        ("CITATION.cff", "2026-11-30", "2026-11-29", "date-released is 2026-11-29, not 2026-11-30"),
        ("CHANGELOG.md", " - 2026-11-30", "", "the section of 0.2.0 has no date"),
        ("CHANGELOG.md", "### Added\n- A thing.\n", "", "the section of 0.2.0 is empty"),
        ("CHANGELOG.md", "[0.2.0]", "[0.2.1]", "no section '## [0.2.0] - DATE'"),
        ("CHANGELOG.md", "[Unreleased]\n", "[Unreleased]\n- More.\n", "something stands under Unreleased"),
        (
            "CHANGELOG.md",
            "## [0.2.0]",
            "## [9.0.0] - 2027-01-01\n- Later.\n\n## [0.2.0]",
            "0.2.0 is not the newest section",
        ),
    ],
)
def test_what_does_not_agree_is_said(project: Path, name: str, old: str, new: str, problem: str):
    made = release.Release(project, "0.2.0")
    made.prepare("2026-11-30")
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new, 1))
    assert any(problem in one for one in made.problems())


def test_its_command_line():
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "tools" / "release.py", *arguments], capture_output=True, text=True, check=False
        )

    assert "not a version: 'v1'" in run("check", "v1").stderr
    assert (run("check", "99.0.0").returncode, run().returncode) == (1, 1)
    assert "tools/release.py prepare" in run().stderr


def test_the_oldest_torch():
    oldest = tool("oldest_torch").oldest
    assert oldest('"torch>=2.11",') == "2.11.0"
    assert oldest('"torch>=2.12.1",') == "2.12.1"
    with pytest.raises(SystemExit, match="no torch"):
        oldest('"torchmetrics>=1"')


def test_packages_are_installed_from_where_they_are():
    """What model cards tell people who have never seen this repository."""
    for package in ("spanbert", "spanbert-runtime"):
        source, _, folder = install_command(package, "zh").removesuffix("'").partition("#subdirectory=")
        about = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert source == f"pip install '{package}[zh] @ git+{about['urls']['Source']}"
        assert (about["name"], "zh" in about["optional-dependencies"]) == (package, True)
    assert install_command("spanbert") == "pip install 'spanbert @ git+https://github.com/spanbert/spanbert'"
