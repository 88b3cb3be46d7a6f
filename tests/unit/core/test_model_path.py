"""Where models come from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.model_path import is_model, model_name, resolve


def test_a_model_in_an_installed_package(hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "site" / "spanbert_very_small_en"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(InputError, match="no such path"):
        resolve("very-small-en")  # the package holds no model
    shutil.copytree(hugging_face_model, folder / "model")
    assert resolve("very-small-en") == folder / "model"
    assert spanbert.load("very-small-en").files.path == folder / "model"
    assert is_model("very-small-en")
    assert is_model(hugging_face_model)
    monkeypatch.chdir(tmp_path)
    Path("very-small-en").mkdir()
    assert resolve("very-small-en") == Path("very-small-en"), "a path comes first"
    assert not is_model("very-small-en")
    assert not is_model(hugging_face_model / "vocab.txt")


def test_names_of_packages_that_are_not_installed():
    with pytest.raises(InputError, match="install the package spanbert-small-xx if it is one of ours"):
        resolve("small-xx")
    with pytest.raises(InputError, match="Give the path of a model directory$"):
        resolve("somebody/small-xx")
    with pytest.raises(InputError, match="no such"):
        resolve("os.path")


def test_a_model_is_called_by_its_name_and_not_by_its_place(tmp_path: Path):
    (tmp_path / "package" / "model").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    assert model_name(tmp_path / "mine") == "mine"
    assert model_name(tmp_path / "package" / "model") == "package"
    assert model_name(tmp_path / "spanbert_small_en" / "model") == "small-en"
    assert model_name("google-bert/bert-base-cased") == "google-bert/bert-base-cased"
