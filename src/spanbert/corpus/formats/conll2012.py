"""CoNLL-2012: a word a line in 5 columns or more, coreference in the last, a document between `#begin` and `#end`.

    #begin document (bc/cctv/00/cctv_0000); part 000
    bc/cctv/00/cctv_0000  0  0  Mr.    NNP  -  -  -  -  Speaker#1  -  (12
    bc/cctv/00/cctv_0000  0  1  Smith  NNP  -  -  -  -  Speaker#1  -  12)

    #end document

`(3` opens a mention of cluster 3 at a word, `3)` closes it, `(3)` is a mention of that word; several are divided by `|`
or nothing. `-`, `_` and an empty cell hold none. A Document's text has a blank between words (none between Han
characters) and a line break between sentences. Its raw lines are kept as its origin, so that writing changes only
the last cells.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.clusters import (
    CorefLines,
    Repeated,
    bracket_cells,
    coref_origin,
    lines_with_clusters,
)
from spanbert.corpus.formats.families import COREFERENCE
from spanbert.corpus.formats.format import Format
from spanbert.corpus.io.files import OnBroken, SourceFile, readable, text_lines, write_lines
from spanbert.corpus.text.words import text_of_words

_BEGIN = re.compile(r"#begin document \(?(.*?)\)?(?:; part (\d{1,18}))?")
_BRACKET = re.compile(r"\((\d{1,18})\)|\((\d{1,18})|(\d{1,18})\)")
_WORD, _SPEAKER, _FEWEST, _WHOLE = 3, 9, 5, 12
_NOTHING = ("-", "_", "")
_GENRE = re.compile(r"([a-z]{2})/|[A-Z]+_([a-z]+)_")  # of OntoNotes' paths and GUM's names
WordMention = tuple[int, int]  # first and last word


def _begin_of(line: str) -> re.Match[str] | None:
    """The line that begins a document: its name, and its part."""
    stripped = line.rstrip()
    return _BEGIN.fullmatch(line[: max(len(stripped), len("#begin document "))])


@dataclass(frozen=True, kw_only=True, slots=True)
class Conll2012Origin(CorefLines):
    """The raw lines of a document, and the numbers of its clusters as they were read."""

    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Block:
    """The raw lines of one document, those of its frame included."""

    name: str
    part: str | None
    first: int
    lines: tuple[str, ...]


def read_conll2012(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a file.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable document, which is then left out; the lines where
            documents begin and end must be right. None: the error is raised.

    Yields:
        Text, words, sentences, clusters; `columns["speaker"]` where a speaker is named.

    Raises:
        InputError: Too few columns, brackets that do not close or never opened, a document without an end; says where.
    """
    for block in _blocks(file):
        yield from readable(partial(_document, block, file), on_broken)


def _blocks(file: SourceFile) -> Iterator[_Block]:
    lines: list[str] = []
    begun: tuple[str, str | None, int] | None = None
    number = 0
    for number, line in text_lines(file):
        start = _begin_of(line)
        if start and begun:
            raise InputError("a document begins inside another", where=f"{file.path}:{number}", got=line)
        if start:
            begun = (start[1], start[2], number)
        if begun is None:
            if line.strip():
                raise InputError(
                    "a line outside of documents",
                    where=f"{file.path}:{number}",
                    got=repr(line),
                    expected="#begin document (NAME); part 000",
                )
            continue
        lines.append(line)
        if line.startswith("#end document"):
            yield _Block(name=begun[0], part=begun[1], first=begun[2], lines=tuple(lines))
            lines, begun = [], None
    if begun is not None:
        raise InputError("a document without an end", where=f"{file.path}:{number}", expected="#end document")


def _document(block: _Block, file: SourceFile) -> Document:
    words: list[str] = []
    speakers: list[str] = []
    ends: list[int] = []  # of sentences
    mentions = _Mentions(file.path)
    for place, line in enumerate(block.lines):
        if not _is_word(line):
            if words and (not ends or ends[-1] < len(words)):
                ends.append(len(words))
            continue
        where = f"{file.path}:{block.first + place}"
        cells = _cells(line)
        if len(cells) < _FEWEST:
            raise InputError("too few columns", where=where, got=repr(line), expected=f"{_FEWEST} or more")
        mentions.read(cells[-1], len(words), where)
        words.append(cells[_WORD])
        speakers.append(cells[_SPEAKER] if len(cells) >= _WHOLE else "-")
    clusters = mentions.clusters()
    text, spans = text_of_words(words, breaks=ends[:-1])
    genre = _GENRE.match(block.name)
    numbered = tuple(
        tuple(Span(start=spans[first].start, end=spans[last].end) for first, last in cluster)
        for cluster in clusters.values()
    )
    return Document(
        id=block.name if int(block.part or 0) == 0 else f"{block.name};{int(block.part or 0)}",
        text=text,
        words=tuple(spans),
        clusters=numbered,
        columns={"speaker": tuple(speakers)} if any(one not in _NOTHING for one in speakers) else {},
        sentences=tuple(pairwise([0, *ends])),
        where=f"{file.path}:{block.first}",
        origin=Conll2012Origin(
            document=block.name,
            part=block.part,
            genre=next(filter(None, genre.groups()), None) if genre else None,
            lines=block.lines,
            read=numbered,
            numbers=tuple(clusters),
            repeated=tuple(
                Repeated(
                    where=where,
                    mention=Span(start=spans[first].start, end=spans[last].end),
                    clusters=(str(one), str(other)),
                )
                for where, (first, last), one, other in mentions.repeated
            ),
        ),
    )


