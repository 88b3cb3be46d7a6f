"""Every format of coreference behind one reader and one writer: CoNLL-2012, JSON lines, GAP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from spanbert.core.errors import InputError, nearest
from spanbert.core.types import Document
from spanbert.corpus.conll2012 import read_conll2012, write_conll2012
from spanbert.corpus.coref_json import read_coref_lines, write_coref_lines
from spanbert.corpus.files import OnBroken, SourceFile, first_line, keys_of, require_plain, text_lines
from spanbert.corpus.gap import HEADER, read_gap, write_gap

CorefFormat = Literal["conll2012", "coref-jsonl", "gap"]
FORMATS: tuple[CorefFormat, ...] = get_args(CorefFormat)
_READERS: dict[CorefFormat, Callable[[SourceFile, OnBroken | None], Iterator[Document]]] = {
    "conll2012": read_conll2012,
    "coref-jsonl": read_coref_lines,
    "gap": read_gap,
}
_WRITERS: dict[CorefFormat, Callable[[Iterable[Document], Path], None]] = {
    "conll2012": write_conll2012,
    "coref-jsonl": write_coref_lines,
    "gap": write_gap,
}


def coref_format(path: Path) -> CorefFormat:
    """The format of a file, by its first line.

    Raises:
        InputError: No such file, an empty one, or none of the formats.
    """
    if not path.is_file():
        raise InputError("no such file", where=str(path))
    file = SourceFile(path=path, name=path.name)
    for number, line in text_lines(file):
        if line.startswith("#begin document"):
            return "conll2012"
        if line.startswith("{") or file.kind in (".jsonl", ".json"):
            return "coref-jsonl"
        if tuple(line.split("\t")) == HEADER:
            return "gap"
        if line.strip():
            raise InputError(
                "no file of coreference",
                where=f"{path}:{number}",
                got=repr(line[:60]),
                expected="#begin document (NAME), an object with clusters a line, or GAP's header",
            )
    raise InputError("an empty file", where=str(path))


def detected_coref(path: Path) -> CorefFormat | None:
    """The format of a file that begins as files of coreference do; None for any other."""
    first = first_line(path)
    if first.startswith("#begin document"):
        return "conll2012"
    if tuple(first.split("\t")) == HEADER:
        return "gap"
    return "coref-jsonl" if keys_of(first, ("clusters", "sentences", "doc_key")) else None


def read_coref(path: Path, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a file in any of the formats.

    Args:
        path: The file.
        on_broken: Is told of a document that cannot be read, which is then left out; None: the error is raised.

    Raises:
        InputError: It cannot be read; names file and line.
    """
    return _READERS[coref_format(path)](SourceFile(path=path, name=path.name), on_broken)


def write_coref(documents: Iterable[Document], target: Path, *, to: str) -> None:
    """Writes documents in one of the formats, whole or not at all.

    Raises:
        InputError: No such format, a compressed target, or clusters that the format cannot hold; names the document.
    """
    if to not in _WRITERS:
        raise InputError(f"unknown format {to!r}", where="--to", remedy=nearest(to, FORMATS))
    require_plain(target)
    _WRITERS[to](documents, target)
