from __future__ import annotations

from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, only_writer, read_json, write_atomically, write_json


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path):
    target = tmp_path / "a.json"
    write_json(target, {"a": 1})
    write_json(target, {"a": "ü"})
    assert read_json(target) == {"a": "ü"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "a.txt"
    write_atomically(target, "old")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_directory_appears_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "out"
    with pytest.raises(RuntimeError, match="stop"), directory_written_whole(target) as temporary:
        (temporary / "half").write_text("x")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []
    with directory_written_whole(target) as temporary:
        (temporary / "whole").write_text("x")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_directory_update_keeps_the_rest_and_moves_the_manifest_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "out"
    target.mkdir()
    (target / "metrics.jsonl").write_text("kept")
    (target / "a").write_text("old")
    moved: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, other: (moved.append(self.name), replace(self, other))[1])
    with directory_written_whole(target, last="a") as temporary:
        for name in ("a", "b", "c"):
            (temporary / name).write_text("new")
    assert moved == ["b", "c", "a"]
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "metrics.jsonl": "kept", "a": "new", "b": "new", "c": "new",
    }  # fmt: skip


def test_second_writer_is_refused(tmp_path: Path):
    with only_writer(tmp_path / "out"):
        with pytest.raises(InputError, match="another process is writing here"), only_writer(tmp_path / "out"):
            pass
    with only_writer(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "part"), [(b"{\n1}", ":2"), (b"\xff", "not UTF-8")])
def test_broken_json_names_the_place(tmp_path: Path, content: bytes, part: str):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=part):
        read_json(path)
