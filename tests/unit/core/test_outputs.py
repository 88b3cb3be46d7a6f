"""Where output may go: inputs under any name, what exists, files and folders in each other's place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.files import temporary_beside
from spanbert.core.outputs import check_output_file, check_output_folder, empty_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file, a model, links to both, and a run, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "spanbert.json").write_text('{"format": 1}')
    (tmp_path / "link.txt").symlink_to("a.txt")
    os.link(tmp_path / "a.txt", tmp_path / "hard.txt")
    (tmp_path / "linked").symlink_to("model")
    (tmp_path / "made.txt").write_text("earlier")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("a.txt", "would replace an input; got a.txt"),
        ("./model/../a.txt", "would replace an input"),
        ("link.txt", "would replace an input"),
        ("hard.txt", "would replace an input"),
        ("model", "would replace an input; got model"),
        ("linked", "would replace an input"),
        ("model/out.jsonl", "would lie inside an input; got model"),
        ("linked/new/out.jsonl", "would lie inside an input"),
        ("empty", "a folder, where a file is written"),
        ("a.txt/out.jsonl", "not a folder, so nothing can be written in it"),
    ],
)
def test_files_that_are_never_written(place: Path, target: str, message: str, overwrite: bool):
    with pytest.raises(InputError, match=rf"^--out .*{message}"):
        check_output_file(Path(target), inputs=["a.txt", "model", None, "hub/id"], overwrite=overwrite)
    assert (place / "a.txt").read_text() == "text"


def test_files_that_exist_need_overwrite(place: Path):
    for target in ("made.txt", str(place / "made.txt")):
        with pytest.raises(InputError, match="the file exists already. Pass --overwrite"):
            check_output_file(Path(target), inputs=["a.txt"], overwrite=False)
        check_output_file(Path(target), inputs=["a.txt"], overwrite=True)
    for target in ("new.txt", "new/folder/out.txt", "/dev/stdout", "/dev/null"):
        check_output_file(Path(target), inputs=["a.txt"], overwrite=False)
    os.mkfifo(place / "pipe")
    check_output_file(Path("pipe"), inputs=["a.txt"], overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("model", "would replace an input"),
        ("linked", "would replace an input"),
        ("model/inside", "would lie inside an input"),
        ("a.txt", "would replace an input"),
        ("made.txt", "a file, where a folder is made"),
        ("made.txt/folder", "not a folder, so nothing can be written in it"),
    ],
)
def test_folders_that_are_never_made(place: Path, target: str, message: str, overwrite: bool):
    with pytest.raises(InputError, match=rf"^--out .*{message}"):
        check_output_folder(Path(target), inputs=["a.txt", "model"], overwrite=overwrite)


def test_folders_that_exist_need_overwrite_and_are_replaced_only_if_spanbert_made_them(place: Path):
    check_output_folder(Path("empty"), inputs=[], overwrite=False)
    check_output_folder(Path("new/folder"), inputs=[], overwrite=False)
    with pytest.raises(InputError, match="the folder exists already"):
        check_output_folder(Path("model"), inputs=[], overwrite=False)
    check_output_folder(Path("model"), inputs=[], overwrite=True)
    for name, content, is_made in (
        ("index.json", {"shards": []}, True),
        ("run.json", {"settings": {}}, True),
        ("index.json", {"pages": []}, False),
        ("notes.txt", {}, False),
    ):
        folder = place / f"{name}-{is_made}"
        folder.mkdir()
        (folder / name).write_text(json.dumps(content))
        if is_made:
            check_output_folder(folder, inputs=[], overwrite=True)
        else:
            for overwrite in (True, False):  # nobody is told to pass --overwrite where it would not help
                with pytest.raises(InputError, match="is no store, model or run that could be replaced; got ") as error:
                    check_output_folder(folder, inputs=[], overwrite=overwrite)
                assert "--overwrite" not in str(error.value)
    with pytest.raises(InputError, match="would replace a folder that holds an input"):
        check_output_folder(Path("model"), inputs=["model/spanbert.json"], overwrite=True)
    empty_folder(Path("linked"))
    assert list((place / "model").iterdir()) == []
    assert (place / "linked").is_symlink()


def test_a_folder_with_nothing_but_leftovers_is_as_good_as_none(place: Path):
    temporary_beside(place / "empty" / "run.json").write_text("half")
    (place / "empty" / "seeds" / "0.run").mkdir(parents=True)
    temporary_beside(place / "empty" / "seeds" / "0.run" / "run.json").write_text("half")
    check_output_folder(Path("empty"), inputs=[], overwrite=False)
    (place / "empty" / "seeds" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="no store, model or run"):
        check_output_folder(Path("empty"), inputs=[], overwrite=True)
