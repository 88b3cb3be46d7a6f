"""Labelled data that an export is made by: by task, in a part that sets the ranges of int8 and one that scores it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from spanbert.core.errors import InputError, nearest
from spanbert.corpus.data import Source, documents_of, local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.held_out import HeldOut, hold_out
from spanbert.tasks.protocol import TextTask

_MOST_SHARE = 0.2
_DOCUMENTS = 128  # that set ranges; more do not move them
PathLike = str | os.PathLike[str]
DataByTask = PathLike | Mapping[str, PathLike] | None


@dataclass(frozen=True, kw_only=True)
class DevData:
    """The data of a task.

    Attributes:
        ranges: What the ranges of int8 are set by; None: nothing is int8.
        scored: What the export is compared with the bundle on.
        line: What of the data sets ranges, for people.
    """

    ranges: Source | None
    scored: Source
    line: str


def paths_of(data: DataByTask) -> list[PathLike]:
    """The files of some data."""
    if data is None:
        return []
    return list(data.values()) if isinstance(data, Mapping) else [data]


def opened_by_task(tasks: Mapping[str, TextTask], data: DataByTask, *, where: str) -> dict[str, DataFile]:
    """Opens the data of each task that has some.

    Args:
        tasks: Of the bundle, by name.
        data: A file, or by task.
        where: The bundle, for messages.

    Raises:
        InputError: No such task, or one that was not named.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        if len(tasks) != 1:
            raise InputError(
                "data of which task?" if tasks else "this bundle has no fine-tuned task to score",
                where=where,
                got=", ".join(tasks) or None,
                remedy="Name it: --data NAME=FILE" if tasks else None,
            )
        return opened_by_task(tasks, dict.fromkeys(tasks, data), where=where)
    for name in data:
        if name not in tasks:
            raise InputError(f"no task {name!r}", where=where, remedy=nearest(name, tasks))
    return {name: tasks[name].opened(local_file(path)) for name, path in data.items()}


def whole(file: Source) -> DevData:
    """All of it is scored."""
    return DevData(ranges=None, scored=file, line="")


def divided(file: DataFile) -> DevData:
    """A fifth of it, and no more than is of use, sets ranges; the rest is scored.

    Texts are divided as those of dev data that is held out of training data: equal ones lie on one side.

    Raises:
        InputError: Fewer than two different texts, or a file that cannot be read.
    """
    documents = sum(1 for _ in documents_of(file))
    split = hold_out(file, HeldOut(share=min(_MOST_SHARE, _DOCUMENTS / max(documents, 1))))
    used = sum(1 for _ in documents_of(split.dev))
    return DevData(
        ranges=split.dev,
        scored=_renamed(split.train, f"without {used:,} that set ranges"),
        line=f"{used:,} of {documents:,} documents of {file.name}",
    )


def _renamed(source: Source, name: str) -> Source:
    assert isinstance(source, DataFile)
    assert source.part is not None
    return replace(source, part=replace(source.part, name=name))
