"""Lines of texts or questions to results, streaming."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from spanbert.core.device import AUTO, DeviceLike
from spanbert.core.errors import InputError
from spanbert.core.reporter import Reporter
from spanbert.core.texts import described, require_many
from spanbert.core.types import Facts
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.corpus.formats.parallel_columns import ParallelColumns
from spanbert.corpus.formats.registry import asks_by_lines, marked_formats, named_formats, open_data
from spanbert.corpus.io.files import SourceFile
from spanbert.corpus.text.division import Documents
from spanbert.inference.work import ChunkProgress, followed
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.load import Pipeline, load
from spanbert.pipelines.loaded import Precision
from spanbert.pipelines.results import AnnotatedText
from spanbert.pipelines.unique_ids import with_unique_ids
from spanbert.tasks.base import changed_config
from spanbert.tasks.opening import require_own_kind
from spanbert.tasks.protocol import TextTask

_STAGE = "predict"
_TABLE = "labelled"  # the format of tables of texts
_TABLES = frozenset({_TABLE, "parallel"})
_ASKED = {"entities": "relations", "question": "questions"}  # what a need is called in a Document


def predict_file(
    bundle: str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    task: str | None = None,
    precision: Precision = "auto",
    device: DeviceLike = AUTO,
    options: Mapping[str, Facts] | None = None,
    text_column: str | None = None,
    for_people: bool = False,
    reporter: Reporter | None = None,
    say: Callable[[str], None] = warnings.warn,
) -> Iterator[AnnotatedText] | None:
    """What a bundle predicts for a file in one of its tasks' data formats, or for a table; gold is not read.

    The cells of a table are kept with its results. A table that no task is trained on is read for its texts alone.

    A file is data if it begins as only files of a format do, such as columns of words and tags, or if its suffix names
    a format, such as `.csv`. What begins so and no task reads is refused, so that gold is never read as text.

    Args:
        bundle: The bundle.
        source: The file, the folder where a format may be one, or `hf:NAME[@CONFIG][:SPLIT]`, a data set of the hub.
        task: One task alone; needed where several kinds of task could read the file.
        precision: See `load`.
        device: See `load`.
        options: See `load`.
        text_column: Column of a table's text; None: by its name, or as the task finds it.
        for_people: See `Pipeline.for_people`.
        reporter: Receives progress; the file is then read once before, to count it.
        say: Is told how a table is read where that is guessed from its content, and what `Pipeline.predict` says.

    Returns:
        A result for each text, sentence or question; None for any other file, whose lines are texts or JSON objects.

    Raises:
        InputError: The file cannot be read, or no task of the bundle reads it.
    """
    path = local_file(source)
    marked, named = marked_formats(path), named_formats(path)
    if path.is_dir() and not marked:
        raise InputError("a folder without annotated files", where=str(path), expected="a file, or a folder of brat's")
    if not marked and not named:
        return None
    nlp = load(bundle, precision=precision, device=device, options=options)
    nlp = nlp.for_people() if for_people else nlp
    asked = {name: one for name, one in nlp.tasks.items() if task in (None, name)}
    own = next((one for one in marked if _readers(asked, [one])), None)
    if (own is not None or not named) and asks_by_lines(path, own):
        return None  # what lines of JSON hold beside their texts is no text
    formats = [own] if own is not None else named or marked
    names = _readers(asked, formats)
    if own is None and _is_table(path) and (not names or (text_column and not _read_tables(nlp, names))):
        file = _texts_of_table(path, text_column)
        _tell_guess(file, say)
        documents, progress = followed(file.documents, reporter, _STAGE)
        return nlp.predict(with_unique_ids(documents), task=task, progress=progress, say=say)
    if not names or len({nlp.tasks[name].kind for name in names}) > 1:
        what = f"{SourceFile(path=path, name=path.name).kind} files" if own is None and named else formats[0].title
        raise InputError(
            "several tasks read such a file" if names else f"no task that reads {what}",
            where=str(path),
            got=", ".join(f"{name} ({one.kind})" for name, one in nlp.tasks.items()) or "no fine-tuned task",
            remedy="Name one with --task" if names else "Pass one text a line (.txt) or JSON lines (.jsonl)",
        )
    first = nlp.tasks[names[0]]
    if text_column is not None:
        first.config = changed_config(first, first.config.model_dump(), {"text_column": text_column})
    file = first.opened(path)
    require_own_kind(first.spec, file)
    _tell_guess(file, say)
    data = replace(file, settings=replace(file.settings, keep_fields=True), check=None)
    documents, progress = followed(data.documents, reporter, _STAGE)
    kept = ("columns", *(_ASKED[need] for need in first.spec.needs if need in _ASKED))
    bare = (document.without_gold(keep=kept) for document in documents)
    return nlp.predict(with_unique_ids(bare), task=task if len(names) > 1 else names[0], progress=progress, say=say)


def _tell_guess(file: DataFile, say: Callable[[str], None]) -> None:
    """Says how a table is read where the names of its columns do not tell which one holds the text."""
    columns, given = file.settings.columns, file.settings.text_column
    if given is not None or not isinstance(columns, LabelledColumns | ParallelColumns):
        return
    if not columns.header:
        remedy = "its first row is a text as the others are; if it holds names, name one with --text-column"
        say(f"{file.name} is read as {file.description}: {remedy}")
    elif columns.guessed == "content":
        say(f"{file.name} is read as {file.description}")


def _texts_of_table(path: Path, text_column: str | None) -> DataFile:
    """A table of which the texts alone are read, whatever else it has."""
    settings = ReadSettings(text_column=text_column, keep_fields=True)
    file = open_data(path, among=(_TABLE,), settings=settings)
    columns = replace(file.settings.columns_as(LabelledColumns), pair=None, label=None)
    alone = replace(file.settings, columns=columns)
    return replace(file, settings=alone)


def _is_table(path: Path) -> bool:
    """Whether a file's suffix is that of a table."""
    return SourceFile(path=path, name=path.name).kind in (".csv", ".tsv", ".parquet")


