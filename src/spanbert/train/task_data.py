"""A task to learn, with its training and dev data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spanbert.core.config import Config
from spanbert.corpus.data import Source, local_file, opened
from spanbert.tasks.base import open_as
from spanbert.tasks.registry import spec_of
from spanbert.train.finetune_config import FinetuneConfig


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A task to learn, and the files or documents to learn it from.

    Attributes:
        kind: `classify`, `tag`, `qa`, `coref`, `relation` or `translate`.
        train: What to train on: a file, `hf:NAME:SPLIT`, or documents.
        dev: What the best weights and thresholds are chosen by; None: the last weights.
        options: The task's own settings; None: those of its kind.
        train_target: The file with the other side of each line of `train`, for kinds that have such.
        dev_target: The same of `dev`.
    """

    kind: str
    train: Path | Source
    dev: Path | Source | None = None
    options: Config | None = None
    train_target: Path | None = None
    dev_target: Path | None = None

    def __post_init__(self) -> None:
        for name in ("train", "dev", "train_target", "dev_target"):
            value = getattr(self, name)
            if isinstance(value, str | os.PathLike):
                object.__setattr__(self, name, local_file(value))


def train_source(data: TaskData, config: FinetuneConfig) -> Source:
    """What a task is learned from; a file is opened as its kind reads it.

    Raises:
        InputError: The file cannot be used, or there is no such kind of task.
    """
    kind, options = kind_of(data, config)
    return opened(data.train, lambda path: open_as(kind, options, path, companion=data.train_target))


def kind_of(data: TaskData, config: FinetuneConfig) -> tuple[Any, Any]:
    """The class of a task, and its settings.

    Raises:
        InputError: No such kind.
    """
    options = data.options or config.of_kind(data.kind)
    return spec_of(data.kind, options.model_dump()).task_class(), options
