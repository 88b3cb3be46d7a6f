"""A model of four tasks in int8: entities, parts of speech, clusters and relations, whose pass but the last they share.

Entities and relations are those of SciERC, parts of speech those of UD English-EWT, clusters those of OntoGUM. What the
model is good at does not matter here: what it costs to ask it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.bench.inference_sides.sets import Files, of_model
from benchmarks.bench.scierc import FOLDER, sentences, without_overlaps
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.errors import InputError
from spanbert.core.reporter import Reporter
from spanbert.core.types import Document
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.exports.export import export
from spanbert.train.finetune import finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData

STEPS, _QUICK_STEPS = 2000, 12
_QUICK_TEXTS = 60  # of each task
MAX_DROP = 100.0  # points: nothing is refused, since what is lost is told
_TAGS = Path("pos", "ud_english_ewt")


def model_in_int8(data: Path, clusters: Files, folder: Path, *, quick: bool, reporter: Reporter) -> Path:
    """The export; goes on with a training that was interrupted, and keeps what is done.

    Args:
        data: The folder of data sets.
        clusters: Whole texts with their clusters.
        folder: Where bundle and export are kept.
        quick: A few steps and texts alone.
        reporter: Receives progress.

    Raises:
        InputError: A data set is missing.
    """
    for needed in (FOLDER, _TAGS):
        if not (data / needed).is_dir():
            raise InputError(
                "no such data set", where=str(data / needed), remedy="docs/DATA.md says where the data sets come from"
            )
    bundle, pairs, most = folder / "bundle", data / FOLDER / "tacred_none", _QUICK_TEXTS if quick else None
    if not (bundle / "spanbert.json").is_file():
        reporter.say(f"four tasks together: fine-tuning into {bundle}")
        related = open_data(pairs / "train.json", among=["tacred"]).documents()
        tasks = {
            "entities": TaskData(kind="tag", train=_entities(data, "train", most)),
            "parts": TaskData(kind="tag", train=_some(_tagged(data), most), options=_upos()),
            "clusters": TaskData(kind="coref", train=clusters.train),
            "relations": TaskData(kind="relation", train=_some(related, most)),
        }
        steps = f"train.max_steps={_QUICK_STEPS if quick else STEPS}"
        config = FinetuneConfig.assemble(overrides=[steps, "batch.temperature=3", "train.checkpoint_every=10%"])
        finetune(tasks, model=packaged_minilm(), out=bundle, config=config, resume=True, reporter=reporter)
    out = folder / of_model(bundle) / "int8"
    if (out / "config.json").is_file():
        return out
    entities = folder / "entities.jsonl"
    write_data(_entities(data, "dev", most), entities, to="jsonl")
    dev = {
        "entities": entities,
        "parts": data / _TAGS / "dev.conllu",
        "clusters": clusters.export,
        "relations": pairs / "dev.json",
    }
    export(bundle, out, precision="int8", data=dev, max_drop=MAX_DROP, reporter=reporter)
    return out


def _entities(data: Path, part: str, most: int | None) -> list[Document]:
    return _some(map(without_overlaps, sentences(data, part)), most)


def _tagged(data: Path) -> Iterator[Document]:
    for file in sorted((data / _TAGS).glob("train-*.conllu")):
        yield from open_data(file, among=["columns"], settings=ReadSettings(layer="upos")).documents()


def _some(documents: Iterable[Document], most: int | None) -> list[Document]:
    return list(islice(documents, most))


def _upos() -> Any:
    return FinetuneConfig().of_kind("tag").model_copy(update={"column": "upos"})
