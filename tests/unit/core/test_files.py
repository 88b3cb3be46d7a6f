from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
import torch

from spanbert.checkpoint.tensors import write_tensors
from spanbert.core import files
from spanbert.core.errors import InputError
from spanbert.core.exchange import exchanged
from spanbert.core.files import (
    copy_into,
    directory_written_whole,
    file_written_whole,
    only_writer,
    open_descriptor,
    read_json,
    remove_leftovers,
    remove_leftovers_in,
    temporary_beside,
    write_atomically,
    write_json,
)


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


@pytest.fixture
def umask_027():
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_files_and_folders_honour_the_umask_and_old_ones_keep_their_mode(tmp_path: Path, umask_027):
    secret, new, folder = tmp_path / "secret.txt", tmp_path / "new.txt", tmp_path / "folder"
    secret.write_text("old")
    secret.chmod(0o600)
    for target in (secret, new):
        with file_written_whole(target) as stream:
            stream.write("new")
    with directory_written_whole(folder) as temporary:
        write_tensors(temporary / "model.safetensors", {"a": torch.zeros(2)})
        write_json(temporary / "config.json", {})
    assert (secret.read_text(), mode(secret), mode(new)) == ("new", 0o600, 0o640)
    assert (mode(folder), {mode(path) for path in folder.iterdir()}) == (0o750, {0o640})


def test_links_are_followed_and_stay(tmp_path: Path):
    real, link, dangling = tmp_path / "real.txt", tmp_path / "link.txt", tmp_path / "dangling.txt"
    real.write_text("old")
    link.symlink_to("real.txt")
    dangling.symlink_to("folder/made.txt")
    write_atomically(link, "new")
    write_atomically(dangling, "made")
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (real.read_text(), (tmp_path / "folder" / "made.txt").read_text()) == ("new", "made")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    with only_writer(pipe), file_written_whole(pipe) as stream:
        stream.write("ü\n")
    reader.join()
    assert found == ["ü\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser makes devices")
def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path):
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        null.write_text("x")
    except PermissionError:
        pytest.skip("no devices can be made or used here")
    write_atomically(null, "gone")
    with file_written_whole(null) as stream:
        stream.write("gone")
    assert stat.S_ISCHR(null.stat().st_mode)


def test_an_open_descriptor_is_written_to_where_it_stands(tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to("/dev/stdout")
    with (tmp_path / "out.txt").open("w") as stream:
        stream.write("before ")
        stream.flush()
        write_atomically(Path(f"/dev/fd/{stream.fileno()}"), "after")
    assert (tmp_path / "out.txt").read_text() == "before after"
    assert (open_descriptor(link), open_descriptor(tmp_path / "out.txt")) == (1, None)


def test_leftovers_of_killed_writers_are_known_and_removed(tmp_path: Path):
    long = "x" * 200
    for name in ("out", long):
        temporary_beside(tmp_path / name).mkdir()
        temporary_beside(tmp_path / f"{name}-other").write_text("x")
    kept = [".out.lock", ".out.settings", ".outer.12345678.tmp", ".out.1234567x.tmp"]
    for name in kept:
        (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path / "out")
    remove_leftovers(tmp_path / long)
    left = {path.name for path in tmp_path.iterdir()}
    assert set(kept) <= left
    assert len(left) == len(kept) + 1, "but of names that begin with the same fifty characters"
    remove_leftovers_in(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".out.lock", ".out.settings", ".out.1234567x.tmp"}


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "a.txt"
    target.write_text("old")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the superuser may write everywhere
    with pytest.raises(PermissionError):
        write_atomically(target, "new")
    assert target.read_text() == "old"


@pytest.mark.parametrize("by_exchange", [True, False])
def test_a_folder_that_is_replaced_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_exchange: bool):
    if not by_exchange:
        monkeypatch.setattr(files, "exchanged", lambda one, other: False)
    target = tmp_path / "out"
    (target / "old").mkdir(parents=True)
    (target / "a").mkdir()
    with directory_written_whole(target, last="z", replace=True) as temporary:
        for name in ("a", "z"):
            (temporary / name).write_text("new")
    assert {path.name: path.read_text() for path in target.iterdir()} == {"a": "new", "z": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_is_replaced_in_one_step_and_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    if not exchanged(tmp_path / "a", tmp_path / "b"):
        pytest.skip("directories cannot change places here")
    assert [path.name for name in ("a", "b") for path in (tmp_path / name).iterdir()] == ["b", "a"]
    target, steps = tmp_path / "a", []
    target.chmod(0o700)
    exchange = files.exchanged
    monkeypatch.setattr(
        files, "exchanged", lambda *two: (steps.append({one.name for one in target.iterdir()}), exchange(*two))[1]
    )
    monkeypatch.setattr(Path, "replace", lambda *two: (_ for _ in ()).throw(AssertionError("not file by file")))
    with directory_written_whole(target, last="z", replace=True) as temporary:
        for name in ("y", "z"):
            (temporary / name).write_text("new")
    assert steps == [{"b"}], "the earlier one is whole until the new one is there"
    assert {path.name for path in target.iterdir()} == {"y", "z"}
    assert mode(target) == 0o700


def test_who_may_write_sweeps_what_killed_writers_left(tmp_path: Path):
    for leftover in (temporary_beside(tmp_path / "out"), temporary_beside(temporary_beside(tmp_path / "out"))):
        leftover.mkdir()
    kept = temporary_beside(tmp_path / "other")
    kept.write_text("of another writer")
    with only_writer(tmp_path / "out"):
        assert {path.name for path in tmp_path.iterdir()} == {kept.name, ".out.lock"}


def test_a_copy_ends_with_what_the_system_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "from" / "folder").mkdir(parents=True)
    (tmp_path / "from" / "folder" / "a").write_text("a")
    (tmp_path / "from" / "b").write_text("b")
    copy_into(tmp_path / "from", tmp_path / "to")
    assert [(tmp_path / "to" / name).read_text() for name in ("folder/a", "b")] == ["a", "b"]
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("shutil.copyfile", lambda *two: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space") as raised:
        copy_into(tmp_path / "from", tmp_path / "again")
    assert raised.value is full
