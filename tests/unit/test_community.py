"""Workflows, templates and the files about the project itself."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import spanbert

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_there_is_a_workflow_for_each_thing():
    assert [path.stem for path in WORKFLOWS] == ["docs", "release", "test", "wheel"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_ask_for_little_and_name_actions_by_commit(path: Path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert "timeout-minutes" in job or "uses" in job
        assert "write" not in job["permissions"].values() or path.stem == "release"
    for used in re.findall(r"uses: (.+?)(?:  # zizmor.*)?$", text, flags=re.MULTILINE):
        assert re.fullmatch(r"\./\S+|\S+@[0-9a-f]{40} # v[\d.]+", used), used
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert not re.search(r"run: .*\$\{\{", text), "what others name is no part of a shell line"


def test_every_python_that_the_package_names_is_tested():
    named = {one.rpartition(" :: ")[2] for one in PROJECT["classifiers"] if re.search(r"Python :: 3\.", one)}
    matrix = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    assert (
        named == {*matrix["python"], *(one["python"] for one in matrix["include"])} == {"3.11", "3.12", "3.13", "3.14"}
    )
    assert PROJECT["requires-python"] == ">=3.11"


def test_templates_can_be_read():
    names = {path.stem for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")}
    assert names == {"bug", "config", "format", "idea"}
    for name in names - {"config"}:
        form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())
        assert {"name", "description", "labels", "body"} == form.keys()
        identities = [field["id"] for field in form["body"]]
        assert len(set(identities)) == len(identities)
        assert all(field["type"] in ("textarea", "input") and field["attributes"]["label"] for field in form["body"])


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == spanbert.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


def test_links_between_pages_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").glob("*.md")]
    assert len(pages) > 8
    for page in pages:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_page_of_extras_has_all_that_users_choose_from():
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page.partition("| extra |")[2], flags=re.MULTILINE)
    assert sorted(listed) == sorted(PROJECT["optional-dependencies"].keys() - {"demo", "test", "docs", "dev"})
