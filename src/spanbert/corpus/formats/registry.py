"""All formats of annotated files behind one reader and one writer; a new format adds its module and its line here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spanbert.core.errors import InputError, nearest
from spanbert.core.excerpts import shortened
from spanbert.core.types import Document
from spanbert.corpus.formats import (
    aligned,
    columns,
    conll2012,
    coref_lines,
    gap,
    label_studio,
    labelled,
    parallel,
    relation_lines,
    semeval,
    span_lines,
    squad,
    tacred,
    tmx,
)
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.io.files import SourceFile, require_file, require_plain

FORMATS: tuple[Format, ...] = (
    columns.FORMAT,
    span_lines.FORMAT,
    label_studio.FORMAT,
    squad.FORMAT,
    conll2012.FORMAT,
    coref_lines.FORMAT,
    gap.FORMAT,
    tacred.FORMAT,
    semeval.FORMAT,
    relation_lines.FORMAT,
    labelled.FORMAT,
    tmx.FORMAT,
    parallel.FORMAT,
    aligned.FORMAT,
)
WRITTEN = tuple(one.name for one in FORMATS if one.write is not None)
_BY_NAME = {one.name: one for one in FORMATS}


def format_named(name: str) -> Format:
    """The format of a name.

    Raises:
        KeyError: There is none.
    """
    return _BY_NAME[name]


def family_of(name: str) -> tuple[str, ...]:
    """The names of the formats in a format's family, its own included."""
    return tuple(one.name for one in FORMATS if one.family is _BY_NAME[name].family)


def open_data(path: Path, *, among: Sequence[str], settings: ReadSettings | None = None) -> DataFile:
    """A file with its format detected and its settings resolved.

    Args:
        path: The file.
        among: Names of the formats that it may have, of one family; where it is one alone, that is taken to be it.
        settings: How to read it; None: the defaults.

    Raises:
        InputError: No such file, an empty one, or none of the formats.
    """
    require_file(path)
    file = SourceFile(path=path, name=path.name)
    found = _BY_NAME[among[0]] if len(among) == 1 else _detected(file, [_BY_NAME[name] for name in among])
    return DataFile(path=path, format=found, settings=found.resolve(file, settings or ReadSettings()))


def _detected(file: SourceFile, formats: Sequence[Format]) -> Format:
    beginning, family = Beginning(file), formats[0].family
    found = next((one for one in formats if one.states_encoding and one.detect(beginning)), None)
    if found is not None:
        return found
    beginning.require_text()
    for one in formats:
        if one.detect(beginning):
            return one
    if not beginning.line:
        raise InputError("an empty file", where=str(file.path), expected=family.expected)
    got = repr(shortened(beginning.line, 60))
    raise InputError(f"no file of {family.called}", where=beginning.place, got=got, expected=family.expected)


def marked_formats(path: Path) -> list[Format]:
    """The formats whose marks a file has; none if there is no such file.

    Raises:
        InputError: A compressed file that is damaged.
    """
    beginning = Beginning(SourceFile(path=path, name=path.name))
    return [one for one in FORMATS if one.marks(beginning)] if path.is_file() else []


def named_formats(path: Path) -> list[Format]:
    """The formats that a file's suffix names."""
    suffix = SourceFile(path=path, name=path.name).kind
    return [one for one in FORMATS if suffix in one.suffixes]


def write_data(documents: Iterable[Document], target: Path, *, to: str, settings: WriteSettings | None = None) -> None:
    """Writes documents in a format, whole or not at all; what they came with is kept where it can be.

    Args:
        documents: Annotated documents, from whatever format.
        target: The file; its folder is made.
        to: The name of the format.
        settings: How columns are written; None: the defaults.

    Raises:
        InputError: No such format, a compressed target, or annotations that it cannot hold; names the document.
    """
    write = _BY_NAME[to].write if to in WRITTEN else None
    if write is None:
        raise InputError(f"unknown format {to!r}", where="--to", remedy=nearest(to, WRITTEN))
    require_plain(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if "questions" not in _BY_NAME[to].holds:
        documents = _without_questions(documents)
    write(documents, target, settings or WriteSettings())


def _without_questions(documents: Iterable[Document]) -> Iterator[Document]:
    for document in documents:
        if document.questions is not None:
            raise InputError("questions, which only the format squad can hold", where=document.place)
        yield document
