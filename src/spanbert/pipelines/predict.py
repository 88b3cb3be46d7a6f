"""Lines of texts or questions to results, streaming."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.corpus.annotations import COLUMN_SUFFIXES
from spanbert.corpus.coref import detected_coref, read_coref
from spanbert.corpus.files import SourceFile
from spanbert.corpus.relations import detected_relations
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.load import Precision, load
from spanbert.pipelines.results import AnnotatedText

_READ_AS_DATA = {  # other files are lines, of text or JSON
    "classify": (".csv", ".tsv", ".parquet"),
    "tag": tuple(suffix for suffix in COLUMN_SUFFIXES if suffix != ".txt"),
    "qa": (".json",),
}


def predict_file(
    bundle: str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    task: str | None = None,
    precision: Precision = "float32",
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[AnnotatedText] | None:
    """What a bundle says of a file of its tasks' data formats; gold is not read.

    These are tables, columns of words, SQuAD's JSON, and every format of coreference and relations.

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
    suffix = SourceFile(path=path, name=path.name).kind
    kinds = [kind for kind, suffixes in _READ_AS_DATA.items() if suffix in suffixes]
    coref, relations = detected_coref(path), detected_relations(path)
    if not kinds and coref is None and relations is None:
        return None
    nlp = load(bundle, precision=precision, options=options)
    known = {one.kind for name, one in nlp.tasks.items() if task in (None, name)}
    if coref is not None and (coref == "conll2012" or "coref" in known):
        kinds = ["coref"]
    elif relations is not None and "relation" in known:
        kinds = ["relation"]
    elif not kinds:
        return None
    names = [name for name, one in nlp.tasks.items() if one.kind in kinds and task in (None, name)]
    if not names or len({nlp.tasks[name].kind for name in names}) > 1:
        raise InputError(
            "several tasks read such a file" if names else f"no task that reads {suffix} files",
            where=str(path),
            got=", ".join(f"{name} ({one.kind})" for name, one in nlp.tasks.items()) or "no fine-tuned task",
            remedy="Name one with --task" if names else "Pass one text a line (.txt) or JSON lines (.jsonl)",
        )
    first = nlp.tasks[names[0]]
    documents = read_coref(path) if first.kind == "coref" else first.read(path)
    if first.kind == "qa":
        return nlp.predict(documents, task=names[0])
    asked = ("columns", *(("relations",) if first.kind == "relation" else ()))  # the pairs that are asked for
    bare = (document.without_gold(keep=asked) for document in documents)
    return nlp.predict(bare, task=task if len(names) > 1 else names[0])


def predict(
    bundle: str | os.PathLike[str],
    lines: Iterable[str],
    *,
    name: str = "input",
    task: str | None = None,
    precision: Precision = "float32",
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[AnnotatedText]:
    """What a bundle says of each line, in order, in bounded memory.

    Args:
        bundle: The bundle.
        lines: See `pipelines.inputs`; all of them texts, or all questions with their contexts.
        name: Of the source, for messages.
        task: One task alone.
        precision: See `load`.
        options: See `load`.

    Yields:
        A result for each line.

    Raises:
        InputError: One string in place of lines, a line that cannot be read, or that no task of the bundle reads.
    """
    if isinstance(lines, str):
        raise InputError("one text in place of lines", got=repr(lines[:40]), remedy="Pass a list of texts")
    nlp = load(bundle, precision=precision, options=options)
    relates = any(one.kind == "relation" and task in (None, own) for own, one in nlp.tasks.items())
    documents = read_inputs(lines, name=name, entities=relates)
    yield from nlp.predict(documents, task=task)
