"""What span pre-training bought: the same heads from MiniLM-L6 and from a bundle pre-trained further, same steps.

python benchmarks/bought.py run WORK BUNDLE    every cell that is not there yet (hours; it may be ended)
python benchmarks/bought.py collect WORK       the table; `run` elsewhere goes on from its cells

WNUT-17, 3,000 questions of SQuADShifts, LitBank with 6 epochs; three seeds; default rates. Weights are chosen by dev
data and scored on test data.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from common import real_data, require_weights, restore_cells, weights_of, write_result
from coref import litbank_documents

import spanbert
from spanbert import FinetuneConfig, TaskData, finetune
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.types import Document
from spanbert.corpus.formats.registry import open_data
from spanbert.inference.scoring import score_task
from spanbert.tasks.registry import spec_of

SEEDS = (0, 1, 2)
QUESTIONS = {"train": 3000, "dev": 400, "test": 10**9}


class Data(NamedTuple):
    """A set: its kind, its parts, and epochs other than the usual ones."""

    kind: str
    parts: dict[str, Sequence[Document]]
    epochs: float | None = None


def wnut() -> Data:
    """Its own parts."""
    folder = real_data() / "ner" / "wnut17"
    formats = spec_of("tag").formats
    return Data(
        "tag", {part: list(open_data(folder / f"{part}.conll", among=formats).documents()) for part in QUESTIONS}
    )


def squadshifts() -> Data:
    """Paragraphs with about 3,000 questions; the held-out file gives those to choose by, and the others to score."""
    folder = real_data() / "qa" / "squadshifts" / "split"

    def of(files: Sequence[Path], most: int, skipped: int = 0) -> Iterator[Document]:
        seen = 0
        for file in files:
            for document in open_data(file, among=["squad"]).documents():
                if skipped <= seen < skipped + most:
                    yield document
                seen += len(document.questions or ())

    train, held_out = sorted(folder.glob("train-*.json")), [folder / "dev.json"]
    chosen = list(of(held_out, QUESTIONS["dev"]))
    used = sum(len(one.questions or ()) for one in chosen)
    parts = {
        "train": list(of(train, QUESTIONS["train"])),
        "dev": chosen,
        "test": list(of(held_out, QUESTIONS["test"], used)),
    }
    return Data("qa", parts)


def sets(work: Path) -> dict[str, Callable[[], Data]]:
    """Every set, made when it is asked for."""
    return {
        "WNUT-17": wnut,
        "SQuADShifts, 3,000 questions": squadshifts,
        "LitBank, 6 epochs": lambda: Data("coref", litbank_documents(work), epochs=6),
    }


def file_of(work: Path, cell: dict[str, Any]) -> Path:
    """Where the score of a cell is kept."""
    return work / "cells" / f"{cell['set']} {cell['encoder']} {cell['seed']}.json".replace(",", "")


def cells_of(work: Path) -> list[dict[str, Any]]:
    """The cells that are there."""
    return [json.loads(file.read_text("utf-8")) for file in sorted((work / "cells").glob("*.json"))]


def run(work: Path, bundle: Path) -> None:
    """Every cell that is not there yet: a seed for all sets and both encoders, then the next."""
    (work / "cells").mkdir(parents=True, exist_ok=True)
    restore_cells("bought", lambda cell: file_of(work, cell))
    weights = weights_of(bundle)
    require_weights(cells_of(work), weights, "bought")
    encoders = {"MiniLM-L6": packaged_minilm(), "pre-trained further": str(bundle)}
    for seed, (name, load) in product(SEEDS, sets(work).items()):
        data: Data | None = None
        for encoder, model in encoders.items():
            file = file_of(work, {"set": name, "encoder": encoder, "seed": seed})
            if file.is_file():
                continue
            data = data or load()
            stated = [f"train.seed={seed}", "train.checkpoint_every=100%"]
            stated += [] if data.epochs is None else [f"train.max_epochs={data.epochs}"]
            out = work / "run"
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(work / "run.run", ignore_errors=True)
            task = TaskData(kind=data.kind, train=data.parts["train"], dev=data.parts["dev"])
            result = finetune({"task": task}, model=model, out=out, config=FinetuneConfig.assemble(overrides=stated))
            scorer = score_task(spanbert.load(out).predictor, "task", data.parts["test"])
            found = {
                "set": name,
                "encoder": encoder,
                "seed": seed,
                "weights": weights if model == str(bundle) else None,
                "kind": data.kind,
                "metric": scorer.main_metric,
                "score": scorer.scores()[scorer.main_metric],
                "steps": result.outcome.progress.step,
                "seconds": result.outcome.progress.seconds,
            }
            file.write_text(json.dumps(found), encoding="utf-8")
            print(json.dumps(found), flush=True)


def collect(work: Path) -> None:
    """Mean and spread by set and encoder, and the differences of the same seed."""
    cells = cells_of(work)
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(one["set"] for one in cells):
        by_encoder: dict[str, dict[int, float]] = {}
        for one in cells:
            if one["set"] == name:
                by_encoder.setdefault(one["encoder"], {})[one["seed"]] = one["score"]
        before, after = by_encoder.get("MiniLM-L6", {}), by_encoder.get("pre-trained further", {})
        seeds = sorted(before.keys() & after.keys())
        differences = [after[seed] - before[seed] for seed in seeds]
        if not seeds:
            continue  # one of the two is not there yet
        rows.append(
            {
                "set": name,
                "metric": next(one["metric"] for one in cells if one["set"] == name),
                **{encoder: round(mean(found[seed] for seed in seeds), 4) for encoder, found in by_encoder.items()},
                "seeds": len(differences),
                "difference": round(mean(differences), 4),
                "spread": round(stdev(differences), 4) if len(differences) > 1 else None,
            }
        )
    write_result("bought", {"rows": rows, "cells": cells})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", work, bundle]:
            run(Path(work), Path(bundle))
        case ["collect", work]:
            collect(Path(work))
        case _:
            sys.exit(__doc__)
