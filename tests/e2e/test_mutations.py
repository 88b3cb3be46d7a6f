"""Broken files in every format: each gives a result, or an error in one line; never a traceback."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.apps.cli import predict as predict_command
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import SpanbertError
from spanbert.core.progress import SilentReporter
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.inference import Predictor
from spanbert.tasks.joint import JointTask
from spanbert.tasks.protocol import TextTask
from spanbert.train.finetune import TaskData, build_tasks
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.text_evaluation import score_task, tune_thresholds
from tests.mutants import Mutant, byte_mutants, cell_mutants, json_mutants
from tests.mutation_seeds import Seed, real_seeds, written_seeds

_OF_WRITTEN, _OF_REAL = 32, 12
_LONGEST_MESSAGE = 1500
SEEDS = written_seeds() + (real_seeds(Path(os.environ["SPANBERT_DATA"])) if os.environ.get("SPANBERT_DATA") else [])
WRITTEN = len(written_seeds())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, hugging_face_model: Path) -> Path:
    """One encoder with a task of each kind, after one step."""
    place = tmp_path_factory.mktemp("mutations")
    sound = {"classify": "a.tsv", "tag": "two.conll", "qa": "two.json"}
    tasks = {}
    for seed in SEEDS[:WRITTEN]:
        if sound.get(seed.kind) == seed.name:
            (place / seed.name).write_bytes(seed.content)
            tasks[seed.kind] = TaskData(kind=seed.kind, train=place / seed.name)
    config = FinetuneConfig.assemble(overrides=["train.max_steps=1", "train.precision=float32"])
    spanbert.finetune(tasks, model=hugging_face_model, out=place / "bundle", config=config)
    return place / "bundle"


@pytest.fixture(scope="module")
def use(bundle: Path, hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Seed, bytes], None]:
    """Does with a file's content what the commands do with it."""
    nlp, files = spanbert.load(bundle), open_bundle(hugging_face_model)
    folder = tmp_path_factory.mktemp("mutants")

    def use_one(seed: Seed, content: bytes) -> None:
        path = folder / seed.name
        path.write_bytes(content)
        if seed.kind == "predict":
            for format_ in predict_command.FORMATS:
                predict_to_nowhere(bundle, path, format_)
            return
        learn_and_score(seed, path, nlp, files)

    return use_one


def predict_to_nowhere(bundle: Path, path: Path, format_: str) -> None:
    """As `spanbert predict`, by the tasks that read what the first line holds."""
    for task in ("classify", "tag", "qa"):
        with redirect_stdout(io.StringIO()):
            predict_command.command(str(bundle), str(path), task=task, format_=format_)


def learn_and_score(seed: Seed, path: Path, nlp: Pipeline, files: Any) -> None:
    """As `finetune` up to the first step, and as `evaluate`, with the file's own task and with the bundle's."""
    config = FinetuneConfig.assemble(base={seed.kind: seed.options})
    task = build_tasks({seed.kind: TaskData(kind=seed.kind, train=path, dev=path)}, files, nlp.tokenizer, config)[seed.kind]
    learn(task, path, nlp)
    head = task.build_head(nlp.predictor.encoder.config).eval()
    own = Predictor(nlp.predictor.encoder, {seed.kind: task}, {seed.kind: head})
    tune_thresholds(own, {seed.kind: path}, SilentReporter())
    mistakes: list[Any] = []
    json.dumps(score_task(own, seed.kind, path, mistakes=mistakes).scores(), default=str)
    json.dumps([str(one) for one in mistakes])
    score_task(nlp.predictor, seed.kind, path).scores()


def learn(task: TextTask, path: Path, nlp: Pipeline) -> None:
    examples = [one for reading in task.readings(list(task.read(path))) for one in task.examples(reading, gold=True)]
    joint = JointTask({task.kind: task})