def _cells(line: str) -> list[str]:
    """The columns, divided by tabs or blanks; other white space, such as that in `10\u00a0000`, is part of a word."""
    return [cell.strip(" \r") for cell in line.split("\t")] if "\t" in line else re.findall(r"[^ \r]+", line)


class _Mentions:
    """Reads the brackets of a document, word after word."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[int, list[tuple[int, str]]] = defaultdict(list)  # first word and its place, innermost last
        self._found: dict[int, dict[WordMention, None]] = {}
        self._owner: dict[WordMention, int] = {}
        self.repeated: list[tuple[str, WordMention, int, int]] = []  # place, mention, its first cluster and the other

    def read(self, cell: str, word: int, where: str) -> None:
        """Takes in the coreference cell of a word."""
        if cell in _NOTHING:
            return
        rest = _BRACKET.sub("", cell).replace("|", "")
        if rest:
            raise InputError("not a coreference cell", where=where, got=repr(cell), expected="such as (3|(12) or -")
        for single, opening, closing in _BRACKET.findall(cell):
            if single:
                self._add(int(single), (word, word), where)
            elif opening:
                self._open[int(opening)].append((word, where))
                self._found.setdefault(int(opening), {})
            else:
                if not self._open[int(closing)]:
                    raise InputError("a mention ends but never began", where=where, got=f"{closing})")
                first, _ = self._open[int(closing)].pop()
                self._add(int(closing), (first, word), where)

    def _add(self, cluster: int, mention: WordMention, where: str) -> None:
        other = self._owner.setdefault(mention, cluster)
        if other != cluster:
            self.repeated.append((where, mention, other, cluster))
        self._found.setdefault(cluster, {})[mention] = None

    def clusters(self) -> dict[int, list[WordMention]]:
        """All clusters by their numbers, in the order in which they begin; mentions by their first word."""
        for cluster, waiting in self._open.items():
            for _, where in waiting:
                raise InputError("a mention never ends", where=where, got=f"({cluster}")
        return {number: sorted(found) for number, found in self._found.items()}


def conll2012_lines(documents: Iterable[Document]) -> Iterator[str]:
    """Lines of a CoNLL-2012 file; documents that came from one keep all their other cells.

    Args:
        documents: With clusters; a text without words is split into words.

    Raises:
        InputError: A document without clusters, which would read as one in which there are none; a mention that begins
            or ends inside a word, or mentions of one cluster that cross.
    """
    yield from lines_with_clusters(documents, Conll2012Origin, name="CoNLL-2012", new=_new_lines, rewritten=_rewritten)


def _rewritten(document: Document, origin: Conll2012Origin) -> Iterator[str]:
    new_cells = iter(_numbered_cells(document, _kept_numbers(document, origin)))
    last_cells = (_cells(line)[-1] for line in origin.lines if _is_word(line))
    nothing = next((cell for cell in last_cells if cell in _NOTHING), "-")
    for line in origin.lines:
        if not _is_word(line):
            yield line
            continue
        cell = next(new_cells) or nothing
        if sorted(cell.split("|")) == sorted(_cells(line)[-1].split("|")):
            yield line
            continue
        before, tab, _ = line.rpartition("\t")
        yield f"{before}{tab}{cell}" if tab else re.sub(r"\S+(\s*)$", rf"{cell}\1", line)


def _is_word(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("#begin", "#end"))


def _new_lines(document: Document) -> Iterator[str]:
    cells = _numbered_cells(document, range(len(document.clusters or ())))
    words = [document.text[word.start : word.end] for word in document.words or ()]
    speakers = [speaker or "-" for speaker in document.columns.get("speaker") or ("",) * len(words)]
    origin = coref_origin(document)
    name = document.id if origin.document is None else origin.document
    part = origin.part or "000"
    yield f"#begin document ({name}); part {part}"
    for start, end in document.sentences or [(0, len(words))]:
        for place in range(start, end):
            frame = [name, str(int(part)), str(place - start), words[place], *"-----", speakers[place], "-"]
            broken = next((cell for cell in frame if not cell or re.search(r"[ \t\r\n]", cell)), None)
            if broken is not None:
                raise InputError("what one cell cannot hold", where=document.place, got=repr(broken))
            yield "\t".join([*frame, cells[place] or "-"])
        yield ""
    yield "#end document"


def _kept_numbers(document: Document, origin: Conll2012Origin) -> list[int]:
    """The numbers of the clusters: those that the file gave to clusters with the same mentions, or new ones."""
    number_of = {
        (mention.start, mention.end): number
        for number, cluster in reversed(list(zip(origin.numbers, origin.read or (), strict=True)))
        for mention in cluster
    }
    found: list[int] = []
    taken: set[int] = set()
    unused = count(max(origin.numbers, default=-1) + 1)
    for cluster in document.clusters or ():
        stated = (number_of.get((one.start, one.end)) for one in cluster)
        number = next((one for one in stated if one is not None and one not in taken), None)
        found.append(next(unused) if number is None else number)
        taken.add(found[-1])
    return found


def _numbered_cells(document: Document, numbers: Sequence[int]) -> list[str]:
    """The cell of each word, by what each cluster is called."""
    return bracket_cells(document, lambda place, _: str(numbers[place]), lambda place: str(numbers[place]), between="|")


def _begins_so(beginning: Beginning) -> bool:
    return beginning.line.startswith("#begin document")


FORMAT = Format(
    name="conll2012",
    title="CoNLL-2012, words in column 4, clusters in the last",
    family=COREFERENCE,
    holds=frozenset({"clusters", "columns"}),
    detect=_begins_so,
    read=lambda file, settings, on_broken: read_conll2012(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, conll2012_lines(documents)),
    begins=lambda document: ";" not in document.id,  # the first part
    marks=_begins_so,
)
