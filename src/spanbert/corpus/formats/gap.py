"""GAP: ambiguous pronouns and two names each, in a table with tabs (Webster et al. 2018, Mind the GAP).

A row is a Document: `spans` are the pronoun and the two names (labels `pronoun`, `A`, `B`), `clusters` the pronoun with
the name that it stands for, if any; the raw cells are kept as its origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import COREFERENCE
from spanbert.corpus.formats.format import Format
from spanbert.corpus.io.files import ByteCounter, OnBroken, SourceFile, decode_line, read_lines, readable, write_lines

HEADER = ("ID", "Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref", "B", "B-offset", "B-coref", "URL")
_TRUTH = {"TRUE": True, "FALSE": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class GapOrigin:
    """The raw cells of a row."""

    cells: tuple[str, ...]


def is_gap(document: Document) -> bool:
    """Whether a document is a row of GAP."""
    return isinstance(document.origin, GapOrigin)


def read_gap(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The rows of a file.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable row, which is then left out; the header must be right.
            None: the error is raised.

    Raises:
        InputError: Another header, an offset at which the name is not, or not a truth value; names file and line.
    """
    for number, raw in read_lines(file, ByteCounter()):
        where = f"{file.path}:{number}"
        if number > 1:
            if raw.strip():
                yield from readable(partial(_document, raw, where), on_broken)
            continue
        cells = tuple(decode_line(raw, where, first=True).split("\t"))
        if cells != HEADER:
            raise InputError(
                "not GAP's header", where=where, got=shortened(" ".join(cells), 80), expected=" ".join(HEADER)
            )


def _document(raw: bytes, where: str) -> Document:
    cells = tuple(decode_line(raw, where, first=False).split("\t"))
    if len(cells) != len(HEADER):
        raise InputError("a row of another length", where=where, got=f"{len(cells)} cells", expected=str(len(HEADER)))
    row = dict(zip(HEADER, cells, strict=True))
    text = row["Text"]
    pronoun, *names = (
        _span(text, row[name], row[f"{name}-offset"], label, where)
        for name, label in (("Pronoun", "pronoun"), ("A", "A"), ("B", "B"))
    )
    clusters = []
    for name in names:
        truth = row[f"{name.label}-coref"]
        if truth not in _TRUTH:
            raise InputError(
                "not a truth value", where=f"{where}, {name.label}-coref", got=repr(truth), expected="TRUE, FALSE"
            )
        if _TRUTH[truth]:
            members = sorted((Span(start=one.start, end=one.end) for one in (name, pronoun)), key=lambda one: one.start)
            clusters.append(tuple(members))
    return Document(
        id=row["ID"],
        text=text,
        spans=(pronoun, *names),
        clusters=tuple(clusters),
        where=where,
        origin=GapOrigin(cells=cells),
    )


def _span(text: str, name: str, offset: str, label: str, where: str) -> Span:
    start = int(offset) if offset.isdecimal() else -1
    if start < 0 or text[start : start + len(name)] != name:
        raise InputError(
            "a name that is not where it should be",
            where=f"{where}, {label}",
            got=f"{text[start : start + len(name)]!r} at {offset}" if start >= 0 else f"offset {offset!r}",
            expected=repr(name),
        )
    return Span(start=start, end=start + len(name), label=label)


def gap_lines(documents: Iterable[Document]) -> Iterator[str]:
    """Lines of a GAP file; documents that came from one, with their own cells.

    Raises:
        InputError: A document that is not a row of GAP.
    """
    yield "\t".join(HEADER)
    for document in documents:
        if not isinstance(document.origin, GapOrigin):
            raise InputError(
                "not a pronoun and two names", where=document.place, remedy="Write conll2012 or coref-jsonl"
            )
        yield "\t".join(document.origin.cells)


def _begins_so(beginning: Beginning) -> bool:
    return tuple(beginning.line.split("\t")) == HEADER


FORMAT = Format(
    name="gap",
    title="GAP, a pronoun and two names a row",
    family=COREFERENCE,
    holds=frozenset({"spans", "clusters"}),
    detect=_begins_so,
    read=lambda file, settings, on_broken: read_gap(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, gap_lines(documents)),
    marks=_begins_so,
)
