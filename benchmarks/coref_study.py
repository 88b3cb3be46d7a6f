"""What gives most in coreference for the minutes: one thing changed at a time, then the best of them together.

python benchmarks/coref_study.py run WORK BUNDLE    every cell that is not there yet (a day; it may be ended)
python benchmarks/coref_study.py collect WORK       the table; `run` elsewhere goes on from its cells

OntoGUM's training documents, CoNLL F1 of its dev documents. First every variant for a quarter of the epochs of
`benchmarks/coref.py` with one seed; then the recipe as it was, and what raised the score, whole, with three seeds, on
LitBank's test documents too. BUNDLE is an encoder that was pre-trained further, small-en's say. A cell that was ended
goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from common import require_weights, restore_cells, weights_of, write_result
from coref import EPOCHS, parts

import spanbert
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm

BASE = {"optim.lr": "1e-4", "optim.head_lr": "5e-4"}
FURTHER = "encoder"  # the bundle in place of MiniLM-L6, which is no setting
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "as it was": {},
    "encoder pre-trained further": {FURTHER: "further"},
    "rate 2e-4": {"optim.lr": "2e-4"},
    "rate of the head 1e-3": {"optim.head_lr": "1e-3"},
    "mention loss 0.5": {"coref.mention_weight": "0.5"},
    "mention loss 2": {"coref.mention_weight": "2"},
    "windows of 256": {"window.length": "256", "window.overlap": "64"},
    "rates of lower layers fall by 0.9": {"optim.layer_decay": "0.9"},
    "no dropout of the encoder": {"hidden_dropout": "0"},
    "head of 1,024": {"coref.size": "1024"},
    "stretches of documents as well": {"coref.stretches": "true"},
}
QUARTER = EPOCHS // 4
SEEDS = (0, 1, 2)
WORTH = 0.003  # what a variant must raise the score by to stay
DATA = ("ontogum", "litbank")


class Cell(NamedTuple):
    """One run: its name, changed settings, data, epochs and seed."""

    name: str
    changed: Mapping[str, str]
    data: str
    epochs: int
    seed: int

    def file(self, work: Path) -> Path:
        """Where its score is kept."""
        return file_of(work, self._asdict())


def file_of(work: Path, cell: Mapping[str, Any]) -> Path:
    """Where the score of a cell is kept."""
    return work / "cells" / f"{cell['name']} {cell['data']} {cell['epochs']} {cell['seed']}.json".replace(",", "")


def screening() -> Iterator[Cell]:
    """Every variant, short."""
    for name, changed in VARIANTS.items():
        yield Cell(name, changed, DATA[0], QUARTER, 0)


def whole(work: Path) -> Iterator[Cell]:
    """The recipe as it was, and all that raised the score of the short runs; of two values of one setting the better.

    Only once all short runs are there.
    """
    scores = {one.name: json.loads(one.file(work).read_text("utf-8"))["score"] for one in screening()}
    before = scores["as it was"]
    better = sorted((name for name, score in scores.items() if score - before >= WORTH), key=scores.__getitem__)
    together: dict[str, str] = {}
    for name in better:  # the best comes last, and its value stays
        together.update(VARIANTS[name])
    for seed in SEEDS:
        for data in DATA:
            yield Cell("as it was", {}, data, EPOCHS, seed)
            if together:
                yield Cell("together", together, data, EPOCHS, seed)


def cells_of(work: Path) -> list[dict[str, Any]]:
    """The cells that are there."""
    return [json.loads(one.read_text("utf-8")) for one in sorted((work / "cells").glob("*.json"))]


def run(work: Path, bundle: Path) -> None:
    """Every cell that is not there yet."""
    (work / "cells").mkdir(parents=True, exist_ok=True)
    restore_cells("coref_study", lambda cell: file_of(work, cell))
    require_weights(cells_of(work), weights_of(bundle), "coref_study")
    for cell in screening():
        learn(cell, work, bundle)
    for cell in whole(work):
        learn(cell, work, bundle)


def learn(cell: Cell, work: Path, bundle: Path) -> None:
    """Trains and scores one cell, unless it has been."""
    if cell.file(work).is_file():
        return
    files = parts(cell.data, work)
    settings = {**BASE, **cell.changed}
    model = bundle if settings.pop(FURTHER, None) else packaged_minilm()
    stated = [f"{key}={value}" for key, value in settings.items()]
    stated += [f"train.seed={cell.seed}", f"train.max_epochs={cell.epochs}", "train.evaluate_every=20%",
               "train.checkpoint_every=10%"]  # fmt: skip
    out = work / f"run-{cell.file(work).stem}".replace(" ", "-")
    with make_reporter() as reporter:
        reporter.say(f"== {cell.file(work).stem}")
        result = spanbert.finetune(
            {"coref": TaskData(kind="coref", train=files["train"], dev=files["dev"])},
            model=model,
            out=out,
            config=FinetuneConfig.assemble(overrides=stated),
            resume=True,
            reporter=reporter,
        )
    if result.outcome.stopped_by != "budget":
        sys.exit(f"{result.outcome.stopped_by}: run it again to go on")
    found = spanbert.evaluate(out, files["dev"])
    test = spanbert.evaluate(out, files["test"])["conll_f1"] if "test" in files else None
    facts = {
        **cell._asdict(),
        "weights": weights_of(bundle) if FURTHER in cell.changed else None,
        "score": found["conll_f1"],
        "interval": found["interval"]["conll_f1"],
        "test": test,
        "seconds": round(result.outcome.progress.seconds),
    }
    cell.file(work).write_text(json.dumps(facts), encoding="utf-8")
    print(json.dumps(facts), flush=True)
    shutil.rmtree(out)
    shutil.rmtree(Path(f"{out}.run"), ignore_errors=True)


def collect(work: Path) -> None:
    """The short runs, and mean and spread over the seeds of the whole ones."""
    cells = cells_of(work)
    short = [one for one in cells if one["epochs"] == QUARTER]
    rows: list[dict[str, Any]] = []
    for name, data in dict.fromkeys((one["name"], one["data"]) for one in cells if one["epochs"] == EPOCHS):
        own = [one for one in cells if (one["name"], one["data"], one["epochs"]) == (name, data, EPOCHS)]
        scores = [one["test"] if one["test"] is not None else one["score"] for one in own]
        rows.append({
            "name": name, "data": data, "changed": own[0]["changed"], "scores": scores, "mean": round(mean(scores), 4),
            "spread": round(stdev(scores), 4) if len(scores) > 1 else None,
            "minutes": round(mean(one["seconds"] for one in own) / 60),
        })  # fmt: skip
    write_result("coref_study", {"short": short, "whole": rows, "cells": cells})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", work, bundle]:
            run(Path(work), Path(bundle))
        case ["collect", work]:
            collect(Path(work))
        case _:
            sys.exit(__doc__)
