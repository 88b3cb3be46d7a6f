"""Our side of the fine-tuning benchmark, as its users run it: `spanbert finetune`, and `spanbert.load` to predict.

Every function is to run in a process of its own, since fine-tuning sets the allocator.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.bench.common import seconds_of
from benchmarks.bench.finetune_sides.data import Contest, read
from benchmarks.bench.finetune_sides.recipe import BATCH, HIDDEN_DROPOUT, RATE, WARM_UP, WEIGHT_DECAY, Trained
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.types import Document
from spanbert.corpus.data import documents_of
from spanbert.encoder.hardware import tune_process
from spanbert.pipelines.load import Pipeline, load
from spanbert.pipelines.loaded import Precision
from spanbert.tokens.tokenizer import load_tokenizer
from spanbert.train.finetune import build_tasks, finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData, train_source


def train(contest: Contest, model: Path, out: Path, steps: int, seed: int) -> Trained:
    """Fine-tunes, writes a bundle, and answers the held-out examples with it.

    The time is that of reading the training file, tokenising it and making examples, measured on its own before the
    run makes them once more, and of the run's loop: batches, steps and its logs. Weights are read and the bundle is
    written outside of it; intermediate states are not saved, since the peer saves none.

    Args:
        contest: The task.
        model: Weights and tokenizer.
        out: The bundle.
        steps: Optimiser steps, the peer's.
        seed: The run's seed.
    """
    config = FinetuneConfig.assemble(
        base={
            "batch": {"examples": BATCH},
            "optim": {"lr": RATE, "head_lr": RATE, "weight_decay": WEIGHT_DECAY, "warmup": WARM_UP, "clip": 1.0},
            "train": {"max_steps": steps, "seed": seed, "precision": "float32", "checkpoint_every": "100%"},
            "hidden_dropout": HIDDEN_DROPOUT,
        }
    )
    tasks = {contest.name: TaskData(kind=contest.kind, train=contest.train)}
    seconds = preparation(tasks, model, config)
    progress = finetune(tasks, model=model, out=out, config=config).outcome.progress
    answers = _answers(contest, load(out), read(contest.kind, contest.held_out))
    return Trained(seconds=seconds + progress.seconds, steps=progress.step, answers=answers)


def preparation(tasks: Mapping[str, TaskData], model: Path, config: FinetuneConfig) -> float:
    """Seconds in which the training files are read, tokenised and made examples of."""
    files = open_bundle(model)
    made = build_tasks(tasks, files, load_tokenizer(files.path), config)
    tune_process()
    begun = time.perf_counter()
    for name, task in made.items():
        for windowed in task.tokenize(list(documents_of(train_source(tasks[name], config)))):
            task.examples(windowed)
    return time.perf_counter() - begun


def predict(contest: Contest, bundle: Path, precision: Precision = "float32") -> float:
    """Seconds from raw texts to typed results, in default use but for the precision.

    Args:
        contest: Whose texts.
        bundle: From `train`; it is read once a process.
        precision: See `spanbert.load`.
    """
    nlp = _loaded(bundle, precision)
    documents = read(contest.kind, contest.predict)
    if contest.kind == "qa":
        return seconds_of(lambda: list(nlp.predict(documents)))
    texts = [document.text for document in documents]
    return seconds_of(lambda: list(nlp.pipe(texts)))


@cache
def _loaded(bundle: Path, precision: Precision) -> Pipeline:
    return load(bundle, precision=precision)


def _answers(contest: Contest, nlp: Pipeline, documents: list[Document]) -> list[Any]:
    """As `scores.score` takes them."""
    if contest.kind == "qa":
        found = [one.answering.answer for one in nlp.predict(documents)]
        return [one.text if one else "" for one in found]
    results = nlp.predict(documents)
    if contest.kind == "classify":
        return [one.labels[0] for one in results]
    return [[word.label for word in one.taggings[contest.name].words] for one in results]
