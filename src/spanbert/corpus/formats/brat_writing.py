"""brat's files for documents: what came from brat keeps its ids, and what refers to them; see `brat`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, write_atomically
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.brat_lines import EQUIV, UNLABELLED, Standoff, is_coreference, without
from spanbert.corpus.formats.clusters import CorefOrigin
from spanbert.corpus.formats.folders import file_names, one_document
from spanbert.corpus.text.word_tags import said_of

ANN, TEXT = ".ann", ".txt"
_LABEL = re.compile(r"[^\s:;]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class BratOrigin(CorefOrigin):
    """The annotations of a text as they were read: lines, and all that documents hold of them.

    Attributes:
        standoff: The file.
        spans: Its entities.
        relations: Its relations.
    """

    standoff: Standoff
    spans: tuple[Span, ...]
    relations: tuple[Relation, ...] | None


def without_label(span: Span) -> Span:
    """The same place."""
    return Span(start=span.start, end=span.end)


def write_brat(documents: Iterable[Document], target: Path) -> None:
    """Writes a folder of texts with their annotations, whole or not at all; one pair of files if `target` is an .ann.

    Annotations that came from brat keep their ids, and what refers to them.

    Raises:
        InputError: What brat cannot hold; several texts for one pair of files; names the document.
    """
    if target.suffix == ANN:
        document = one_document(documents, target)
        text = target.with_suffix(TEXT)
        if text.exists() and text.read_bytes() != document.text.encode():
            raise InputError("the file exists already", where=str(text), remedy="Choose another one")
        content = _content(document)
        write_atomically(text, document.text)
        write_atomically(target, content)
        return
    with directory_written_whole(target) as folder:
        for document, name in file_names(documents):
            path = folder / f"{name}{TEXT}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(document.text.encode())
            path.with_suffix(ANN).write_text(_content(document), encoding="utf-8", newline="\n")


def _content(document: Document) -> str:
    origin = document.origin
    if not isinstance(origin, BratOrigin):
        return "".join(f"{line}\n" for line in _Lines(document).new())
    if (document.spans, document.relations, document.clusters) == (origin.spans, origin.relations, origin.read):
        return "\n".join(origin.standoff.lines)
    return "".join(f"{line}\n" for line in _rewritten(document, origin) if line)


def _rewritten(document: Document, origin: BratOrigin) -> list[str]:
    """The lines of a file with what is no longer there left out, and what is new after them."""
    standoff, lines = origin.standoff, _Lines(document)
    same_clusters = document.clusters == origin.read
    relations = set(document.relations or ())
    wanted = set(document.spans or ())
    needed = {name for _, *ends in standoff.relations.values() for name in ends}
    needed |= {name for group in standoff.same() for name in group} if same_clusters else set()
    places = {name: one.span(document.text) for name, one in standoff.entities.items()}
    dropped = {
        name
        for name, place in places.items()
        if place not in wanted and not (place.label == UNLABELLED and name in needed)
    }
    before = dict(zip(standoff.relations, origin.relations or (), strict=False))
    dropped |= {
        name
        for name, one in before.items()
        if one not in relations or (not same_clusters and is_coreference(one.label))
    }
    kept = list(without(standoff.lines, dropped))
    if not same_clusters:
        kept = [line for line in kept if not line.startswith(f"*\t{EQUIV} ")]
    left = {line.partition("\t")[0] for line in kept}
    lines.take({name: place for name, place in places.items() if name in left}, standoff.lines)
    lines.have = {one for name, one in before.items() if name in left}
    return [*kept, *lines.new(clusters=not same_clusters)]


class _Lines:
    """Makes the lines of a document's annotations.

    Args:
        document: With spans, relations and clusters.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._names: dict[Span, str] = {}
        self._at: dict[tuple[int, int], str] = {}  # an entity at each place
        self._entities: Iterator[str] = (f"T{number}" for number in count(1))
        self._relations: Iterator[str] = (f"R{number}" for number in count(1))
        self._grouped: set[str] = set()  # entities in clusters
        self._made: list[str] = []
        self.have: set[Relation] = set()

    def take(self, names: Mapping[str, Span], lines: Sequence[str]) -> None:
        """Counts on from the ids of a file, whose entities need no line any more."""
        used = {line.partition("\t")[0] for line in lines}
        self._names = {place: name for name, place in names.items()}
        self._at = {(place.start, place.end): name for place, name in self._names.items()}
        entities, relations = self._entities, self._relations
        self._entities = (name for name in entities if name not in used)
        self._relations = (name for name in relations if name not in used)

    def new(self, *, clusters: bool = True) -> list[str]:
        """The lines that are not there yet."""
        document = self._document
        for span in document.spans or ():
            if span.label == UNLABELLED or span.label is None:
                raise InputError("a span without a label", where=document.place, got=f"{span.start}..{span.end}")
            self._name(Span(start=span.start, end=span.end, label=span.label))
        after = []
        for relation in document.relations or ():
            if relation not in self.have:
                head, tail = (
                    self._name(Span(start=one.start, end=one.end, label=one.label))
                    for one in (relation.head, relation.tail)
                )
                after.append(f"{next(self._relations)}\t{self._label(relation.label)} Arg1:{head} Arg2:{tail}")
        for cluster in document.clusters or () if clusters else ():
            if len(cluster) == 1:
                self._line(without_label(cluster[0]))
            else:
                after.append(f"*\t{EQUIV} {' '.join(map(self._mention, cluster))}")
        return [*self._made, *after]

    def _mention(self, mention: Span) -> str:
        """The entity at the place of a mention, if there is one that is in no cluster yet, else one without a label."""
        name = self._at.get((mention.start, mention.end))
        if name is None or name in self._grouped:
            name = self._line(without_label(mention))
        self._grouped.add(name)
        return name

    def _name(self, span: Span) -> str:
        if span not in self._names:
            self._names[span] = self._line(span)
            self._at.setdefault((span.start, span.end), self._names[span])
        return self._names[span]

    def _line(self, span: Span) -> str:
        text = self._document.text
        parts = [match.span() for match in re.finditer(r"[^\r\n]+", text[span.start : span.end])]
        fragments = [(span.start + low, span.start + high) for low, high in parts]
        if not fragments or (fragments[0][0], fragments[-1][1]) != (span.start, span.end):
            got = said_of(self._document, span)
            raise InputError(
                "a span that is empty, or begins or ends in a line break", where=self._document.place, got=got
            )
        name = next(self._entities)
        label = UNLABELLED if span.label is None else self._label(span.label)
        said = " ".join(text[low:high] for low, high in fragments)
        offsets = ";".join(f"{low} {high}" for low, high in fragments)
        self._made.append(f"{name}\t{label} {offsets}\t{said}")
        return name

    def _label(self, label: str) -> str:
        if not _LABEL.fullmatch(label):
            expected = "a label without white space, colons and semicolons"
            raise InputError(
                "a label that brat cannot hold", where=self._document.place, got=repr(label), expected=expected
            )
        return label
