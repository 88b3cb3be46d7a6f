"""What a run says when another of its processes is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanbert.train import loop
from spanbert.train.ranks import RankEndedError, Ranks, lost_as_error
from tests.labelled import data, single_file, tune

GONE = "[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:29836"


@pytest.mark.parametrize("where", ["_save", "_step", "_evaluate"])
def test_it_is_one_message_wherever_it_shows(
    trained_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    def lost(*_: object) -> None:
        raise RuntimeError(GONE)

    monkeypatch.setattr(loop, "lost_as_error", lambda _: lost_as_error(Ranks(size=2)))
    monkeypatch.setattr(loop.Trainer, where, lost)
    files = {"kind": data("classify", single_file, tmp_path / "kind")}
    with pytest.raises(RankEndedError, match="another process of this run has ended.*--resume"):
        tune(files, trained_bundle, tmp_path / "out", "train.max_steps=4")


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="a defect"), lost_as_error(Ranks(size=2)):
        raise RuntimeError("a defect")
    with pytest.raises(RuntimeError, match="gloo"), lost_as_error(Ranks()):
        raise RuntimeError(GONE)
