"""What the inference benchmark answers and is scored on: public data sets, cut to size, and models of them.

No text that sets the ranges of int8, or that the gate of `spanbert export` looks at, is scored here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import spanbert
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.errors import InputError
from spanbert.core.files import sha256_of, write_atomically
from spanbert.core.reporter import Reporter
from spanbert.core.types import Document
from spanbert.corpus.formats.clusters import in_first_cluster, repeated_mentions
from spanbert.corpus.formats.registry import write_data
from spanbert.tasks.registry import spec_of
from spanbert.train.finetune import finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData

Kind = Literal["classify", "tag", "qa", "coref"]
_FORMATS: Mapping[Kind, str] = {"tag": "columns", "qa": "squad", "coref": "conll2012"}
_DEV_SHARE = 3  # one document in so many is for the export, where a set has no test file
_QUICK_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set, its files relative to the data folder.

    Attributes:
        title: What it is called.
        kind: The kind of task.
        train: Files to train on.
        dev: What the export is made by; where it is `test` too, one document in three.
        test: What is scored.
        epochs: Of a training.
        settings: Of a training, in addition.
        answered: Documents whose answering is timed: sentences, paragraphs with their questions, whole texts.
    """

    title: str
    kind: Kind
    train: Sequence[str]
    dev: str
    test: str
    epochs: int
    settings: Sequence[str] = ()
    answered: int


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of a data set, cut to size.

    Attributes:
        kind: The kind of task.
        train: To train on.
        export: By which exports are made.
        scored: By which they are scored.
        answered: Whose answering is timed.
    """

    kind: Kind
    train: Path
    export: Path
    scored: Path
    answered: Path


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How many documents are used at most; None: all."""

    train: int | None = None
    export: int | None = None
    scored: int | None = None
    answered: int | None = None


SETS: Mapping[str, DataSet] = {
    "wnut17": DataSet(
        title="WNUT-17",
        kind="tag",
        train=["ner/wnut17/train.conll"],
        dev="ner/wnut17/dev.conll",
        test="ner/wnut17/test.conll",
        epochs=3,
        answered=1000,
    ),
    "sst2": DataSet(
        title="SST-2 (whole sentences)",
        kind="classify",
        train=["cls/sst2/train.tsv"],
        dev="cls/sst2/dev.tsv",
        test="cls/sst2/test.tsv",
        epochs=2,
        answered=1000,
    ),
    "squadshifts": DataSet(
        title="SQuADShifts",
        kind="qa",
        train=[f"qa/squadshifts/split/train-{part}.json" for part in range(3)],
        dev="qa/squadshifts/split/dev.json",
        test="qa/squadshifts/split/dev.json",
        epochs=2,
        answered=60,
    ),
    "ontogum": DataSet(
        title="OntoGUM",
        kind="coref",
        train=[f"coref/ontogum/train-0{part}.conll" for part in range(3)],
        dev="coref/ontogum/dev-00.conll",
        test="coref/ontogum/dev-00.conll",
        epochs=20,
        settings=["optim.lr=1e-4", "optim.head_lr=5e-4"],
        answered=19,
    ),
}
QUICK: Mapping[Kind, Amounts] = {
    "tag": Amounts(train=800, export=300, scored=400, answered=200),
    "classify": Amounts(train=1200, export=300, scored=400, answered=200),
    "qa": Amounts(train=40, export=20, scored=20, answered=12),
    "coref": Amounts(train=8, export=4, scored=6, answered=3),
}


