"""CorefUD: CoNLL-U with coreference in its last column (Nedoluzhko et al. 2022), as UD treebanks with entities have it.

    # newdoc id = letters-1
    # global.Entity = eid-etype-head-other
    # text = Ann left.
    1	Ann	Ann	PROPN	_	_	2	nsubj	_	Entity=(e1-person-1-)
    2	left	leave	VERB	_	_	0	root	_	SpaceAfter=No

`(e1-person-1-` opens a mention of e1 with its type and the number of its head word, `e1)` closes it. Clusters of one
mention stay. Mentions in parts (`e1[1/2]`) are refused. An empty node (`2.1`) is no word: a mention of nothing else is
left out. The raw lines are kept, so that writing changes only `Entity=` of mentions that changed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.clusters import (
    Clusters,
    CorefOrigin,
    bracket_cells,
    coref_origin,
    repeated_in,
    with_words,
)
from spanbert.corpus.formats.column_format import CONLLU_COLUMNS, MISC, Sentence, sentences
from spanbert.corpus.formats.columns import text_of_sentence
from spanbert.corpus.formats.families import COREFERENCE
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.io.files import OnBroken, SourceFile, readable, write_lines

_NEW = re.compile(r"# newdoc(?: id = (.*))?\s*")
_FIELDS = re.compile(r"# global\.Entity = (\S+)\s*")
_SPEAKER = re.compile(r"# speaker = (.*?)\s*")
_SAID = "Speaker="  # of a word, where a sentence has several speakers
_WORD = re.compile(r"\d+")
_EMPTY = re.compile(r"\d+\.\d+")
_RANGE = re.compile(r"(\d+)-(\d+)")
_CHUNK = re.compile(r"\(([^()]+)\)|\(([^()]+)|([^()]+)\)")
_PART = re.compile(r"([^\[\]]+)\[\d+/\d+\]")
_MARK = re.compile(r"(?m)^# global\.Entity = |[\t|]Entity=\(")
_ID = ("eid", "GRP")
WordMention = tuple[int, int]  # first and last word


@dataclass(frozen=True, kw_only=True, slots=True)
class CorefudOrigin(CorefOrigin):
    """The raw lines of a document.

    Attributes:
        lines: All of them.
        fields: What is between the hyphens after an opening bracket.
        names: What each cluster is called.
        opened: What stands after the opening bracket of each mention.
    """

    lines: tuple[str, ...]
    fields: tuple[str, ...]
    names: tuple[str, ...]
    opened: Mapping[Span, str]


@dataclass(frozen=True, kw_only=True)
class _Block:
    """The sentences of one document; `fields` are those that were stated last."""

    name: str
    fields: tuple[str, ...]
    sentences: tuple[Sentence, ...]


def read_corefud(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a file.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each document that cannot be used and is left out; None: it is raised.

    Yields:
        Text (a line a sentence), words, sentences, clusters; `columns["speaker"]` where a speaker is named.

    Raises:
        InputError: Not ten columns, brackets that do not close or never opened, or a mention in parts; says where.
    """
    for block in _blocks(file):
        yield from readable(_Reader(file, block).document, on_broken)


def _blocks(file: SourceFile) -> Iterator[_Block]:
    kept: list[Sentence] = []
    name, fields = "", ("eid",)
    for sentence in sentences(file):
        begun = [match for match in map(_NEW.fullmatch, sentence.lines) if match]
        stated = [match[1] for match in map(_FIELDS.fullmatch, sentence.lines) if match]
        if kept and begun:
            yield _Block(name=name, fields=fields, sentences=tuple(kept))
            kept = []
        if begun or not kept:
            name = (begun[-1][1] if begun else None) or f"{file.name}:{sentence.first}"
        if stated:
            fields = tuple(stated[-1].split("-"))
        kept.append(sentence)
    if kept:
        yield _Block(name=name, fields=fields, sentences=tuple(kept))


