"""A full disk, a read-only target, two writers: one clear line, nothing half-written, and the work goes on afterwards.

The disks are small file systems in memory, mounted in a namespace that only the test's own processes see.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert

MAY_MOUNT = shutil.which("unshare") is not None and (
    subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
)
needs_a_small_disk = pytest.mark.skipif(not MAY_MOUNT, reason="needs Linux with user namespaces, to mount a small disk")
TRAIN = "batch.segment_length=32 batch.pack_tokens=256 train.evaluate_tokens=500 train.checkpoint_every=3steps"


def on_small_disk(disk: Path, size: str, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a shell script with a fresh disk of a size; `spanbert` is the command, $DISK the disk."""
    disk.mkdir()
    command = f'spanbert() {{ {shlex.quote(sys.executable)} -m spanbert "$@"; }}'
    mount = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(disk))} || exit 99"
    lines = ["set -u", f"DISK={shlex.quote(str(disk))}", mount, command, script]
    done = subprocess.run(["unshare", "-rm", "sh", "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode != 99, done.stderr
    return done


def the_error(text: str) -> str:
    """The only error in what a command wrote to stderr."""
    assert "Traceback" not in text
    [line] = [line for line in text.splitlines() if line.startswith("spanbert: error")]
    return line


@needs_a_small_disk
def test_prepare_on_a_full_disk_and_again_with_room(corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    prepare = f"spanbert prepare {corpus_file} --tokenizer {vocabulary_file} --out $DISK/store --held-out 10%"
    done = on_small_disk(
        tmp_path / "disk",
        "48k",
        f"""{prepare}; echo "code $?, names:" $(ls $DISK)
        mount -o remount,size=50m $DISK
        {prepare} && spanbert info $DISK/store && ls -A $DISK""",
    )
    assert "No space left on device. Make room and run the same command again" in the_error(done.stderr)
    assert "code 2, names:\n" in done.stdout, "nothing is there under the store's name"
    assert "21,896 pieces to train on" in done.stdout
    assert done.stdout.splitlines()[-1] == "store", "and nothing but the store is left in the end"


@needs_a_small_disk
def test_training_on_a_full_disk_keeps_its_last_state(store_path: Path, tmp_path: Path):
    settings = " ".join(f"--set {one}" for one in TRAIN.split())
    train = f"spanbert pretrain {store_path} --size tiny --out $DISK/run --budget 9steps {settings}"
    done = on_small_disk(
        tmp_path / "disk",
        "10m",
        f"""{train}; echo "code $?, names:" $(ls $DISK $DISK/run.run $DISK/run.run/training)
        mount -o remount,size=200m $DISK
        {train} --resume && spanbert info $DISK/run""",
    )
    assert "No space left on device. Make room" in the_error(done.stderr)
    [names] = [line for line in done.stdout.splitlines() if line.startswith("code 2, names:")]
    assert "run.json" in names
    assert "spanbert.json" not in names, "no bundle that looks whole"
    assert "after 9 steps" in done.stdout
    assert "sbo head: True" in done.stdout


@needs_a_small_disk
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("layout", ["bundle", "hugging-face", "head-checkpoint"])
def test_convert_on_a_full_disk_leaves_nothing(layout: str, share: float, trained_bundle: Path, tmp_path: Path):
    spanbert.convert(trained_bundle, tmp_path / "whole", to=layout)
    needed = sum(file.stat().st_size for file in (tmp_path / "whole").iterdir())
    done = on_small_disk(
        tmp_path / "disk",
        f"{int(share * needed / 1024)}k",
        f"spanbert convert {trained_bundle} $DISK/out --to {layout}; echo code $?; ls -A $DISK",
    )
    assert "No space left on device. Make room" in the_error(done.stderr)
    assert done.stdout.endswith("code 2\n"), "nothing is left"


@needs_a_small_disk
@pytest.mark.parametrize(
    "command",
    [
        "prepare {corpus} --tokenizer {vocabulary} --out $DISK/out",
        "pretrain {store} --size tiny --out $DISK/out --budget 2steps",
        "convert {bundle} $DISK/out --to hugging-face",
        "quickstart --out $DISK/out",
    ],
)
def test_a_read_only_target(
    command: str, corpus_file: Path, vocabulary_file: Path, store_path: Path, trained_bundle: Path, tmp_path: Path
):
    places = {"corpus": corpus_file, "vocabulary": vocabulary_file, "store": store_path, "bundle": trained_bundle}
    done = on_small_disk(
        tmp_path / "disk",
        "1m",
        f"mount -o remount,ro $DISK; spanbert {command.format(**places)}; echo code $?; ls -A $DISK",
    )
    assert "Read-only file system. Choose a place that can be written to" in the_error(done.stderr)
    assert done.stdout.endswith("code 2\n"), "nothing was written"


def test_two_runs_into_one_directory(cli, store_path: Path, corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    from spanbert.core.files import only_writer

    for arguments in (
        ["pretrain", store_path, "--size", "tiny", "--out", tmp_path / "out", "--budget", "2steps"],
        ["prepare", corpus_file, "--tokenizer", vocabulary_file, "--out", tmp_path / "out"],
    ):
        with only_writer(tmp_path / "out"):
            code, _, err = cli(*arguments)
        assert code == 2
        assert "another process is writing here" in err
        assert not (tmp_path / "out").exists()
