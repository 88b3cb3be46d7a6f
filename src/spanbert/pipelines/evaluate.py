"""Scores of a bundle's task on labelled data, with intervals and signature; two bundles on the same data."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import get_args

from spanbert.core.device import AUTO, DeviceLike
from spanbert.core.errors import InputError, nearest
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter
from spanbert.core.texts import require_path
from spanbert.core.types import Facts, Record
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.inference.end_to_end import Entities, relating_tasks, score_end_to_end
from spanbert.inference.scoring import score_task
from spanbert.pipelines.evaluation import Evaluation
from spanbert.pipelines.load import Pipeline, load
from spanbert.pipelines.loaded import Precision
from spanbert.scores.bootstrap import compare
from spanbert.scores.scorer import PairedTester
from spanbert.tasks.base import changed_config
from spanbert.tasks.protocol import DocumentScorer, TextTask


@shows_progress
def evaluate(
    bundle: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    target: str | os.PathLike[str] | None = None,
    task: str | None = None,
    other: str | os.PathLike[str] | None = None,
    options: Facts | None = None,
    device: DeviceLike = AUTO,
    precision: Precision = "auto",
    seed: int = 0,
    reporter: Reporter | None = None,
) -> Evaluation:
    """Scores a task of a bundle on a labelled file; documents stream by, memory does not grow with the file.

    Args:
        bundle: The bundle.
        data: Its data, in any format that the task reads, or `hf:NAME[@CONFIG][:SPLIT]`, a data set of the hub.
        target: The file with the other side of each line of `data`, for translation.
        task: Which task; needed only where the bundle holds several.
        other: Another bundle to compare with, by a paired bootstrap test on the main score.
        options: Settings of the task's kind, with or without its name (`coref.depth`), in place of those that it was
            trained with: how the file is read (`text_column`, `pair_column`, `label_column`, `separator`, for tagging
            `column`), or for coreference how mentions are linked (`depth`, `singletons`, `kept`).
        device: See `load`.
        precision: See `load`.
        seed: Seed of the bootstrap.
        reporter: Receives progress; None: shown on a terminal and in a notebook (`SilentReporter()` keeps quiet).

    Returns:
        A dictionary: `task`, `kind`, `main` (the name of the main score), the scores, `interval` and `signature`; with
        `other`, also `compared`: its main score, the difference with its interval, and the p-value.

    Raises:
        InputError: No such task, or data that it cannot read.
    """
    require_path(data, "data")
    nlp = load(bundle, device=device, precision=precision)
    name = _one_task(nlp, task)
    _read_by(nlp.tasks[name], options or {})
    companion = None if target is None else Path(target)
    file = nlp.tasks[name].opened(local_file(data), companion=companion)
    scorer = _scored(nlp, name, file, seed, reporter)
    found = Evaluation(task=name, kind=nlp.tasks[name].kind, main=scorer.main_metric, data=file.name, **scorer.scores())
    if other is not None:
        rival = load(other, device=device, precision=precision)
        other_name = _one_task(rival, task if task in rival.tasks else None)
        one, two = nlp.tasks[name], rival.tasks[other_name]
        _read_by(two, options or {})
        if (one.kind, one.comparison_key) != (two.kind, two.comparison_key):
            raise InputError(
                "tasks that are scored in different ways",
                where=os.fspath(other),
                got=f"{two.kind}, scored by {two.comparison_key}",
                expected=f"{one.kind}, scored by {one.comparison_key}",
            )
        as_rival = two.opened(file.path, companion=companion)
        if _gold_digest(one, file) != _gold_digest(two, as_rival):
            raise InputError(
                "the bundles read different gold from this file",
                where=str(file.path),
                got=f"{file.description}; {as_rival.description}",
                remedy="Name the columns",
            )
        found["compared"] = _comparison(scorer, _scored(rival, other_name, as_rival, seed, reporter), os.fspath(other))
    return found


@shows_progress
def evaluate_end_to_end(
    bundle: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    entities: Entities = "found",
    task: str | None = None,
    options: Facts | None = None,
    device: DeviceLike = AUTO,
    precision: Precision = "auto",
    seed: int = 0,
    reporter: Reporter | None = None,
) -> Evaluation:
    """Scores the entities and relations that a bundle finds in raw text, strictly and by boundaries.

    Args:
        bundle: A bundle with a task on relations, and with one that finds entities.
        data: Data of the task on relations that names all relations of its texts; entities are scored where it names
            those too (`"entities"` of JSON lines). It is held in memory.
        entities: `found` by the bundle, or those of the data (`gold`), all pairs of which are then judged, but for
            types that the task does not know.
        task: Which task on relations; needed only where the bundle holds several.
        options: Settings of the task's kind in place of those that it was trained with, such as `max_pairs`.
        device: See `load`.
        precision: See `load`.
        seed: Seed of the bootstrap.
        reporter: Receives progress; None: shown on a terminal and in a notebook (`SilentReporter()` keeps quiet).

    Returns:
        `task`, `kind`, `main`, `data`, and the scores of `inference.end_to_end`.

    Raises:
        InputError: No such task, no task that finds entities, or data that cannot be read.
    """
    if entities not in get_args(Entities):
        raise InputError("no such entities", where="entities", got=entities, expected=", ".join(get_args(Entities)))
    require_path(data, "data")
    nlp = load(bundle, device=device, precision=precision)
    able = relating_tasks(nlp.tasks)
    if not able:
        raise InputError("this bundle has no task on relations", where=str(nlp.files.path), got=", ".join(nlp.tasks))
    name = able[0] if task is None and len(able) == 1 else _one_task(nlp, task)
    if name not in able:
        raise InputError(f"task {name!r} does not relate entities", where=str(nlp.files.path), expected=", ".join(able))
    _read_by(nlp.tasks[name], options or {})
    file = nlp.tasks[name].opened(local_file(data))
    found = score_end_to_end(nlp.predictor, name, file, entities=entities, seed=seed, reporter=reporter)
    return Evaluation(task=name, kind=nlp.tasks[name].kind, data=file.name, **found)


def _one_task(nlp: Pipeline, task: str | None) -> str:
    if task is None and len(nlp.tasks) == 1:
        return next(iter(nlp.tasks))
    if task is None:
        raise InputError(
            "which task?" if nlp.tasks else "this bundle has no fine-tuned task",
            where=str(nlp.files.path),
            got=", ".join(nlp.tasks) or "no task",
            remedy="Name one with --task" if nlp.tasks else "Train one with spanbert finetune",
        )
    if task not in nlp.tasks:
        raise InputError(f"no task {task!r}", where=str(nlp.files.path), remedy=nearest(task, nlp.tasks))
    return task


def _read_by(task: TextTask, options: Facts) -> None:
    """Lets a task read files and decode by other settings of its kind.

    Raises:
        InputError: A setting that its kind does not have, or one of another kind (`coref.depth`).
    """
    for key in options:
        kind, dot, _ = key.rpartition(".")
        if dot and kind != task.kind:
            raise InputError(f"a setting of {kind}", got=f"{key}={options[key]}", expected=f"of {task.kind}")
    changes = {key.rpartition(".")[2]: value for key, value in options.items()}
    task.config = changed_config(task, task.config.model_dump(), changes)


def _gold_digest(task: TextTask, file: DataFile) -> str:
    """Of what a task compares predictions with."""
    digest = hashlib.sha256()
    for document in file.documents():
        if task.is_labelled(document):
            digest.update(repr((document.text, document.pair, document.gold())).encode())
    return digest.hexdigest()


def _scored(nlp: Pipeline, name: str, file: DataFile, seed: int, reporter: Reporter | None) -> DocumentScorer:
    scorer = score_task(nlp.predictor, name, file, seed=seed, reporter=reporter)
    if not scorer.paired()[0].units:
        raise InputError("nothing labelled to score", where=str(file.path))
    return scorer


def _comparison(ours: DocumentScorer, theirs: DocumentScorer, name: str) -> Record:
    (bootstrap, statistic), (other, other_statistic) = ours.paired(), theirs.paired()
    found = compare(bootstrap, other, statistic, other=other_statistic)
    own = {"test": ours.compared(theirs)} if isinstance(ours, PairedTester) else {}
    return {
        "with": name,
        "score": float(other_statistic(other.sums_K)),
        "difference": found.difference.value,
        "interval": [found.difference.low, found.difference.high],
        "p_value": found.p_value,
        "units": bootstrap.units,
        **own,
    }