class _Reader:
    """Reads one document, row after row."""

    def __init__(self, file: SourceFile, block: _Block) -> None:
        self._file, self._block = file, block
        self._id = next((place for place, name in enumerate(block.fields) if name in _ID), None)
        self._open: dict[str, list[tuple[int, str, str]]] = defaultdict(list)  # first word, what was opened, place
        self._found: dict[str, dict[WordMention, tuple[str, str]]] = {}  # what was opened, place
        self._words = 0
        self.left_out: Counter[str] = Counter()

    def document(self) -> Document:
        """The document of the block."""
        texts: list[str] = []
        words: list[Span] = []
        speakers: list[str] = []
        bounds = [0]
        length = 0
        for sentence in self._block.sentences:
            text, found, said = self._sentence(sentence)
            words += [Span(start=length + one.start, end=length + one.end) for one in found]
            speaker = next((match[1] for match in map(_SPEAKER.fullmatch, sentence.lines) if match), "-")
            speakers += [one or speaker for one in said]
            if found:
                bounds.append(len(words))
                texts.append(text)
                length += len(text) + 1
        for waiting in self._open.values():
            for _, opened, where in waiting:
                raise InputError("a mention never ends", where=where, got=f"({opened}")
        mentions = {
            name: {Span(start=words[low].start, end=words[high].end): said for (low, high), said in found.items()}
            for name, found in self._found.items()
        }
        mentions = {name: dict(sorted(one.items(), key=_place)) for name, one in mentions.items() if one}
        clusters: Clusters = tuple(tuple(one) for one in mentions.values())
        return Document(
            id=self._block.name,
            text="\n".join(texts),
            words=tuple(words),
            sentences=tuple(pairwise(bounds)),
            clusters=clusters,
            columns={"speaker": tuple(speakers)} if any(one != "-" for one in speakers) else {},
            where=f"{self._file.path}:{self._block.sentences[0].first}",
            origin=CorefudOrigin(
                document=self._block.name,
                lines=tuple(line for sentence in self._block.sentences for line in sentence.lines),
                fields=self._block.fields,
                names=tuple(mentions),
                opened={span: said[0] for one in mentions.values() for span, said in one.items()},
                read=clusters,
                repeated=repeated_in([{span: said[1] for span, said in one.items()} for one in mentions.values()]),
            ),
        )

    def _sentence(self, sentence: Sentence) -> tuple[str, list[Span], list[str]]:
        """Text, words, and who speaks each of them where its row says it."""
        words, glued, speakers = [], [], []
        unbroken = 0  # the last word of a range without a blank after it
        for place, line in enumerate(sentence.lines):
            cells = line.split("\t")
            if not line.strip() or (line.startswith("#") and len(cells) < CONLLU_COLUMNS):
                continue
            where = f"{self._file.path}:{sentence.first + place}"
            if len(cells) != CONLLU_COLUMNS:
                got = f"{len(cells)} columns"
                raise InputError("not a line of CoNLL-U", where=where, got=got, expected="10, between tabs")
            misc = cells[MISC].split("|")
            if match := _RANGE.fullmatch(cells[0]):
                unbroken = int(match[2]) if "SpaceAfter=No" in misc else 0
                continue
            if _WORD.fullmatch(cells[0]):
                words.append(cells[1])
                speakers.append(next((one.partition("=")[2] for one in misc if one.startswith(_SAID)), ""))
                glued.append("SpaceAfter=No" in misc or int(cells[0]) == unbroken)
            elif not _EMPTY.fullmatch(cells[0]):
                expected = "1, 1-2 or 1.1"
                raise InputError("not a number of a word", where=where, got=repr(cells[0]), expected=expected)
            self._take(misc, bool(_EMPTY.fullmatch(cells[0])), where)
        text, found = text_of_sentence(words, glued, sentence.lines) if words else ("", [])
        return text, found, speakers

    def _take(self, misc: Sequence[str], empty: bool, where: str) -> None:
        """Takes in what the last cell of a word or an empty node says."""
        self._words += not empty
        for part in misc:
            key, _, value = part.partition("=")
            if key in ("Bridge", "SplitAnte"):
                self.left_out[f"{key}="] += value.count("<")
            elif key == "Entity":
                self._read(value, self._words if empty else self._words - 1, empty, where)

    def _read(self, value: str, word: int, empty: bool, where: str) -> None:
        if _CHUNK.sub("", value):
            expected = "such as (e1-person-1-)(e2 or e3)"
            raise InputError("not brackets of entities", where=where, got=repr(value), expected=expected)
        for single, opening, closing in _CHUNK.findall(value):
            name = self._name(single or opening or closing, where)
            if single:
                self._add(name, (word, word - empty), single, where)
            elif opening:
                self._found.setdefault(name, {})
                self._open[name].append((word, opening, where))
            elif self._open[name]:
                first, opened, begun = self._open[name].pop()
                self._add(name, (first, word - empty), opened, begun)
            else:
                raise InputError("a mention ends but never began", where=where, got=f"{closing})")

    def _name(self, said: str, where: str) -> str:
        """What an entity is called; it may stand alone at a closing bracket."""
        parts = said.split("-")
        if len(parts) > 1 and (self._id is None or self._block.fields == ("eid",)):
            expected = "# global.Entity = eid-etype-head-other, before the first sentence"
            raise InputError("entities whose parts no comment names", where=where, got=repr(said), expected=expected)
        name = parts[self._id] if self._id is not None and self._id < len(parts) else parts[0]
        if match := _PART.fullmatch(name):
            raise InputError(
                "a mention in parts, which spans of one text cannot be",
                where=where,
                got=repr(said),
                expected=f"one stretch of words, as {match[1]!r}",
                remedy="Make it one stretch, or leave its brackets out",
            )
        return name

    def _add(self, name: str, mention: WordMention, opened: str, where: str) -> None:
        found = self._found.setdefault(name, {})
        if mention[0] > mention[1]:
            self.left_out["mentions of empty nodes alone"] += 1
        else:
            self.left_out["types and heads of mentions"] += bool("".join(opened.split("-")[1:]))
            found.setdefault(mention, (opened, where))


