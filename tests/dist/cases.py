"""Runs that one process and two make alike; `python -m tests.dist.cases FOLDER` makes them in the processes of torchrun.

FOLDER holds the data. Both sides make every run of `RUNS`; one process with twice the micro-batches a step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spanbert import FinetuneConfig, PretrainConfig, TaskData, finetune, pretrain
from spanbert.core.ranks import world_size
from spanbert.core.reporter import SilentReporter

STEPS = 50
SMALL = ["train.precision=float32", "train.checkpoint_every=40%", "train.evaluate_every=50%", f"train.max_steps={STEPS}"]


def parts() -> str:
    """Two micro-batches a step, in all processes together."""
    return f"train.accumulation={2 // world_size()}"


def pretrained(folder: Path, out: Path, **more: Any) -> None:
    """Span pre-training on ragged packs."""
    own = ["batch.pack_tokens=100", "batch.segment_length=24", "batch.packs=4", parts()]
    config = PretrainConfig.assemble(overrides=[*SMALL, *own, *more.pop("settings", ())])
    pretrain(folder / "store", model=folder / "model", out=out, config=config, reporter=SilentReporter(), **more)


def tagged(folder: Path, out: Path, **more: Any) -> Any:
    """One task, with dev data."""
    return _learned(folder, out, {"tag": _data(folder, "tag")}, **more)


def linked(folder: Path, out: Path, **more: Any) -> Any:
    """Clusters, of documents some of which have none."""
    return _learned(folder, out, {"coref": _data(folder, "coref")}, **more)


def several(folder: Path, out: Path, **more: Any) -> Any:
    """Two tasks, whose heads are trained in turn, and an encoder that is frozen for a while."""
    tasks = {"tag": _data(folder, "tag"), "coref": _data(folder, "coref")}
    return _learned(folder, out, tasks, settings=["optim.frozen=0.2"], **more)


def from_scratch(folder: Path, out: Path, **more: Any) -> Any:
    """A vocabulary and a model that are made for the run; fewer examples in the last step than processes."""
    data = TaskData(kind="translate", train=folder / "pairs.tsv", dev=folder / "pairs.tsv")
    settings = ["scratch.vocabulary=120", "translate.vocabulary=300", "batch.tokens=30"]
    return _learned(folder, out, {"translate": data}, settings=settings, model=None, size="tiny", **more)


def _data(folder: Path, kind: str) -> TaskData:
    suffix = {"tag": "conll", "coref": "jsonl"}[kind]
    return TaskData(kind=kind, train=folder / f"{kind}.{suffix}", dev=folder / f"{kind}.{suffix}")


def _learned(folder: Path, out: Path, tasks: dict[str, TaskData], *, settings: Any = (), **more: Any) -> Any:
    config = FinetuneConfig.assemble(overrides=[*SMALL, parts(), "optim.lr=1e-3", *settings, *more.pop("also", ())])
    start = {"model": folder / "model"} | more
    return finetune(tasks, out=out, config=config, reporter=SilentReporter(), **start)


RUNS: dict[str, Callable[..., Any]] = {
    "pretrain": pretrained, "tag": tagged, "coref": linked, "several": several, "scratch": from_scratch,
}  # fmt: skip
SHARDED = {name: RUNS[name] for name in ("pretrain", "tag", "coref")}
SHARD = ["train.shard=true"]


def two_processes(folder: Path) -> None:
    """What two processes do: each run with whole models, some with shares of them, and the middle of a run."""
    for name, make in RUNS.items():
        make(folder, folder / "two" / name)
    for name, make in SHARDED.items():
        more = {"settings": SHARD} if name == "pretrain" else {"also": SHARD}
        make(folder, folder / "shared" / name, **more)
    tagged(folder, folder / "handed", resume=True, until=0.5)
    tagged(folder, folder / "handed", resume=True, until=0.8, also=SHARD)


if __name__ == "__main__":
    two_processes(Path(sys.argv[1]))
