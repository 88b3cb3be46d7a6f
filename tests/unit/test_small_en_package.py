"""The package of small-en: built from its folder, with a tiny bundle in place of its weights, it is found by its name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import spanbert

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "models" / "small-en"
WEIGHTS = SOURCE / "src" / "spanbert_small_en" / "model"
TINY = ROOT / "tests" / "fixtures" / "bundles" / "joint"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a copy that holds the tiny bundle."""
    work = tmp_path_factory.mktemp("package")
    copy = shutil.copytree(SOURCE, work / "small-en", ignore=shutil.ignore_patterns("model", "__pycache__"))
    shutil.copytree(TINY, copy / "src" / "spanbert_small_en" / "model")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", work / "dist", copy]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next((work / "dist").iterdir())


def test_an_installed_package_is_found_by_the_name_of_the_model(wheel: Path, tmp_path: Path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = (
        "import spanbert; from spanbert.core.model_path import model_name, resolve\n"
        "print(resolve('small-en')); print(model_name('small-en'))\n"
        "print(*spanbert.load('small-en')('the old fox sees a dog .').tasks)"
    )
    path = os.pathsep.join([str(site), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place, name, tasks = done.stdout.splitlines()
    assert place == str(site / "spanbert_small_en" / "model")
    assert name == "small-en"
    assert tasks.split() == list(spanbert.load(TINY)("the old fox sees a dog .").tasks)


def test_the_wheel_holds_the_whole_bundle_and_needs_nothing(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for file in TINY.iterdir():
            assert archive.read(f"spanbert_small_en/model/{file.name}") == file.read_bytes()
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        facts = Parser().parsestr(archive.read(metadata).decode())
    assert facts["Name"] == "spanbert-small-en"
    assert facts["License-Expression"] == "CC-BY-SA-4.0 AND Apache-2.0"
    assert facts.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert facts.get_all("Requires-Dist") is None
    assert [name for name in names if "spanbert/" in name] == []


def test_the_main_package_holds_none_of_it():
    builds = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert builds["wheel"]["packages"] == ["src/spanbert"]
    assert not [one for one in builds["sdist"]["include"] if "models".startswith(one.strip("/"))]


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the weights of small-en are not part of this tree")
def test_its_weights_are_whole_and_small():
    assert spanbert.info(WEIGHTS)["mlm_head"]
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file()) <= 52e6
    assert (WEIGHTS / "README.md").is_file()
