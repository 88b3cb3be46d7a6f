"""brat's standoff: a text in NAME.txt, its annotations in NAME.ann; a folder holds any number of such pairs.

    T1	PER 0 3	Ann                    an entity: characters, half-open
    R1	works_for Arg1:T1 Arg2:T2      a relation
    *	Equiv T1 T3                    entities that are the same thing, as are the ends of a relation `Coref...`

Events, attributes, normalisations and notes are kept for writing brat, and otherwise left out. A span that has no label
in other formats, such as a mention of a cluster, is written with the type `Unlabelled`, by which it is known again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.brat_lines import UNLABELLED, Standoff, read_standoff
from spanbert.corpus.formats.brat_writing import ANN, TEXT, BratOrigin, without_label, write_brat
from spanbert.corpus.formats.clusters import Clusters, Repeated, repeated_in
from spanbert.corpus.formats.families import ANNOTATED, COREFERENCE, RELATIONS
from spanbert.corpus.formats.folders import files_under
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.io.files import OnBroken, SourceFile, ignore_broken, readable

_FIRST = re.compile(
    r"(T\d+\t\S+ \d+ \d+(;\d+ \d+)*(\t.*)?|R\d+\t\S+ \S+:\S+ \S+:\S+\s*|E\d+\t\S+:T\d+.*"
    r"|[AM]\d+\t\S+ [A-Z]\d+.*|N\d+\t\S+ [A-Z]\d+ .*|#\d+\t\S+ [A-Z]\d+.*|\*\t\S+ [A-Z]\d+ .*)\r?"
)


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A text and its annotations; `name` is what the document is called."""

    name: str
    annotations: Path
    text: Path


def _pairs(path: Path) -> list[_Pair]:
    if not path.is_dir():
        annotations = path.with_suffix(ANN) if path.suffix == TEXT else path
        return [_Pair(name=path.stem, annotations=annotations, text=path.with_suffix(TEXT))]
    found = files_under(path, ANN)
    names = [one.relative_to(path).with_suffix("").as_posix() for one in found]
    return [
        _Pair(name=name, annotations=one, text=one.with_suffix(TEXT)) for name, one in zip(names, found, strict=True)
    ]


def _standoff(pair: _Pair) -> Standoff:
    return read_standoff(_decoded(pair.annotations).removeprefix("\ufeff"), str(pair.annotations))


def _decoded(path: Path) -> str:
    """A file with its line ends as they are, since offsets count them."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(path), got=f"byte {error.start}") from None


def read_brat(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of a folder, or of one pair of files.

    Args:
        file: Either file of a pair, or the folder.
        on_broken: Called with the error of each text that cannot be used and is left out; None: the error is raised.

    Yields:
        Text and spans; relations and clusters where any of the texts has some.

    Raises:
        InputError: No text beside annotations, a line that is none, an annotation that is not where it says, or one in
            fragments; names file and line.
    """
    pairs = _pairs(file.path)
    kinds = {kind for pair in pairs for standoff in _usable(pair) for kind in _has(standoff)}
    for pair in pairs:
        yield from readable(partial(_document, pair, kinds), on_broken)


def _usable(pair: _Pair) -> Iterator[Standoff]:
    """What stands beside a text, if it can be used."""
    yield from readable(partial(_standoff, pair), ignore_broken)


def _has(standoff: Standoff) -> Iterator[str]:
    if standoff.relations:
        yield "relations"
    if standoff.groups or standoff.alone:
        yield "clusters"


def _document(pair: _Pair, kinds: set[str]) -> Document:
    standoff = _standoff(pair)
    if not pair.text.is_file():
        raise InputError("no text beside the annotations", where=str(pair.annotations), expected=str(pair.text))
    text = _decoded(pair.text)
    places = {name: one.span(text) for name, one in standoff.entities.items()}
    spans = {one: None for one in places.values() if one.label != UNLABELLED}
    ends = {name: without_label(one) if one.label == UNLABELLED else one for name, one in places.items()}
    relations = tuple(
        Relation(head=ends[head], tail=ends[tail], label=label) for label, head, tail in standoff.relations.values()
    )
    clusters, repeated = _clusters(standoff, places)
    read = tuple(sorted(spans, key=lambda one: (one.start, one.end)))
    return Document(
        id=pair.name,
        text=text,
        spans=read,
        relations=relations if "relations" in kinds else None,
        clusters=clusters if "clusters" in kinds else None,
        where=f"{pair.annotations}:1",
        origin=BratOrigin(
            standoff=standoff,
            spans=read,
            relations=relations if "relations" in kinds else None,
            read=clusters if "clusters" in kinds else None,
            repeated=repeated,
        ),
    )


def _clusters(standoff: Standoff, places: Mapping[str, Span]) -> tuple[Clusters, tuple[Repeated, ...]]:
    found = []
    for group in standoff.same():
        mentions = {without_label(places[name]): standoff.entities[name].where for name in group}
        found.append(dict(sorted(mentions.items(), key=lambda one: (one[0].start, one[0].end))))
    found.sort(key=lambda mentions: min((one.start, one.end) for one in mentions))
    return tuple(tuple(mentions) for mentions in found), repeated_in(found)


def _detect(beginning: Beginning) -> bool:
    path = beginning.file.path
    if path.suffix == TEXT:
        annotations = path.with_suffix(ANN)
        return annotations.is_file() and _detect(Beginning(SourceFile(path=annotations, name=annotations.name)))
    if not beginning.line:
        return path.suffix == ANN
    return _FIRST.fullmatch(beginning.line) is not None


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for pair in _pairs(file.path):
        for standoff in _usable(pair):
            found += standoff.left_out
    return found


def _describe(file: SourceFile, settings: ReadSettings) -> str:
    return f"brat's standoff, {len(_pairs(file.path)):,} texts" if file.path.is_dir() else FORMAT.title


def _write(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    write_brat(documents, target)


FORMAT = Format(
    name="brat",
    title="brat's standoff, .ann beside .txt, or a folder of both",
    family=ANNOTATED,
    also=(RELATIONS, COREFERENCE),
    holds=frozenset({"spans", "relations", "clusters"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_brat(file, on_broken),
    describe=_describe,
    write=_write,
    suffixes=(ANN,),
    marks=lambda beginning: _detect(beginning) and beginning.file.path.suffix != TEXT,
    folder=lambda path: bool(files_under(path, ANN)),
    left_out=_left_out,
    carries=("brat",),
)
