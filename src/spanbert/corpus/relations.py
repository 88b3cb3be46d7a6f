"""Every format of relations behind one reader and one writer: TACRED's JSON, SemEval-2010 Task 8's text, JSON lines.

A Document has one relation or, from lines, several. The head is the subject (e1), the tail the object (e2); the label
is empty where the file does not say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from spanbert.core.errors import InputError, nearest
from spanbert.core.types import Document
from spanbert.corpus.files import OnBroken, SourceFile, first_line, keys_of, require_plain, text_lines, whole_text
from spanbert.corpus.relation_json import EXPECTED, read_relation_lines, read_tacred, write_relation_lines, write_tacred
from spanbert.corpus.semeval import MARKS, SENTENCE, read_semeval, write_semeval

RelationFormat = Literal["tacred", "semeval", "relation-jsonl"]
FORMATS: tuple[RelationFormat, ...] = get_args(RelationFormat)
_READERS: dict[RelationFormat, Callable[[SourceFile, OnBroken | None], Iterator[Document]]] = {
    "tacred": read_tacred,
    "semeval": read_semeval,
    "relation-jsonl": read_relation_lines,
}
_LOOKED_AT = 1 << 16  # bytes of a file that tell what it is


def relation_format(path: Path) -> RelationFormat:
    """The format of a file, by its first line.

    Raises:
        InputError: No such file, an empty one, or none of the formats.
    """
    if not path.is_file():
        raise InputError("no such file", where=str(path))
    for number, line in text_lines(SourceFile(path=path, name=path.name)):
        if not line.strip():
            continue
        if line.lstrip().startswith("["):
            return "tacred"
        if line.startswith("{"):
            return "relation-jsonl"
        if SENTENCE.fullmatch(line):
            return "semeval"
        raise InputError("no file of relations", where=f"{path}:{number}", got=repr(line[:60]), expected=EXPECTED)
    raise InputError("an empty file", where=str(path))


def detected_relations(path: Path) -> RelationFormat | None:
    """The format of a file that begins as files of relations do; None for any other."""
    first = first_line(path)
    if SENTENCE.fullmatch(first) and MARKS.search(first):
        return "semeval"
    if first.lstrip().startswith("["):
        return "tacred" if '"subj_start"' in whole_text(path, _LOOKED_AT) else None
    return "relation-jsonl" if keys_of(first, ("subj_start",)) else None


def read_relations(path: Path, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a file in any of the formats.

    Args:
        path: The file.
        on_broken: Is told of a text that cannot be read, which is then left out; None: the error is raised.

    Raises:
        InputError: It cannot be read, or an entity lies outside of its text; names file and line.
    """
    return _READERS[relation_format(path)](SourceFile(path=path, name=path.name), on_broken)


def write_relations(documents: Iterable[Document], target: Path, *, to: str) -> None:
    """Writes documents in one of the formats, whole or not at all; what they came with is kept where it can be.

    TACRED's and SemEval's hold one relation a record: a text with several is written several times.

    Raises:
        InputError: No such format, a compressed target, or a document without a relation that has to have one.
    """
    require_plain(target)
    if to == "relation-jsonl":
        write_relation_lines(documents, target)
    elif to in FORMATS:
        single = (one for document in documents for one in _one_by_one(document))
        (write_tacred if to == "tacred" else write_semeval)(single, target)
    else:
        raise InputError(f"unknown format {to!r}", where="--to", remedy=nearest(to, FORMATS))


def _one_by_one(document: Document) -> Iterator[Document]:
    """The document once for each of its relations."""
    relations = document.relations or ()
    if not relations:
        raise InputError("a text without a relation", where=document.place, remedy="Write relation-jsonl")
    if len(relations) == 1:
        yield document
        return
    for number, relation in enumerate(relations, start=1):
        yield replace(document, id=f"{document.id}-{number}", relations=(relation,))
