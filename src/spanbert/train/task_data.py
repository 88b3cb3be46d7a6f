"""A task to learn, with its training and dev data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from spanbert.core.config import Config
from spanbert.core.errors import InputError, nearest
from spanbert.core.reporter import Reporter
from spanbert.core.texts import described, require_many, require_path
from spanbert.core.types import Facts
from spanbert.corpus.data import Source, local_file, opened
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.held_out import HeldOut, hold_out
from spanbert.tasks.opening import open_own
from spanbert.tasks.registry import kind_meant, spec_of
from spanbert.train.finetune_config import FinetuneConfig


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A task to learn, and the files or documents to learn it from.

    Attributes:
        kind: `classify`, `tag`, `qa`, `coref`, `relation` or `translate`, or another name of one (`ner`, `squad`).
        train: What to train on: a file, `hf:NAME:SPLIT`, or documents.
        dev: What the best weights and thresholds are chosen by: a file, documents, or a share of `train` to hold out
            (`10%` or 0.1; see `corpus.held_out`); None: the last weights.
        options: The task's own settings, as they are or as a dictionary; None: those of its kind.
        train_target: The file with the other side of each line of `train`, for kinds that have such.
        dev_target: The same of `dev`.
    """

    kind: str
    train: Path | Source
    dev: Path | Source | HeldOut | None = None
    options: Config | None = None
    train_target: Path | None = None
    dev_target: Path | None = None

    def __post_init__(self) -> None:
        kind, asked = kind_meant(self.kind)
        object.__setattr__(self, "kind", kind)
        if isinstance(self.options, Mapping) or (self.options is None and asked):
            object.__setattr__(self, "options", spec_of(kind).config.of({**asked, **(self.options or {})}))
        elif self.options is not None and not isinstance(self.options, Config):
            expected = "a dictionary of settings"
            raise InputError("not settings", where="options", got=described(self.options), expected=expected)
        held_out = HeldOut.parse(self.dev, where="dev")
        if held_out is not None:
            if self.dev_target is not None:
                raise InputError(
                    "translations of a dev file, where a share is held out", where="dev_target", got=str(held_out)
                )
            object.__setattr__(self, "dev", held_out)
        for name in ("train", "dev", "train_target", "dev_target"):
            value = getattr(self, name)
            if isinstance(value, str | os.PathLike):
                object.__setattr__(self, name, local_file(value))
            elif name.endswith("target") or (value is None and name == "dev"):
                if value is not None:
                    require_path(value, name)
            elif not isinstance(value, DataFile | HeldOut):
                require_many(value, name, things="Documents", or_one="a path")


def train_source(data: TaskData, config: FinetuneConfig) -> Source:
    """What a task is learned from; a file is opened as its kind reads it.

    Raises:
        InputError: The file cannot be used, or there is no such kind of task.
    """
    kind, options = kind_of(data, config)
    return opened(data.train, lambda path: open_own(kind, options, path, companion=data.train_target))


def as_task_data(tasks: Mapping[str, TaskData] | Mapping[str, Facts]) -> dict[str, TaskData]:
    """The tasks that a caller of a Python function passed, those among them that are dictionaries made `TaskData`.

    Raises:
        InputError: No tasks by name, or a dictionary that says something else than `TaskData` takes.
    """
    expected = 'tasks by name: {"sentiment": TaskData(kind="classify", train="train.csv")}'
    if not isinstance(tasks, Mapping):
        raise InputError("not tasks", where="tasks", got=type(tasks).__name__, expected=expected)
    found: dict[str, TaskData] = {}
    for name, data in tasks.items():
        where = f"tasks[{name!r}]"
        if isinstance(data, TaskData):
            found[name] = data
            continue
        if not isinstance(data, Mapping):
            raise InputError("not a task", where=where, got=type(data).__name__, expected=expected)
        known = [one.name for one in fields(TaskData)]
        for key in data:
            if key not in known:
                raise InputError(f"a task has no {key!r}; {nearest(str(key), known)}", where=where)
        for key in ("kind", "train"):
            if key not in data:
                raise InputError(f"a task without {key!r}", where=where, got=", ".join(data), expected=expected)
        found[name] = TaskData(**data)
    return found


def with_held_out(tasks: Mapping[str, TaskData], config: FinetuneConfig, reporter: Reporter) -> dict[str, TaskData]:
    """The tasks with dev data in the place of shares to hold out; says what was held out.

    Raises:
        InputError: Training data that cannot be used, or that is too little.
    """
    found: dict[str, TaskData] = {}
    for name, data in tasks.items():
        if not isinstance(data.dev, HeldOut):
            found[name] = data
            continue
        split = hold_out(train_source(data, config), data.dev)
        reporter.say(f"{name}: {split.line}" if len(tasks) > 1 else split.line)
        found[name] = replace(data, train=split.train, train_target=None, dev=split.dev)
    return found


def kind_of(data: TaskData, config: FinetuneConfig) -> tuple[Any, Any]:
    """The class of a task, and its settings.

    Raises:
        InputError: No such kind.
    """
    options = data.options or config.of_kind(data.kind)
    return spec_of(data.kind, options.model_dump()).task_class(), options


def data_files(tasks: Mapping[str, TaskData]) -> list[Path]:
    """The files that tasks are learned from and scored on."""
    given = [one for data in tasks.values() for one in (data.train, data.train_target, data.dev, data.dev_target)]
    return [one for one in given if isinstance(one, Path)]


def files_read(
    tasks: Mapping[str, TaskData], model: str | Path | None, config: FinetuneConfig
) -> list[str | os.PathLike[str] | None]:
    """What a run reads: the model, the files of its tasks, and a vocabulary or a store where one is named."""
    vocabulary = config.scratch.vocabulary
    return [model, config.text.store, *data_files(tasks), *([] if isinstance(vocabulary, int) else [vocabulary])]
