"""This version against another checkout of the project: loading, predicting, pre-training, fine-tuning, in turn.

python benchmarks/against.py OTHER_CHECKOUT BUNDLE TEXTS [--rounds 7] [--name NAME] [--store STORE] [--labelled FILE]

OTHER_CHECKOUT is a clone or work tree at another commit, BUNDLE one that both can read, TEXTS a file with a text a
line, STORE a token store for steps of span pre-training, FILE labelled sentences for steps of tagging. Each side runs
in a process of its own with the same libraries; run it alone on the machine.
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

from common import ROOT, write_result

from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.train.tracking import read_log

MEASURE = """
import json, sys, time
from pathlib import Path
import spanbert
begun = time.perf_counter()
nlp = spanbert.load(sys.argv[1])
lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
next(iter(nlp.pipe(lines[:1])))
loaded = time.perf_counter()
count = sum(1 for _ in nlp.pipe(lines))
print(json.dumps({"load": loaded - begun, "predict": time.perf_counter() - loaded, "texts": count}))
"""


def measured(source: Path, bundle: Path, texts: Path) -> dict[str, float]:
    """Seconds to load with the first answer, and to predict all texts, in a fresh process of one of the checkouts."""
    environment = {**os.environ, "PYTHONPATH": str(source / "src"), "HF_HUB_OFFLINE": "1"}
    call = [sys.executable, "-c", MEASURE, str(bundle.resolve()), str(texts.resolve())]
    done = subprocess.run(call, env=environment, cwd=source, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


TRAINING = {  # in one precision: what `auto` is on a processor, the sides need not agree on
    "pretrain": [
        "batch.pack_tokens=4096",
        "batch.segment_length=128",
        "train.max_steps=16",
        "train.evaluate_tokens=4096",
        "train.evaluate_every=100%",
        "train.checkpoint_every=100%",
        "train.precision=float32",
    ],
    "finetune": ["train.max_steps=60", "train.precision=float32"],
}
SKIPPED = 2  # first steps, which pay for what only they do


def trained(source: Path, verb: list[str], settings: list[str]) -> float:
    """Tokens a second over the later steps of a run; nothing is scored before its end."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        environment = {**os.environ, "PYTHONPATH": str(source / "src"), "HF_HUB_OFFLINE": "1"}
        stated = [part for one in settings for part in ("--set", one)]
        call = [sys.executable, "-m", "spanbert", *verb, "--model", packaged_minilm(), "--out", str(out), *stated]
        subprocess.run(call, env=environment, cwd=source, check=True, capture_output=True)
        lines = read_log(next(Path(folder).rglob("metrics.jsonl")))  # beside the bundle or, at earlier commits, in it
    steps = [line["tokens_per_second"] for line in lines if "tokens_per_second" in line]
    return float(median(steps[SKIPPED:]))


def commit(source: Path) -> str:
    """The commit of a checkout."""
    call = ["git", "-C", str(source), "rev-parse", "--short", "HEAD"]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--name", default="against")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--labelled", type=Path)
    given = parser.parse_args()
    verbs = {
        "pretrain": None if given.store is None else ["pretrain", str(given.store.resolve())],
        "finetune": None if given.labelled is None else ["finetune", "tag", "--train", str(given.labelled.resolve())],
    }
    sides = {"this": ROOT, "other": given.other.resolve()}
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    load = os.getloadavg()[0]
    for number in range(given.rounds):
        for side, source in sides.items():
            found[side].append(measured(source, given.bundle, given.texts))
            for name, verb in verbs.items():
                if verb is not None:
                    found[side][-1][name] = trained(source, verb, TRAINING[name])
            print(f"round {number + 1}, {side}: {found[side][-1]}", file=sys.stderr, flush=True)
    result: dict[str, Any] = {"commits": {side: commit(source) for side, source in sides.items()}, "load_before": load}
    for what in ("load", "predict"):
        ratios = sorted(one[what] / two[what] for one, two in zip(found["other"], found["this"], strict=True))
        result[what] = {
            **{side: round(median(one[what] for one in runs), 3) for side, runs in found.items()},
            "times_as_fast": [round(value, 3) for value in (median(ratios), ratios[0], ratios[-1])],
        }
    for what in (name for name, verb in verbs.items() if verb is not None):
        ratios = sorted(two[what] / one[what] for one, two in zip(found["other"], found["this"], strict=True))
        result[what] = {
            **{f"{side}_tokens_per_second": round(median(one[what] for one in runs)) for side, runs in found.items()},
            "times_as_fast": [round(value, 3) for value in (median(ratios), ratios[0], ratios[-1])],
        }
    write_result(given.name, {**result, "texts": found["this"][0]["texts"], "bundle": given.bundle.name})


if __name__ == "__main__":
    main()
