"""All formats of annotated files behind one reader and one writer; a new format adds its module and its line here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spanbert.core.errors import InputError, nearest
from spanbert.core.excerpts import shortened
from spanbert.core.types import Document
from spanbert.corpus.formats import (
    aligned,
    brat,
    columns,
    conll2012,
    coref_lines,
    corefud,
    doccano,
    gap,
    gliner,
    label_studio,
    label_studio_min,
    labelled,
    parallel,
    prodigy,
    prodigy_labels,
    prodigy_relations,
    question_lines,
    relation_lines,
    semeval,
    spacy_bin,
    spacy_json,
    span_lines,
    squad,
    tacred,
    tmx,
    token_lists,
    webanno,
    word_table,
)
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Family, Format, ReadSettings, WriteSettings
from spanbert.corpus.io.files import SourceFile, require_data, require_plain
from spanbert.corpus.raw.hub import PREFIX, is_folder_of_a_dataset

FORMATS: tuple[Format, ...] = (
    brat.FORMAT,
    webanno.FORMAT,
    spacy_bin.FORMAT,
    token_lists.FORMAT,
    word_table.FORMAT,
    doccano.FORMAT,
    prodigy.FORMAT,
    gliner.FORMAT,
    spacy_json.FORMAT,
    label_studio.FORMAT,
    label_studio_min.FORMAT,
    columns.FORMAT,
    question_lines.FORMAT,
    span_lines.FORMAT,
    squad.FORMAT,
    conll2012.FORMAT,
    corefud.FORMAT,
    coref_lines.FORMAT,
    gap.FORMAT,
    tacred.FORMAT,
    semeval.FORMAT,
    doccano.RELATION_FORMAT,
    prodigy_relations.FORMAT,
    relation_lines.FORMAT,
    prodigy_labels.FORMAT,
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
    """The names of the formats in a format's families, its own included."""
    return tuple(one.name for one in FORMATS if shared_families(one, _BY_NAME[name]))


def shared_families(one: Format, other: Format) -> list[Family]:
    """The families that two formats have in common."""
    return [family for family in one.families if family in other.families]


def open_data(path: Path, *, among: Sequence[str], settings: ReadSettings | None = None) -> DataFile:
    """A file with its format detected and its settings resolved.

    Args:
        path: The file, or a folder where a format may be one.
        among: Names of the formats that it may have; where it is one alone, that is taken to be it.
        settings: How to read it; None: the defaults.

    Raises:
        InputError: No such file, an empty one, or none of the formats.
    """
    require_data(path)
    file = SourceFile(path=path, name=path.name)
    formats = [one for one in FORMATS if one.name in among]  # in one order, whoever asks
    if path.is_dir():
        found = _of_folder(path, formats)
    else:
        found = formats[0] if len(formats) == 1 else _detected(file, formats)
    return DataFile(path=path, format=found, settings=found.resolve(file, settings or ReadSettings()))


def _detected(file: SourceFile, formats: Sequence[Format]) -> Format:
    beginning = Beginning(file)
    shared = [family for family in formats[0].families if all(family in one.families for one in formats)]
    family = shared[0] if shared else formats[0].family
    found = next((one for one in formats if one.states_encoding and one.detect(beginning)), None)
    if found is not None:
        return found
    beginning.require_text()
    found = next((one for one in formats if one.detect(beginning)), None) if shared else _of_any(beginning, formats)
    if found is not None:
        return found
    if not beginning.line:
        raise InputError("an empty file", where=str(file.path), expected=family.expected)
    got = repr(shortened(beginning.line, 60))
    raise InputError(f"no file of {family.called}", where=beginning.place, got=got, expected=family.expected)


def _of_any(beginning: Beginning, formats: Sequence[Format]) -> Format | None:
    """Of several kinds of annotation: the format whose marks a file has, else a likely one, else the first that fits.

    Words and spans come last, since much that holds other annotations holds these too.
    """
    ordered = sorted(formats, key=lambda one: one.family is ANNOTATED)
    sure = next((one for one in ordered if one.marks(beginning)), None)
    likely = sure or next((one for one in ordered if one.likely(beginning)), None)
    return likely or next((one for one in formats if one.detect(beginning)), None)


def _of_folder(path: Path, formats: Sequence[Format]) -> Format:
    for one in formats:
        if one.folder is not None and one.folder(path):
            return one
    able = [one.title for one in formats if one.folder is not None]
    expected = f"a file, or a folder of {', or of '.join(able)}" if able else "a file"
    remedy = f"If it is a data set of Hugging Face, {PREFIX}{path}:train" if is_folder_of_a_dataset(path) else None
    raise InputError("a directory, not an annotated file", where=str(path), expected=expected, remedy=remedy)


def marked_formats(path: Path) -> list[Format]:
    """The formats whose marks a file or folder has; none if there is no such file.

    Raises:
        InputError: A compressed file that is damaged.
    """
    if path.is_dir():
        return [one for one in FORMATS if one.folder is not None and one.folder(path)]
    beginning = Beginning(SourceFile(path=path, name=path.name))
    return [one for one in FORMATS if one.marks(beginning)] if path.is_file() else []


def asks_by_lines(path: Path, own: Format | None) -> bool:
    """Whether the lines of a file each ask something of a model, whatever labels stand beside it.

    Args:
        path: The file.
        own: The format by whose marks it was known; None: it has none, and then lines of JSON ask.

    Raises:
        InputError: A compressed file that is damaged.
    """
    beginning = Beginning(SourceFile(path=path, name=path.name))
    return own.asks(beginning) if own is not None else beginning.has_json_line and not beginning.is_list


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
            raise InputError("questions, which only the formats squad and qa-jsonl can hold", where=document.place)
        yield document
