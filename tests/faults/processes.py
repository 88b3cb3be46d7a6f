"""Runs of two processes, of which one is killed or told to end at a random moment: real processes, as torch starts them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from spanbert.core.files import remove
from tests.faults.scenarios import SETTINGS, contents

_STEPS = ("--budget", "60steps", "--set", "train.checkpoint_every=2steps")
_PRETRAIN = ("pretrain", "{stage}/store", "--model", "{stage}/model", "--out", "{out}", *SETTINGS["pretrain"],
             "--set", "batch.packs=2", *_STEPS)  # fmt: skip
_FINETUNE = ("finetune", "classify", "--model", "{stage}/model", "--train", "{stage}/train.tsv", "--dev", "{stage}/dev.tsv",
             "--out", "{out}", *SETTINGS["finetune"], *_STEPS)  # fmt: skip
RUNS = {
    "pretrain": ("pretrain", _PRETRAIN),
    "pretrain in shares": ("pretrain", (*_PRETRAIN, "--shard")),
    "finetune": ("finetune", _FINETUNE),
}  # name: verb, arguments
_WAYS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_LONGEST = 300.0  # seconds for what takes ten
_MESSAGE = "the same command with --resume goes on"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    err: str


def ranks_of(launcher: int) -> dict[int, int]:
    """Process ids of the ranks that a launcher started."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            environment = dict(one.split("=", 1) for one in (place / "environ").read_text().split("\0") if "=" in one)
        except OSError:  # it has ended
            continue
        if parent == launcher and "RANK" in environment:
            found[int(environment["RANK"])] = int(place.name)
    return found


class Pair:
    """A run of two processes with what it comes to when nothing cuts it.

    Args:
        name: One of `RUNS`.
        stage: What it reads.
        place: An empty folder for its runs.
    """

    def __init__(self, name: str, stage: Path, place: Path) -> None:
        self.verb, self._arguments = RUNS[name]
        self._stage, self._place, self._runs = stage, place, 0
        folder = self._fresh()
        begun = time.monotonic()
        done = self._ended(self._started(folder))
        if done.code:
            raise RuntimeError(f"exit code {done.code}: {done.err[-2000:]}")
        self.seconds = time.monotonic() - begun
        self._reference = _compared(folder)

    def cut(self, draw: random.Random) -> dict[str, Any]:
        """Sends a signal to one of the ranks after a share of the time, goes on, and compares the end.

        Returns:
            The verb, how it ended, and what is wrong.
        """
        for _ in range(20):
            folder, way, rank = self._fresh(), draw.choice(_WAYS), draw.randrange(2)
            process = self._started(folder)
            time.sleep(draw.uniform(0.1, 0.95) * self.seconds)
            target = ranks_of(process.pid).get(rank)
            if target is not None:
                os.kill(target, way)
            done = self._ended(process)
            if done.code:
                break
            remove(folder)  # it had come to its end
        else:
            raise RuntimeError("the run always ends before the signal comes")
        faults = self._faults_of_end(done, way) + self._faults_of_going_on(folder)
        if not faults:
            remove(folder)
        return {"verb": self.verb, "way": f"{way.name} to {rank}", "code": done.code, "state": "cut", "faults": faults}

    def _fresh(self) -> Path:
        self._runs += 1
        folder = self._place / str(self._runs)
        folder.mkdir(parents=True)
        return folder

    def _started(self, folder: Path, *more: str) -> subprocess.Popen[str]:
        filled = [one.format(stage=self._stage, out=folder / "out") for one in self._arguments]
        call = [sys.executable, "-m", "spanbert", *filled, "--nproc", "2", *more]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        return subprocess.Popen(call, env=env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    @staticmethod
    def _ended(process: subprocess.Popen[str]) -> Ended:
        _, err = process.communicate(timeout=_LONGEST)
        return Ended(process.returncode, err)

    @staticmethod
    def _faults_of_end(done: Ended, way: signal.Signals) -> list[str]:
        faults = []
        if "Traceback" in done.err:
            faults.append(f"not one line: {done.err[-1500:]}")
        if done.err.lower().count(_MESSAGE) > 1:
            faults.append(f"said more than once: {done.err[-1500:]}")
        right = {1, 128 + way} if way == signal.SIGKILL else {128 + way}
        if done.code not in right:
            faults.append(f"exit code {done.code}, expected one of {sorted(right)}: {done.err[-500:]}")
        return faults

    def _faults_of_going_on(self, folder: Path) -> list[str]:
        begun = any(folder.iterdir())
        done = self._ended(self._started(folder, *(("--resume",) if begun else ())))
        if done.code:
            return [f"cannot be gone on with: exit code {done.code}: {done.err[-1500:]}"]
        found = _compared(folder)
        names = sorted(
            name for name in found.keys() | self._reference.keys() if found.get(name) != self._reference.get(name)
        )
        return [f"not the same in the end: {name}" for name in names]


def _compared(folder: Path) -> dict[str, Any]:
    """What must be the same: of the states of several processes the tensors.

    Which process writes a tensor that all of them have, and the order of the tensors in a file, torch decides anew in
    each run.
    """
    found = contents(folder)
    tensors: dict[str, list[bytes]] = {}
    for name in [one for one in found if "/training/last/" in one]:
        path = folder / name
        if path.suffix == ".safetensors":
            del found[name]
            for key, tensor in load_file(path).items():
                tensors.setdefault(f"{Path(name).parent}: {key}", []).append(tensor.numpy().tobytes())
        elif path.name == "state.json":
            found[name].pop("checksums")
    return {**found, **{name: sorted(parts) for name, parts in tensors.items()}}
