"""What every script shares: where results go, and what they were measured with.

A script imports it first: it lets `benchmarks.bench` and `tests` be found.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # a script itself finds only what lies beside it

import spanbert
from benchmarks.bench.common import environment
from spanbert.apps.reports.curves import loss_curves
from spanbert.train.run_directory import files_of_run
from spanbert.train.tracking import read_log

RESULTS = ROOT / "benchmarks" / "results"


def real_data() -> Path:
    """The folder of real data sets (docs/DATA.md)."""
    folder = os.environ.get("SPANBERT_DATA")
    if not folder:
        sys.exit("set SPANBERT_DATA: docs/DATA.md says where the data sets come from")
    return Path(folder)


def write_result(name: str, result: dict[str, Any]) -> None:
    """Writes `results/NAME.json` with the environment, and prints it on one line."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    whole = {**result, "environment": environment()}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(whole, ensure_ascii=False))


def restore_cells(name: str, file_of: Callable[[dict[str, Any]], Path]) -> None:
    """Writes the cells of a study that are in `results/NAME.json` to its working folder, where they are not there yet.

    A study of many hours goes on so on another machine. To begin it anew, remove the result.

    Args:
        name: Of the study's result.
        file_of: The file of a cell.
    """
    result = RESULTS / f"{name}.json"
    if not result.is_file():
        return
    for cell in json.loads(result.read_text(encoding="utf-8"))["cells"]:
        file = file_of(cell)
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(cell), encoding="utf-8")


def weights_of(bundle: Path) -> str:
    """What tells the weights of one bundle from those of another: the beginning of a hash of their file."""
    with (bundle / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def require_weights(cells: Iterable[dict[str, Any]], weights: str, name: str) -> None:
    """Ends a study whose cells are of another bundle.

    Args:
        cells: Those that are there; the ones of a bundle have its `weights`.
        weights: Of the bundle that the study is to go on with, by `weights_of`.
        name: Of the study's result.
    """
    if others := {cell["weights"] for cell in cells if cell.get("weights")} - {weights}:
        sys.exit(
            f"there are cells of another bundle ({', '.join(sorted(others))}; this one has {weights}): remove them, "
            f"and benchmarks/results/{name}.json, to begin anew"
        )


def pretraining_run(bundle: Path, texts: Iterable[str], *, picture: str) -> dict[str, Any]:
    """Collects a finished run of `spanbert pretrain`: held-out curves, their picture in docs/images, fills of texts."""
    run = files_of_run(bundle)
    before = json.loads((run / "before.json").read_text())
    evaluations = [{"step": 0, "tokens": 0, "seconds": 0.0, **before}, *read_log(run / "evaluations.jsonl")]
    metrics = read_log(run / "metrics.jsonl")
    place = ROOT / "docs" / "images" / f"{picture}.png"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(loss_curves(metrics, evaluations, unigram_loss=before["unigram_loss"]))
    nlp = spanbert.load(bundle)
    facts = spanbert.info(bundle)
    return {
        "pieces": facts["data"]["pieces"],
        "training": facts["training"],
        "minutes": round(metrics[-1]["seconds"] / 60, 1),
        "evaluations": evaluations,
        "fills": [
            {"text": text, "fillings": [{"text": f.text, "score": round(f.score, 3)} for f in nlp.fill(text, top_k=3)]}
            for text in texts
        ],
    }
