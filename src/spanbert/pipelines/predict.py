"""Lines of texts or questions to results, streaming."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.types import Facts
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.registry import marked_formats, named_formats
from spanbert.corpus.io.files import SourceFile
from spanbert.corpus.text.division import Documents
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.load import Precision, load
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.protocol import TextTask

_ASKED = {"entities": "relations", "question": "questions"}  # what a need is called in a Document


def predict_file(
    bundle: str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    task: str | None = None,
    precision: Precision = "float32",
    options: Mapping[str, Facts] | None = None,
) -> Iterator[AnnotatedText] | None:
    """What a bundle predicts for a file in one of its tasks' data formats; gold is not read.

    A file is data if its suffix names a format, such as `.csv`, or if it begins like a file in a format that a task
    reads, such as CoNLL-2012.

    Args:
        bundle: The bundle.
        source: The file.
        task: One task alone; needed where several kinds of task could read the file.
        precision: See `load`.
        options: See `load`.

    Returns:
        A result for each text, sentence or question; None for any other file, whose lines are texts or JSON.

    Raises:
        InputError: The file cannot be read, or no task of the bundle reads it.
    """
    path = Path(source)
    marked, named = marked_formats(path), named_formats(path)
    if not marked and not named:
        return None
    nlp = load(bundle, precision=precision, options=options)
    asked = {name: one for name, one in nlp.tasks.items() if task in (None, name)}
    own = next((one for one in marked if one.exclusive or _readers(asked, [one])), None)
    formats = named if own is None else [own]
    if not formats:
        return None
    names = _readers(asked, formats)
    if not names or len({nlp.tasks[name].kind for name in names}) > 1:
        suffix = SourceFile(path=path, name=path.name).kind
        raise InputError(
            "several tasks read such a file" if names else f"no task that reads {suffix} files",
            where=str(path),
            got=", ".join(f"{name} ({one.kind})" for name, one in nlp.tasks.items()) or "no fine-tuned task",
            remedy="Name one with --task" if names else "Pass one text a line (.txt) or JSON lines (.jsonl)",
        )
    first = nlp.tasks[names[0]]
    documents = replace(first.opened(path), check=None).documents()
    kept = ("columns", *(_ASKED[need] for need in first.spec.needs if need in _ASKED))
    bare = (document.without_gold(keep=kept) for document in documents)
    return nlp.predict(bare, task=task if len(names) > 1 else names[0])


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
    precision: Precision = "float32",
    options: Mapping[str, Facts] | None = None,
    blank_lines: bool = False,
    documents: Documents | None = None,
    say: Callable[[str], None] | None = None,
) -> Iterator[AnnotatedText]:
    """What a bundle predicts for each text of some lines, in order, in bounded memory.

    Args:
        bundle: The bundle.
        lines: See `pipelines.inputs`; texts, and questions with their contexts.
        name: Of the source, for messages.
        task: One task alone.
        precision: See `load`.
        options: See `load`.
        blank_lines: Blank lines are texts too, where a text is a line; else they are left out.
        documents: What a text is in plain text: a `line`, what stands between `blank` lines, or all lines (`file`);
            None: a line, but all lines where a task needs whole texts, as coreference does.
        say: Is told where that is not a line though nobody said so.

    Yields:
        A result for each text or question.

    Raises:
        InputError: One string in place of lines, a line that cannot be read, or that no task of the bundle reads.
    """
    if isinstance(lines, str):
        raise InputError("one text in place of lines", got=repr(lines[:40]), remedy="Pass a list of texts")
    nlp = load(bundle, precision=precision, options=options)
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
    )
    yield from nlp.predict(texts, task=task)
