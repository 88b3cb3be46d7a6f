"""Scores of a bundle's task on labelled data, with intervals and signature; two bundles on the same data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError, nearest
from spanbert.pipelines.load import Pipeline, load
from spanbert.scores.bootstrap import compare
from spanbert.tasks.protocol import DocumentScorer
from spanbert.train.text_evaluation import score_task


def evaluate(
    bundle: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    task: str | None = None,
    other: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Scores a task of a bundle on a labelled file; documents stream by, memory does not grow with the file.

    Args:
        bundle: The bundle.
        data: Its data, in any format that the task reads.
        task: Which task; needed only where the bundle holds several.
        other: Another bundle to compare with, by a paired bootstrap test on the main score.
        seed: Seed of the bootstrap.

    Returns:
        `task`, `kind`, `main` (the name of the main score), the scores, `interval` and `signature`; with `other`, also
        `compared`: its main score, the difference with its interval, and the p-value.

    Raises:
        InputError: No such task, or data that it cannot read.
    """
    nlp, file = load(bundle), Path(data)
    name = _one_task(nlp, task)
    scorer = _scored(nlp, name, file, seed)
    found = {
        "task": name,
        "kind": nlp.tasks[name].kind,
        "main": scorer.main,
        "data": file.name,
        **scorer.scores(),
    }
    if other is not None:
        rival = load(other)
        other_name = _one_task(rival, task if task in rival.tasks else None)
        one, two = nlp.tasks[name], rival.tasks[other_name]
        if (one.kind, one.main) != (two.kind, two.main):
            raise InputError(
                "tasks of different kinds",
                where=os.fspath(other),
                got=f"{two.kind}, scored by {two.main}",
                expected=f"{one.kind}, scored by {one.main}",
            )
        found["compared"] = _comparison(scorer, _scored(rival, other_name, file, seed), os.fspath(other))
    return found


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


def _scored(nlp: Pipeline, name: str, file: Path, seed: int) -> DocumentScorer:
    if not file.is_file():
        raise InputError("no such file", where=str(file))
    scorer = score_task(nlp.predictor, name, file, seed=seed)
    if not scorer.paired()[0].units:
        raise InputError("nothing labelled to score", where=str(file))
    return scorer


def _comparison(ours: DocumentScorer, theirs: DocumentScorer, name: str) -> dict[str, Any]:
    (bootstrap, statistic), (other, other_statistic) = ours.paired(), theirs.paired()
    found = compare(bootstrap, other, statistic)
    return {
        "with": name,
        "score": float(other_statistic(other.sums_K)),
        "difference": found.difference.value,
        "interval": [found.difference.low, found.difference.high],
        "p_value": found.p_value,
        "units": bootstrap.units,
    }