def _place(item: tuple[Span, tuple[str, str]]) -> tuple[int, int]:
    return item[0].start, item[0].end


def corefud_lines(documents: Iterable[Document]) -> Iterator[str]:
    """Lines of a CorefUD file; documents that came from one keep all but the brackets of clusters that changed.

    Args:
        documents: With clusters; a text without words is split into words.

    Raises:
        InputError: A document without clusters, a mention that begins or ends inside a word, or mentions of one
            cluster that cross.
    """
    for document in map(with_words, documents):
        if document.clusters is None:
            raise InputError(
                "a text without clusters among others, which CorefUD cannot express",
                where=document.place,
                remedy='Leave it out, or give it "clusters": [] if there are none',
            )
        origin = document.origin
        if not isinstance(origin, CorefudOrigin):
            yield from _new_lines(document)
        elif document.clusters == origin.read:
            yield from origin.lines
        else:
            yield from _rewritten(document, origin)


def _rewritten(document: Document, origin: CorefudOrigin) -> Iterator[str]:
    names = list(_names(document, origin))
    place = next((n for n, field in enumerate(origin.fields) if field in _ID), 0)

    def opened(number: int, mention: Span) -> str:
        said = origin.opened.get(Span(start=mention.start, end=mention.end))
        parts = ["" for _ in origin.fields] if said is None else said.split("-")
        parts[place] = names[number]
        return "-".join(parts)

    cells = iter(bracket_cells(document, opened, names.__getitem__, between=""))
    for line in origin.lines:
        columns = line.split("\t")
        if len(columns) != CONLLU_COLUMNS or _RANGE.fullmatch(columns[0]):
            yield line
            continue
        old = [part for part in columns[MISC].split("|") if part != "_"]
        kept = [part for part in old if not part.startswith("Entity=")]
        if _EMPTY.fullmatch(columns[0]):
            said = "".join(part.removeprefix("Entity=") for part in old if part.startswith("Entity="))
            entity = "".join(f"({single})" for single, _, _ in _CHUNK.findall(said) if single)
        else:
            entity = next(cells)
        misc = sorted([*kept, *([f"Entity={entity}"] if entity else [])], key=str.lower)
        yield "\t".join([*columns[:MISC], "|".join(misc) or "_"])


def _names(document: Document, origin: CorefudOrigin) -> Iterator[str]:
    """What each cluster is called: as the one with which it shares a mention, else a new name."""
    owners = {span: name for name, cluster in zip(origin.names, origin.read or (), strict=True) for span in cluster}
    used: set[str] = set()
    number = 0
    for cluster in document.clusters or ():
        bare = (Span(start=one.start, end=one.end) for one in cluster)
        name = next((owners[one] for one in bare if owners.get(one, "") not in ("", *used)), None)
        while name is None or name in used:
            number += 1
            name = None if f"e{number}" in (*origin.names, *used) else f"e{number}"
        used.add(name)
        yield name


def _new_lines(document: Document) -> Iterator[str]:
    cells = bracket_cells(document, lambda number, _: f"e{number + 1}", lambda number: f"e{number + 1}", between="")
    words, text = document.words or (), document.text
    stated = coref_origin(document).document
    speakers = document.columns.get("speaker", ("-",) * len(words))
    name = " ".join((document.id if stated is None else stated).split())
    yield f"# newdoc id = {name}"
    yield "# global.Entity = eid"
    for number, (start, end) in enumerate(document.sentences or [(0, len(words))], start=1):
        if start == end:
            continue
        yield f"# sent_id = {name}-{number}"
        one_speaker = len(set(speakers[start:end])) == 1
        if one_speaker and speakers[start] not in ("-", ""):
            yield f"# speaker = {speakers[start]}"
        yield f"# text = {' '.join(text[words[start].start : words[end - 1].end].splitlines())}"
        for place in range(start, end):
            form = text[words[place].start : words[place].end]
            if not form.strip() or re.search(r"[\t\r\n]", form):
                raise InputError("what one cell cannot hold", where=document.place, got=repr(form))
            glued = place + 1 < end and words[place].end == words[place + 1].start
            misc = [f"Entity={cells[place]}"] * bool(cells[place]) + ["SpaceAfter=No"] * glued
            misc += [f"{_SAID}{speakers[place].replace('|', '/')}"] * (not one_speaker)
            yield "\t".join([str(place - start + 1), form, *"_______", "|".join(misc) or "_"])
        yield ""


def _detect(beginning: Beginning) -> bool:
    line = beginning.line
    return (line.startswith("# ") or line.count("\t") == CONLLU_COLUMNS - 1) and bool(_MARK.search(beginning.sample))


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for block in _blocks(file):
        reader = _Reader(file, block)
        for _ in readable(reader.document, lambda error: None):
            found += reader.left_out
    return found


FORMAT = Format(
    name="corefud",
    title="CorefUD, CoNLL-U with Entity= in its last column",
    family=COREFERENCE,
    holds=frozenset({"clusters", "columns"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_corefud(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, corefud_lines(documents)),
    marks=_detect,
    left_out=_left_out,
)
