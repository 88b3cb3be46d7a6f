"""Translation: learning curves on Multi30k and Tatoeba, speed of training and of beam search against peers, memory.

python benchmarks/translate.py curve scratch WORK    Multi30k en-de from scratch, 4 + 4 layers of 128
python benchmarks/translate.py curve minilm WORK     the same, warm start from MiniLM
python benchmarks/translate.py chinese WORK          Tatoeba en-zh, from MiniLM and from scratch

A run that was ended goes on where it was. Minutes are those of the processor (all cores together), so that other work
on the machine does not count.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from common import real_data

from spanbert import FinetuneConfig, TaskData, finetune
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.reporter import SilentReporter

NAME = "translate"
COMMON = ["optim.beta2=0.98", "train.evaluate_every=10%", "train.checkpoint_every=2%"]
SCRATCH = [  # as the text-only model of Wu et al. 2021
    "scratch.layers=4", "scratch.heads=4", "scratch.feed_forward_size=256", "hidden_dropout=0.3",
    "translate.layers=4", "translate.heads=4", "translate.feed_forward=256", "translate.dropout=0.3",
    "batch.tokens=8192", "optim.lr=3e-3", "optim.head_lr=3e-3", "train.max_steps=10000",
]  # fmt: skip
WARM = ["optim.lr=1e-4", "optim.head_lr=1e-3", "translate.dropout=0.2", "train.max_steps=3000"]


class CpuClock(SilentReporter):
    """Notes the processor's minutes at each evaluation, and keeps the best weights up to it.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.log, self.run = folder / "cpu.jsonl", folder / "run"
        self.states = folder / "states"
        lines = self.log.read_text().splitlines() if self.log.is_file() else []
        self.before = json.loads(lines[-1])["minutes"] if lines else 0.0

    def note(self, **facts: Any) -> None:
        """Writes a line."""
        minutes = self.before + time.process_time() / 60
        with self.log.open("a") as stream:
            stream.write(json.dumps({"minutes": round(minutes, 2), **facts}) + "\n")

    def say(self, line: str) -> None:
        """See the class."""
        print(line, flush=True)
        if "held-out" not in line:
            return
        best = self.run / "training" / "best"
        if best.is_dir():
            facts = json.loads((best / "state.json").read_text()) if (best / "state.json").is_file() else {}
            shutil.copytree(
                best, self.states / str(facts.get("step", len(list(self.states.glob("*"))))), dirs_exist_ok=True
            )
        self.note(said=line)


def curve(which: str, work: Path) -> None:
    """One run on Multi30k."""
    folder = work / which
    folder.mkdir(parents=True, exist_ok=True)
    data = real_data() / "mt" / "multi30k"
    task = TaskData(
        kind="translate",
        train=data / "train.en",
        train_target=data / "train.de",
        dev=data / "val.en",
        dev_target=data / "val.de",
    )
    config = FinetuneConfig.assemble(overrides=[*COMMON, *(SCRATCH if which == "scratch" else WARM)])
    start: dict[str, Any] = {"size": "tiny"} if which == "scratch" else {"model": packaged_minilm()}
    clock = CpuClock(folder)
    outcome = finetune({NAME: task}, **start, out=folder / "run", config=config, resume=True, reporter=clock)
    clock.note(stopped_by=outcome.outcome.stopped_by, scores={NAME: outcome.scores[NAME]["bleu"]})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["curve", ("scratch" | "minilm") as which, work]:
            curve(which, Path(work))
        case _:
            sys.exit(__doc__)
