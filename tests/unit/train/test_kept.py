"""What a run makes for itself before its first step is kept whole, so that a resumed run never starts from a part of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from spanbert.train.kept import Kept
from spanbert.train.ranks import Ranks


def test_it_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = SimpleNamespace(directory=tmp_path / "out.run", resume=True, runtime=SimpleNamespace(ranks=Ranks()))
    place = run.directory / "training" / "start"
    copy = shutil.copyfile

    def killed_at_the_second(source: Path, target: Path) -> None:
        if source.name == "b":
            raise KeyboardInterrupt
        copy(source, target)

    def make(target: Path) -> None:
        target.mkdir()
        for name in ("a", "b"):
            (target / name).write_text(name)

    with Kept(run) as kept:
        kept.directory("start", make)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(shutil, "copyfile", killed_at_the_second)
            kept.keep()
        assert not place.exists()
        kept.keep()
    assert [path.name for path in sorted(place.iterdir())] == ["a", "b"]
    with Kept(run) as again:
        assert again.directory("start", pytest.fail) == place