def _read_tables(nlp: Pipeline, names: Sequence[str]) -> bool:
    """Whether some tasks read tables with a text a row, and not a word a row."""
    return all(_TABLES.intersection(nlp.tasks[name].spec.formats) for name in names)


def _readers(tasks: Mapping[str, TextTask], formats: Sequence[Format]) -> list[str]:
    """The names of the tasks that read one of some formats."""
    known = {one.name for one in formats}
    return [name for name, task in tasks.items() if known.intersection(task.spec.formats)]


def predict(
    bundle: str | os.PathLike[str],
    lines: Iterable[str],
    *,
    name: str = "input",
    task: str | None = None,
    precision: Precision = "auto",
    device: DeviceLike = AUTO,
    options: Mapping[str, Facts] | None = None,
    blank_lines: bool = False,
    documents: Documents | None = None,
    say: Callable[[str], None] | None = None,
    text_field: str = "text",
    for_people: bool = False,
    more_at_hand: Callable[[], bool] | None = None,
    progress: ChunkProgress | None = None,
) -> Iterator[AnnotatedText]:
    """What a bundle predicts for each text of some lines, in order, in bounded memory.

    Args:
        bundle: The bundle.
        lines: See `pipelines.inputs`; texts, and questions with their contexts.
        name: Of the source, for messages.
        task: One task alone.
        precision: See `load`.
        device: See `load`.
        options: See `load`.
        blank_lines: Blank lines are texts too, where a text is a line; else they are left out.
        documents: What a text is in plain text: a `line`, what stands between `blank` lines, or all lines (`file`);
            None: a line, but all lines where a task needs whole texts, as coreference does.
        say: Is told where that is not a line though nobody said so, and what `Pipeline.predict` says, which is a
            warning otherwise.
        text_field: What the text is called in JSON lines.
        for_people: See `Pipeline.for_people`.
        more_at_hand: See `Pipeline.predict`.
        progress: See `Pipeline.predict`.

    Yields:
        A result for each text or question.

    Raises:
        InputError: One string in place of lines, a line that cannot be read, or that no task of the bundle reads.
    """
    if isinstance(lines, str):
        raise InputError("one text in place of lines", got=described(lines), remedy="Pass a list of texts")
    require_many(lines, "lines")
    nlp = load(bundle, precision=precision, device=device, options=options)
    nlp = nlp.for_people() if for_people else nlp
    relates = any("entities" in nlp.tasks[one].spec.needs for one in nlp.names(task))
    whole = [one for one in nlp.names(task) if nlp.tasks[one].spec.reads == "file"] if documents is None else []

    def tell() -> None:
        if whole and say is not None:
            said = "plain text is read as one document"
            say(f"{name}: {said}, which {whole[0]} needs whole; --documents line or blank divides it")

    texts = read_inputs(
        lines,
        name=name,
        entities=relates,
        blank_lines=blank_lines,
        documents=documents or ("file" if whole else "line"),
        on_plain=tell,
        text_field=text_field,
    )
    own = say or warnings.warn
    yield from nlp.predict(with_unique_ids(texts), task=task, more_at_hand=more_at_hand, progress=progress, say=own)
