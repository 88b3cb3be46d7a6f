"""Files of labelled texts, opened for a kind of task; those that were made for another kind are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.corpus.formats.parallel_columns import ParallelColumns
from spanbert.corpus.formats.registry import marked_formats
from spanbert.corpus.io.tables import NAME_COLUMNS
from spanbert.tasks.base import TextTaskBase, open_as
from spanbert.tasks.registry import specs
from spanbert.tasks.spec import TaskSpec


def open_own(made: type[TextTaskBase], config: Any, path: Path, *, companion: Path | None = None) -> DataFile:
    """A file as a kind of task reads it; see `open_as`.

    Raises:
        InputError: It cannot be used, or other kinds of tasks read such files.
    """
    file = open_as(made, config, path, companion=companion)
    require_own_kind(made.spec, file)
    return file


def require_own_kind(spec: TaskSpec, file: DataFile) -> None:
    """Refuses a table that begins as files of other kinds of tasks do, unless its columns have names that are known.

    Args:
        spec: Of the kind that reads it.
        file: Opened.

    Raises:
        InputError: It is one; names the kinds that read it.
    """
    settings, columns = file.settings, file.settings.columns
    if settings.text_column or settings.label_column or settings.target_column:
        return
    if not isinstance(columns, LabelledColumns | ParallelColumns) or columns.guessed == "header":
        return
    marked = marked_formats(file.path)
    if not marked or any(one.name in spec.formats for one in marked):
        return
    names = {one.name for one in marked}
    kinds = list(dict.fromkeys(one.kind for one in specs() if names.intersection(one.formats)))
    read_by = f"Tasks of the kind {' or '.join(kinds)} read such files. " if kinds else ""
    raise InputError(
        f"no data of the kind {spec.kind}",
        where=str(file.path),
        got=marked[0].title,
        remedy=f"{read_by}If it is a table of texts: {NAME_COLUMNS[0].lower()}{NAME_COLUMNS[1:]}",
    )
