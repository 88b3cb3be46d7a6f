"""Two processes against one: tokens a second of span pre-training at an equal batch.

python benchmarks/ranks.py [--rounds 5] [--steps 12]

MiniLM-L6, each process on one thread, on an idle machine. Sides of a round, in turn: one process with two micro-batches
a step, two processes with one each, two with shares of the weights. Nothing is scored.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from common import real_data, write_result

import spanbert
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log

SETTINGS = ["batch.packs=2", "batch.pack_tokens=4096", "batch.segment_length=128", "train.checkpoint_every=100%"]
SIDES: dict[str, tuple[int, list[str]]] = {
    "one": (1, ["train.accumulation=2"]),
    "two": (2, []),
    "two_sharded": (2, ["train.shard=true"]),
}
SKIPPED = 2  # first steps, which pay for what only they do


def speed(store: Path, work: Path, side: str, steps: int) -> float:
    """Tokens a second over the later steps of a run."""
    processes, own = SIDES[side]
    out = work / side
    settings = [part for one in (*SETTINGS, *own, f"train.max_steps={steps}") for part in ("--set", one)]
    call = [sys.executable, "-m", "spanbert", "pretrain", str(store), "--model", packaged_minilm(), "--out", str(out)]
    more = ["--nproc", str(processes)] if processes > 1 else []
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*call, *settings, *more, "--overwrite"], env=env, check=True, capture_output=True)
    lines = read_log(run_directory(out) / "metrics.jsonl")
    return float(median(line["tokens_per_second"] for line in lines[SKIPPED:]))


def main() -> None:
    """All sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    given = parser.parse_args()
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        text = real_data() / "pretrain" / "enwiki_core"
        files: list[Any] = sorted(path for path in text.glob("*.txt") if path.name != "SOURCE.txt")[:1]
        store = Path(folder) / "store"
        spanbert.prepare(files, tokenizer=packaged_minilm(), out=store, held_out=0)
        for number in range(given.rounds):
            for side in SIDES:
                found[side].append(round(speed(store, Path(folder), side, given.steps)))
                print(f"round {number + 1}, {side}: {found[side][-1]:,} tokens/s", file=sys.stderr, flush=True)
    ratios = {
        side: round(median(one / alone for one, alone in zip(found[side], found["one"], strict=True)), 3)
        for side in SIDES
        if side != "one"
    }
    write_result("ranks", {"tokens_per_second": found, "ratio_to_one": ratios, "load": os.getloadavg()[0]})
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
