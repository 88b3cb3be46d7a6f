from __future__ import annotations

from pathlib import Path

import pytest

from spanbert.core.config import Config
from spanbert.core.errors import InputError


class Inner(Config):
    lr: float = 1e-3
    warmup: float = 0.1


class Outer(Config):
    optim: Inner = Inner()
    seed: int = 0


def test_overrides_win_over_file_and_file_over_defaults(tmp_path: Path):
    file = tmp_path / "settings.yaml"
    file.write_text("optim:\n  lr: 0.5\n  warmup: 0.2\nseed: 3\n")
    assembled = Outer.assemble(file=file, overrides=["optim.lr=3e-5"], base={"seed": 1})
    assert assembled == Outer(optim=Inner(lr=3e-5, warmup=0.2), seed=3)


def test_yaml_round_trip(tmp_path: Path):
    settings = Outer(optim=Inner(lr=2e-5), seed=9)
    file = tmp_path / "settings.yaml"
    file.write_text(settings.to_yaml())
    assert Outer.assemble(file=file) == settings


def test_unknown_key_names_file_line_and_nearest(tmp_path: Path):
    file = tmp_path / "settings.yaml"
    file.write_text("seed: 1\noptim:\n  lrr: 0.5\n")
    with pytest.raises(InputError) as error:
        Outer.assemble(file=file)
    assert f"{file}:3" in str(error.value)
    assert "did you mean 'optim.lr'?" in str(error.value)


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("optim.lrr=1", "did you mean 'optim.lr'?"),
        ("optim.lr=fast", "bad value for 'optim.lr'"),
        ("optim.lr", "expected section.key=value"),
        ("optim.lr=[1", "not YAML"),
        ("optim.lr=.nan", "bad value"),
    ],
)
def test_bad_override_says_which(override: str, part: str):
    with pytest.raises(InputError) as error:
        Outer.assemble(overrides=[override])
    assert part in str(error.value)
    assert f"--set {override}" in str(error.value)


@pytest.mark.parametrize(
    ("content", "part"), [(b"a: [1", ":1: not valid YAML"), (b"- 1\n", "not a mapping"), (b"\xff", "not UTF-8")]
)
def test_broken_files(tmp_path: Path, content: bytes, part: str):
    file = tmp_path / "settings.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=part):
        Outer.assemble(file=file)


def test_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="no such settings file"):
        Outer.assemble(file=tmp_path / "none.yaml")
