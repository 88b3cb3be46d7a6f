"""A full disk, a read-only target, two writers: one clear line, nothing half-written, and the work goes on afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

import spanbert
from tests.faults.conftest import Disk
from tests.faults.forks import Done, Forks

TRAIN = "batch.segment_length=32 batch.pack_tokens=256 train.evaluate_tokens=500 train.checkpoint_every=3steps"


def the_error(done: Done) -> str:
    """The only error of a command that could not be done."""
    assert done.code == 2
    assert "Traceback" not in done.err
    [line] = [line for line in done.err.splitlines() if line.startswith("spanbert: error")]
    return line


def test_prepare_on_a_full_disk_and_again_with_room(disk: Disk, forks: Forks, corpus_file: Path, vocabulary_file: Path):
    prepare = [
        "prepare",
        corpus_file,
        "--tokenizer",
        vocabulary_file,
        "--out",
        disk.path / "store",
        "--held-out",
        "10%",
    ]
    disk.mount("48k")
    error = the_error(forks.run(*prepare))
    assert "No space left on device. Make room and run the same command again" in error
    assert "store" not in disk.names(), "nothing is there under the store's name"
    disk.change("size=50m")
    done = forks.run(*prepare)
    assert "21,896 pieces to train on" in done.out + done.err
    assert "pieces: 21,896" in forks.run("info", disk.path / "store").out
    assert disk.names() == ["store"], "and nothing but the store is left in the end"


def test_training_on_a_full_disk_keeps_its_last_state(disk: Disk, forks: Forks, store_path: Path):
    settings = [part for one in TRAIN.split() for part in ("--set", one)]
    train = ["pretrain", store_path, "--size", "tiny", "--out", disk.path / "run", "--budget", "9steps", *settings]
    disk.mount("10m")
    assert "No space left on device. Make room" in the_error(forks.run(*train))
    assert "run.json" in disk.names("run.run")
    assert "run" not in disk.names(), "no bundle"
    disk.change("size=200m")
    done = forks.run(*train, "--resume")
    assert "after 9 steps" in done.out + done.err
    assert "sbo head: True" in forks.run("info", disk.path / "run").out


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("layout", ["bundle", "hugging-face", "head-checkpoint"])
def test_convert_on_a_full_disk_leaves_nothing(
    disk: Disk, forks: Forks, layout: str, share: float, trained_bundle: Path, tmp_path: Path
):
    spanbert.convert(trained_bundle, tmp_path / "whole", to=layout)
    needed = sum(file.stat().st_size for file in (tmp_path / "whole").iterdir())
    disk.mount(f"{int(share * needed / 1024)}k")
    done = forks.run("convert", trained_bundle, disk.path / "out", "--to", layout)
    assert "No space left on device. Make room" in the_error(done)
    assert disk.names() == []


@pytest.mark.parametrize(
    "command",
    [
        "prepare {corpus} --tokenizer {vocabulary} --out {disk}/out",
        "pretrain {store} --size tiny --out {disk}/out --budget 2steps",
        "convert {bundle} {disk}/out --to hugging-face",
        "quickstart --model {bundle} --out {disk}/out",
    ],
)
def test_a_read_only_target(
    disk: Disk,
    forks: Forks,
    command: str,
    corpus_file: Path,
    vocabulary_file: Path,
    store_path: Path,
    trained_bundle: Path,
):
    disk.mount("1m")
    disk.change("ro")
    places = {"corpus": corpus_file, "vocabulary": vocabulary_file, "store": store_path, "bundle": trained_bundle}
    done = forks.run(*command.format(**places, disk=disk.path).split())
    assert "Read-only file system. Choose a place that can be written to" in the_error(done)
    assert disk.names() == []


def test_two_writers_of_one_place(
    cli, store_path: Path, corpus_file: Path, vocabulary_file: Path, trained_bundle: Path, tmp_path: Path
):
    from spanbert.core.files import only_writer

    for arguments in (
        ["pretrain", store_path, "--size", "tiny", "--out", tmp_path / "out", "--budget", "2steps"],
        ["prepare", corpus_file, "--tokenizer", vocabulary_file, "--out", tmp_path / "out"],
        ["convert", trained_bundle, tmp_path / "out", "--to", "hugging-face"],
        ["predict", trained_bundle, corpus_file, "--out", tmp_path / "out"],
    ):
        with only_writer(tmp_path / "out"):
            code, _, err = cli(*arguments)
        assert code == 2
        assert "another process is writing here" in err
        assert not (tmp_path / "out").exists()
