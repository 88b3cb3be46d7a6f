"""Scoring predictors on labelled texts: documents are streamed, counts are kept."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from spanbert.core.files import write_atomically
from spanbert.core.reporter import Reporter
from spanbert.core.types import Record
from spanbert.corpus.data import Source, documents_of, name_of
from spanbert.inference.predictor import Predictor
from spanbert.inference.work import followed
from spanbert.tasks.protocol import DocumentScorer, Mistake

_KEPT_MISTAKES = 50


def evaluate_documents(predictor: Predictor, sources: Mapping[str, Source], *, seed: int = 0) -> dict[str, Record]:
    """The scores of each task on its data; memory does not grow with a file.

    Args:
        predictor: Encoder and heads.
        sources: By task.
        seed: Seed of the bootstrap.
    """
    return {name: score_task(predictor, name, source, seed=seed).scores() for name, source in sources.items()}


def score_task(
    predictor: Predictor,
    name: str,
    source: Source,
    *,
    seed: int = 0,
    mistakes: list[Mistake] | None = None,
    reporter: Reporter | None = None,
) -> DocumentScorer:
    """A scorer that has seen all of a task's data.

    Args:
        predictor: Encoder and heads.
        name: The task.
        source: Its data.
        seed: Seed of the bootstrap.
        mistakes: Is filled with the worst mistakes, worst first.
        reporter: Receives progress; the data is then read once before, to count it.
    """
    task = predictor.tasks[name]
    alone = predictor.only([name])
    scorer = task.scorer(seed=seed)
    worst: list[tuple[float, int, Mistake]] = []
    number = 0
    stage = f"evaluate {name} on {name_of(source)}"
    read, progress = followed(lambda: documents_of(source), reporter, stage)
    for document, found in alone.predict(read, progress=progress):
        scorer.add(document, found[name])
        if mistakes is None:
            continue
        for mistake in task.mistakes(document, found[name]):
            number += 1
            heapq.heappush(worst, (mistake.severity, -number, mistake))
            if len(worst) > _KEPT_MISTAKES:
                heapq.heappop(worst)
    if reporter:
        reporter.finish(stage)
    if mistakes is not None:
        mistakes += [mistake for _, _, mistake in sorted(worst, reverse=True)]
    return scorer


def tune_thresholds(predictor: Predictor, sources: Mapping[str, Source], reporter: Reporter) -> None:
    """Sets the thresholds of the tasks that have one to the best value on their dev data."""
    for name, source in sources.items():
        task = predictor.tasks[name]
        tuner = task.tuner()
        if tuner is None:
            continue
        for document, found in predictor.only([name]).predict(documents_of(source)):
            tuner.add(document, found[name])
        task.threshold = tuner.best()
        reporter.say(f"{name}: threshold {task.threshold:.4g}, tuned on {name_of(source)}")


def score_with_mistakes(
    predictor: Predictor, sources: Mapping[str, Source]
) -> tuple[dict[str, Record], list[tuple[str, Mistake]]]:
    """The scores of each task on its data, and its worst mistakes, each with the task's name."""
    scores: dict[str, Record] = {}
    found: list[tuple[str, Mistake]] = []
    for name, source in sources.items():
        mistakes: list[Mistake] = []
        scores[name] = score_task(predictor, name, source, mistakes=mistakes).scores()
        found += [(name, mistake) for mistake in mistakes]
    return scores, found


def write_mistakes(target: Path, mistakes: Sequence[tuple[str, Mistake]]) -> None:
    """Writes the mistakes of tasks, a JSON object a line."""
    lines = [json.dumps({"task": name, **asdict(one)}, ensure_ascii=False) + "\n" for name, one in mistakes]
    write_atomically(target, "".join(lines))
