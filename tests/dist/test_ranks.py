"""Two processes learn what one with twice the micro-batches learns; states go from any number to any other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spanbert.checkpoint.state import load_state
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log
from tests.dist.cases import RUNS, SHARDED, tagged
from tests.faults.processes import ranks_of
from tests.runs import arguments, losses

TAGS = "fox B-ANIMAL\nsaw O\na O\nking B-PERSON\nof I-PERSON\n\nthe O\ndog B-ANIMAL\nran O\n\n"
LINKED = [
    {"id": "a", "text": "The fox saw the king. He ran.", "clusters": [[[8 + 4, 20], [22, 24]]]},
    {"id": "b", "text": "The dog ran and ran.", "clusters": []},
    {"id": "c", "text": "A king saw a dog. It saw him.", "clusters": [[[0, 6], [25, 28]], [[11, 16], [18, 20]]]},
]
PAIRS = "text\ttarget\nthe fox\tDer Fuchs\nthe king saw a dog\tDer König sah einen Hund\na dog\tein Hund\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, store_path: Path, hugging_face_model: Path) -> Path:
    made = tmp_path_factory.mktemp("ranks")
    (made / "store").symlink_to(store_path)
    (made / "model").symlink_to(hugging_face_model)
    (made / "tag.conll").write_text(TAGS * 8)
    (made / "coref.jsonl").write_text("".join(json.dumps({**one, "id": f"{one['id']}{n}"}) + "\n" for n in range(6) for one in LINKED))
    (made / "pairs.tsv").write_text(PAIRS)
    return made


@pytest.fixture(scope="module")
def whole_run(folder: Path) -> Path:
    tagged(folder, folder / "whole")
    return folder / "whole"


@pytest.fixture(scope="module")
def two(folder: Path) -> Path:
    """What two processes made; they go on with a run that one began."""
    tagged(folder, folder / "handed", until=0.3)
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*call, "-m", "tests.dist.cases", str(folder)], env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return folder


def felt(name: str, tensor: Tensor) -> Tensor:
    """A tensor without the biases of keys: no output feels them, and AdamW makes steps of the rounding of their zeros."""
    if not name.endswith("attention.input.bias"):
        return tensor
    query, _, value = tensor.chunk(3)
    return torch.cat([query, value])


def alike(one: Path, other: Path) -> None:
    """The same losses and norms in every step, and the same scores, weights and moments after the last one.

    Args:
        one: A run.
        other: A run that may have been scored more often.
    """
    [first, second] = (read_log(run_directory(run) / "metrics.jsonl") for run in (one, other))
    assert [line["step"] for line in first] == [line["step"] for line in second]
    for mine, theirs in zip(first, second, strict=True):
        for name in ("loss", "gradient_norm", "lr", "tokens"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-4, abs=1e-5), (mine["step"], name)
    [scores, others] = (
        {line.pop("step"): line for line in read_log(run_directory(run) / "evaluations.jsonl")} for run in (one, other)
    )
    assert scores.keys() <= others.keys()
    [state, theirs] = (load_state(run_directory(run) / "training" / "last") for run in (one, other))
    assert state is not None and theirs is not None
    for tensors, them in ((state.model, theirs.model), (state.optimizer, theirs.optimizer)):
        assert tensors.keys() == them.keys()
        for name, tensor in tensors.items():
            assert (felt(name, tensor) - felt(name, them[name])).abs().max() < 1e-4, name


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_learn_as_one_does(name: str, two: Path):
    RUNS[name](two, two / "one" / name)
    assert len(losses(two / "one" / name)) == 50
    alike(two / "one" / name, two / "two" / name)


@pytest.mark.parametrize("name", SHARDED)
def test_shares_of_weights_learn_as_whole_ones_do(name: str, two: Path):
    alike(two / "two" / name, two / "shared" / name)


def test_a_run_goes_from_one_process_to_two_to_shares_to_one(two: Path, whole_run: Path):
    tagged(two, two / "handed", resume=True)
    alike(whole_run, two / "handed")
    assert json.loads((run_directory(two / "handed") / "run.json").read_text()).get("processes", 1) == 1


def _begun(*call: object) -> subprocess.Popen[str]:
    """A run of two processes that has made a step."""
    process = subprocess.Popen(
        [sys.executable, "-m", "spanbert", *map(str, call)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    while "step" not in (line := process.stderr.readline()):
        assert line, "the run ended early"
    return process


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")


@needs_proc
def test_the_others_end_with_a_message_when_one_is_killed_and_the_run_goes_on(folder: Path, tmp_path: Path):
    call = arguments(folder / "store", tmp_path / "out", folder / "model", "--set", "batch.packs=2", "--set", "train.max_steps=100000")
    process = _begun(*call, "--set", "train.checkpoint_every=1steps", "--nproc", 2)
    os.kill(ranks_of(process.pid)[1], signal.SIGKILL)
    _, err = process.communicate(timeout=600)
    assert process.returncode in (1, 128 + signal.SIGKILL)
    assert err.count("another process of this run has ended. The same command with --resume goes on") == 1
    assert "Traceback" not in err
    step = losses_so_far = len(losses(tmp_path / "out"))
    assert losses_so_far
    call = arguments(folder / "store", tmp_path / "out", folder / "model", "--set", "batch.packs=2", "--set", f"train.max_steps={step + 5}")
    done = subprocess.run([sys.executable, "-m", "spanbert", *map(str, call), "--set", "train.accumulation=2", "--resume"], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert len(losses(tmp_path / "out")) == step + 5


@needs_proc
def test_processes_are_started_anew_and_resume(folder: Path, tmp_path: Path):
    own = ["--set", "batch.packs=2", "--set", "train.max_steps=60", "--set", "train.checkpoint_every=1steps"]
    process = _begun(*arguments(folder / "store", tmp_path / "out", folder / "model", *own), "--nproc", 2, "--max-restarts", 1)
    os.kill(ranks_of(process.pid)[1], signal.SIGKILL)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert err.count("resuming after step") == 1
    assert out.count("wrote") == 1
    assert len(losses(tmp_path / "out")) == 60


@needs_proc
def test_a_signal_ends_all_together(folder: Path, tmp_path: Path):
    call = arguments(folder / "store", tmp_path / "out", folder / "model", "--set", "batch.packs=2", "--set", "train.max_steps=100000")
    process = _begun(*call, "--nproc", 2)
    os.kill(ranks_of(process.pid)[1], signal.SIGTERM)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 128 + signal.SIGTERM
    assert err.count("resume with: spanbert pretrain") == 1
    assert (tmp_path / "out" / "spanbert.json").is_file()
    assert out.count("wrote") == 1


def test_bad_input_is_told_once(folder: Path, tmp_path: Path):
    def told(*more: object) -> tuple[int, list[str]]:
        call = arguments(folder / "store", tmp_path / "out", folder / "model", *map(str, more))
        done = subprocess.run([sys.executable, "-m", "spanbert", *map(str, call), "--nproc", "2"], text=True, capture_output=True)
        return done.returncode, done.stderr.strip().splitlines()

    code, err = told("--set", "batch.packs=3")
    assert code == 2
    [line] = [one for one in err if "error" in one]
    assert "2 processes times 1 micro-batches for 3 packs" in line
    assert not (tmp_path / "out").exists()