def cut_files(name: str, amounts: Amounts, *, data: Path, folder: Path) -> Files:
    """Writes the files of a data set, cut to size.

    Args:
        name: Of `SETS`.
        amounts: How much of it.
        data: The data folder.
        folder: Where to; files that are there already stay.

    Raises:
        InputError: A file is missing.
    """
    found = SETS[name]
    for file in {*found.train, found.dev, found.test}:
        if not (data / file).is_file():
            raise InputError(
                "no such file", where=str(data / file), remedy="docs/DATA.md says where the data sets come from"
            )
    folder.mkdir(parents=True, exist_ok=True)
    suffix = Path(found.test).suffix
    is_shared = found.dev == found.test

    def written(
        part: str, sources: Sequence[str], most: int | None, *, wanted: Callable[[int], bool] = lambda _: True
    ) -> Path:
        target = folder / f"{part}{suffix}"
        if not target.is_file():
            _cut(found.kind, [data / one for one in sources], target, most, wanted)
        return target

    def for_export(number: int) -> bool:
        return not is_shared or number % _DEV_SHARE == 0

    def for_scores(number: int) -> bool:
        return not is_shared or number % _DEV_SHARE != 0

    return Files(
        kind=found.kind,
        train=written("train", found.train, amounts.train),
        export=written("export", [found.dev], amounts.export, wanted=for_export),
        scored=written("scored", [found.test], amounts.scored, wanted=for_scores),
        answered=written("answered", [found.test], amounts.answered or found.answered, wanted=for_scores),
    )


def _cut(kind: Kind, sources: Sequence[Path], target: Path, most: int | None, wanted: Callable[[int], bool]) -> None:
    """Writes the first documents of some files, of those that are wanted by their numbers."""
    if kind == "classify":
        header, *rows = [line for file in sources for line in file.read_text(encoding="utf-8").splitlines(True)]
        chosen = islice((row for number, row in enumerate(rows) if wanted(number)), most)
        write_atomically(target, "".join([header, *chosen]))
        return
    every = (document for file in sources for document in documents_of(kind, file))
    found = islice((one for number, one in enumerate(every) if wanted(number)), most)
    write_data(found, target, to=_FORMATS[kind])


def documents_of(kind: Kind, file: Path) -> list[Document]:
    """The documents of a file; a mention in two clusters stays in the first (OntoGUM has seven)."""
    spec = spec_of(kind)
    return [
        replace(one, clusters=in_first_cluster(one)) if one.clusters is not None and repeated_mentions(one) else one
        for one in spec.task_class().open(spec.config(), file).documents()
    ]


def questions_of(file: Path) -> list[Document]:
    """The questions of a file that have an answer, a document each."""
    return [
        replace(document, id=question.id, questions=(question,))
        for document in documents_of("qa", file)
        for question in document.questions or ()
        if question.answers
    ]


def texts_of(kind: Kind, file: Path) -> list[str]:
    """The raw texts of a file."""
    return [document.text for document in documents_of(kind, file)]


def of_model(bundle: Path) -> str:
    """A folder for what is made of a model, of its own for each, and for each version of what makes it."""
    files = [bundle / "spanbert.json", bundle / "config.json"]
    package = Path(spanbert.__file__).parent
    code = sorted(one for place in ("exports", "encoder", "tasks") for one in (package / place).rglob("*.py"))
    made = hashlib.sha256(b"".join(one.read_bytes() for one in code)).hexdigest()
    return f"of-{sha256_of(next((one for one in files if one.is_file()), bundle))[:12]}-by-{made[:8]}"


def trained(name: str, files: Files, out: Path, *, quick: bool, reporter: Reporter) -> Path:
    """A bundle of MiniLM-L6 for a data set; goes on with a training that was interrupted, and keeps one that is done.

    Args:
        name: Of `SETS`.
        files: Its data.
        out: The bundle.
        quick: A few steps alone.
        reporter: Receives progress.
    """
    if (out / "spanbert.json").is_file():
        return out
    found = SETS[name]
    length = f"train.max_steps={_QUICK_STEPS}" if quick else f"train.max_epochs={found.epochs}"
    reporter.say(f"{found.title}: fine-tuning into {out}")
    finetune(
        {name: TaskData(kind=found.kind, train=files.train, dev=files.export)},
        model=packaged_minilm(),
        out=out,
        config=FinetuneConfig.assemble(overrides=[length, "train.checkpoint_every=10%", *found.settings]),
        resume=True,
        reporter=reporter,
    )
    return out
