"""Every format of labelled words, spans and questions behind one reader and one writer.

columns        a word and its tags a line (CoNLL, CoNLL-U)     `columns`
jsonl          a text with spans a line, as JSON               `spans_json`
label-studio   a JSON list of tasks with annotations           `spans_json`
squad          paragraphs with questions                       `squad`
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from spanbert.core.errors import InputError, nearest
from spanbert.core.files import read_json, write_atomically
from spanbert.core.tagging import Scheme
from spanbert.core.types import Document, Span
from spanbert.corpus.column_format import guess_format
from spanbert.corpus.columns import read_columns, write_columns
from spanbert.corpus.files import COMPRESSED, SourceFile, require_plain, text_lines
from spanbert.corpus.spans_json import read_label_studio, read_span_lines, span_lines, write_label_studio
from spanbert.corpus.squad import read_squad, write_squad
from spanbert.corpus.words import split_words

Kind = Literal["columns", "span-lines", "label-studio", "squad"]
Target = Literal["columns", "jsonl", "label-studio", "squad"]
TARGETS: tuple[Target, ...] = get_args(Target)
COLUMN_SUFFIXES = (".conll", ".tsv", ".txt", ".bio", ".iob", ".iob2", ".conllu", ".bmes")
_EXPECTED = "one object with a text a line, a list of Label Studio tasks, or SQuAD's object with a list of data"


def annotation_kind(path: Path) -> Kind:
    """The format of an annotated file: by its suffix where that says it, else by its beginning.

    Args:
        path: Files of columns and JSON lines may be compressed.

    Raises:
        InputError: No such file, an empty one, or JSON of another shape.
    """
    file = SourceFile(path=path, name=path.name)
    if not path.is_file():
        raise InputError("no such file", where=str(path))
    if file.kind in COLUMN_SUFFIXES:
        return "columns"
    first = next((line for _, line in text_lines(file) if line.strip()), None)
    if first is None:
        raise InputError("an empty file", where=str(path), expected=_EXPECTED)
    if file.kind not in (".json", ".jsonl") and first.lstrip()[0] not in "[{":
        return "columns"
    try:
        content = json.loads(first)
    except (ValueError, RecursionError):
        if file.kind == ".jsonl":
            return "span-lines"  # its reader names the line that is broken
        _refuse_compressed(path)
        content = read_json(path)
    kind = _kind_of(content, path)
    if kind != "span-lines":
        _refuse_compressed(path)
    return kind


def _refuse_compressed(path: Path) -> None:
    if path.suffix.lower() in COMPRESSED:
        remedy = "Decompress it, or write JSON lines"
        raise InputError("a compressed file that is not one object a line", where=str(path), remedy=remedy)


def _kind_of(content: Any, path: Path) -> Kind:
    if isinstance(content, Mapping):
        return "squad" if isinstance(content.get("data"), list) and "text" not in content else "span-lines"
    if isinstance(content, list) and all(isinstance(task, Mapping) and "data" in task for task in content):
        return "label-studio"
    raise InputError("JSON, but no annotations", where=str(path), got=f"a {type(content).__name__}", expected=_EXPECTED)


def read_annotations(path: Path, *, task: str = "ner", kind: Kind | None = None) -> Iterator[Document]:
    """The documents of an annotated file of any format.

    Args:
        path: The file.
        task: Which columns of a column file are read: see `columns.guess_format`.
        kind: Its format; None: see `annotation_kind`.

    Raises:
        InputError: Not such a file, or something in it that cannot be read; names file and line.
    """
    kind, file = kind or annotation_kind(path), SourceFile(path=path, name=path.name)
    if kind == "columns":
        return read_columns(file, guess_format(file, task=task))
    readers = {"span-lines": read_span_lines, "label-studio": read_label_studio, "squad": read_squad}
    return readers[kind](file)


def write_annotations(
    documents: Iterable[Document], target: Path, *, to: str, scheme: Scheme | None = None, layers: int = 1
) -> None:
    """Writes documents in a format, whole or not at all.

    What the format can hold is kept. A text without words is split into words for columns (`words.split_words`); its
    line breaks are lost there, as are characters between the words that a document came with.

    Args:
        documents: Annotated documents, from whatever format.
        target: The file; its folder is made.
        to: `columns`, `jsonl`, `label-studio` or `squad`.
        scheme: How tags are written in columns; None is a column document's own scheme, BIO for others.
        layers: Columns of tags for documents that did not come from columns; spans that nest need more than one.

    Raises:
        InputError: No such format, or annotations that it cannot hold; names the document.
    """
    if to not in TARGETS:
        raise InputError(f"unknown format {to!r}", where="--to", remedy=nearest(to, TARGETS))
    require_plain(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    sound = _checked(documents, questions=to == "squad")
    if to == "columns":
        write_columns(map(_with_words, sound), target, scheme=scheme, layers=layers)
    elif to == "jsonl":
        write_atomically(target, "".join(line + "\n" for line in span_lines(sound)))
    elif to == "label-studio":
        write_label_studio(sound, target)
    else:
        write_squad(sound, target)


def _checked(documents: Iterable[Document], *, questions: bool) -> Iterator[Document]:
    for document in documents:
        if (document.questions is not None) != questions:
            what = "no questions to write as SQuAD" if questions else "questions, which only the format squad can hold"
            raise InputError(what, where=document.place)
        yield document


def _with_words(document: Document) -> Document:
    if document.words is not None:
        return document
    words = tuple(Span(start=start, end=end) for start, end in split_words(document.text, joined=False))
    return replace(document, words=words)
