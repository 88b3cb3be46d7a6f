"""Which rates and how many steps suit an encoder and a kind of task: what `finetune` should take by default.

python benchmarks/defaults.py run WORK       every cell of the grid that is not there yet (hours; it may be ended)
python benchmarks/defaults.py collect WORK   the table; `run` elsewhere goes on from its cells

Sets of 100 to 9,000 examples, five kinds of task, MiniLM-L6 and its first three layers; scores of dev data.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any, NamedTuple

from common import real_data, restore_cells, write_result
from coref import litbank_documents

from spanbert import FinetuneConfig, TaskData, finetune
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.types import Document
from spanbert.corpus.formats.registry import open_data
from spanbert.encoder.model import load_encoder
from spanbert.encoder.saving import SavedModel
from spanbert.tasks.registry import spec_of
from spanbert.tokens.tokenizer import load_tokenizer

RATES = (5e-5, 1e-4, 1.5e-4, 3e-4)
HEAD_RATES = (5e-4, 1e-3)
STEPS = (0, 300, 600)  # at least so many
USUAL = {"head_lr": 1e-3, "least": 300}  # while the rate is varied
USUAL_RATE = 1.5e-4  # while the others are: what `train.usual` says of encoders of this size
ENCODERS = ("minilm", "minilm-3")


class Data(NamedTuple):
    """A set: its kind, and the documents to train and to choose by."""

    kind: str
    train: Sequence[Document]
    dev: Sequence[Document]


def cut(path: Path, kind: str, train: int, dev: int) -> Data:
    """The first documents of a training file, and others of it that come after."""
    formats = spec_of(kind).formats
    documents = list(islice(open_data(path, among=formats).documents(), train + dev))
    return Data(kind, documents[:train], documents[train:])


def questions(path: Path, dev: Path, train: int) -> Data:
    """Paragraphs with about so many questions."""

    def of(file: Path, most: int) -> Iterator[Document]:
        held = 0
        for document in open_data(file, among=["squad"]).documents():
            if held < most:
                yield document
            held += len(document.questions or ())

    return Data("qa", list(of(path, train)), list(of(dev, 400)))


def litbank(work: Path, train: int) -> Data:
    """Documents of its training part, and its dev part."""
    parts = litbank_documents(work)
    return Data("coref", parts["train"][:train], parts["dev"][:5])


def sets(work: Path) -> dict[str, Callable[[], Data]]:
    """Every set, made when it is asked for."""
    root = real_data()
    shifts = sorted((root / "qa" / "squadshifts" / "split").glob("*.json"))
    train = next(file for file in shifts if "train" in file.name)
    dev = next(file for file in shifts if "dev" in file.name)
    politics = root / "ner" / "crossner" / "politics" / "train.txt"
    semeval = sorted((root / "re" / "semeval2010_task8" / "tacred_format").glob("train-*.json"))
    return {
        "CrossNER, 100 sentences": lambda: cut(politics, "tag", 100, 100),
        "TREC, 500 questions": lambda: cut(root / "cls" / "trec" / "train.tsv", "classify", 500, 500),
        "LitBank, 10 documents": lambda: litbank(work, 10),
        "SQuADShifts, 1,000 questions": lambda: questions(train, dev, 1000),
        "SemEval, 2,000 pairs": lambda: cut(semeval[0], "relation", 2000, 500),
        "WNUT-17, 2,900 sentences": lambda: cut(next((root / "ner" / "wnut17").glob("*train*")), "tag", 2900, 490),
        "BANKING77, 9,000 questions": lambda: cut(root / "cls" / "banking77" / "train.csv", "classify", 9000, 1000),
    }


def encoder(name: str, work: Path) -> Path:
    """The directory of an encoder."""
    if name == "minilm":
        return Path(packaged_minilm())
    place = work / name
    if not (place / "config.json").is_file():
        files = open_bundle(packaged_minilm())
        whole, _ = load_encoder(files)
        shape = whole.config.changed(layers=3)
        later = tuple(f"blocks.{number}." for number in range(3, whole.config.layers))
        state = {key: one for key, one in whole.state_dict().items() if not key.startswith(later)}
        tokenizer = load_tokenizer(files.path)
        place.mkdir(parents=True, exist_ok=True)
        SavedModel(shape=shape, weights=state, tokenizer=tokenizer, card=None).write_into(place)
        stated = json.dumps(shape.to_hugging_face(special=tokenizer.special))
        (place / "config.json").write_text(stated, encoding="utf-8")
    return place


def cells() -> Iterator[dict[str, Any]]:
    """Rates first, then what else matters at the usual one."""
    for rate, name in product(RATES, ENCODERS):
        yield {"encoder": name, "lr": rate, **USUAL}
    for name in ENCODERS:
        yield from (
            {"encoder": name, "lr": USUAL_RATE, **USUAL, "head_lr": one}
            for one in HEAD_RATES
            if one != USUAL["head_lr"]
        )
        yield from (
            {"encoder": name, "lr": USUAL_RATE, **USUAL, "least": one} for one in STEPS if one != USUAL["least"]
        )


def file_of(work: Path, cell: dict[str, Any]) -> Path:
    """Where the score of a cell is kept; it has its set's name."""
    facts = (cell["set"], cell["encoder"], f"{cell['lr']:g}", f"{cell['head_lr']:g}", str(cell["least"]))
    return work / "cells" / (" ".join(facts).replace(",", "") + ".json")


def run(work: Path) -> None:
    """Every cell that is not there yet; smaller sets first."""
    (work / "cells").mkdir(parents=True, exist_ok=True)
    restore_cells("defaults", lambda cell: file_of(work, cell))
    for name, load in sets(work).items():
        data: Data | None = None
        for cell in cells():
            file = file_of(work, {**cell, "set": name})
            if file.is_file():
                continue
            data = data or load()
            rates = (f"optim.lr={cell['lr']}", f"optim.head_lr={cell['head_lr']}")
            budget = (f"train.max_epochs={spec_of(data.kind).epochs}", f"train.least_steps={cell['least']}")
            config = FinetuneConfig.assemble(
                overrides=[*rates, *budget, "train.evaluate_every=25%", "train.checkpoint_every=100%"]
            )
            out = work / "run"
            shutil.rmtree(out, ignore_errors=True)
            task = TaskData(kind=data.kind, train=data.train, dev=data.dev)
            result = finetune({"task": task}, model=encoder(cell["encoder"], work), out=out, config=config)
            best = result.outcome.best
            assert best is not None
            found = {
                **cell,
                "set": name,
                "kind": data.kind,
                "score": best.selection_score,
                "steps": result.outcome.progress.step,
                "best_step": best.step,
                "seconds": result.outcome.progress.seconds,
            }
            file.write_text(json.dumps(found), encoding="utf-8")
            print(json.dumps(found), flush=True)


def collect(work: Path) -> None:
    """The cells as one result."""
    found = [json.loads(file.read_text("utf-8")) for file in sorted((work / "cells").glob("*.json"))]
    write_result("defaults", {"cells": found})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", work]:
            run(Path(work))
        case ["collect", work]:
            collect(Path(work))
        case _:
            sys.exit(__doc__)
