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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.clusters import (
    Clusters,
    repeated_in,
)
from spanbert.corpus.formats.column_format import CONLLU_COLUMNS, MISC, Sentence, sentences
from spanbert.corpus.formats.columns import text_of_sentence
from spanbert.corpus.formats.corefud_origin import CHUNK, EMPTY, ID, RANGE, SAID, CorefudOrigin
from spanbert.corpus.formats.corefud_writing import corefud_lines
from spanbert.corpus.formats.families import COREFERENCE
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.io.files import OnBroken, SourceFile, ignore_broken, readable, write_lines

_NEW = re.compile(r"# newdoc(?: id = (.*))?\s*")
_FIELDS = re.compile(r"# global\.Entity = (\S+)\s*")
_SPEAKER = re.compile(r"# speaker = (.*)")
_WORD = re.compile(r"\d+")
_PART = re.compile(r"([^\[\]]+)\[\d+/\d+\]")
_MARK = re.compile(r"(?m)^# global\.Entity = |[\t|]Entity=\(")
WordMention = tuple[int, int]  # first and last word


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
        self._id = next((place for place, name in enumerate(block.fields) if name in ID), None)
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
            speaker = next((match[1].rstrip() for match in map(_SPEAKER.fullmatch, sentence.lines) if match), "-")
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
            if match := RANGE.fullmatch(cells[0]):
                unbroken = int(match[2]) if "SpaceAfter=No" in misc else 0
                continue
            if _WORD.fullmatch(cells[0]):
                words.append(cells[1])
                speakers.append(next((one.partition("=")[2] for one in misc if one.startswith(SAID)), ""))
                glued.append("SpaceAfter=No" in misc or int(cells[0]) == unbroken)
            elif not EMPTY.fullmatch(cells[0]):
                expected = "1, 1-2 or 1.1"
                raise InputError("not a number of a word", where=where, got=repr(cells[0]), expected=expected)
            self._take(misc, bool(EMPTY.fullmatch(cells[0])), where)
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
        if CHUNK.sub("", value):
            expected = "such as (e1-person-1-)(e2 or e3)"
            raise InputError("not brackets of entities", where=where, got=repr(value), expected=expected)
        for single, opening, closing in CHUNK.findall(value):
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


def _detect(beginning: Beginning) -> bool:
    line = beginning.line
    return (line.startswith("# ") or line.count("\t") == CONLLU_COLUMNS - 1) and bool(_MARK.search(beginning.sample))


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for block in _blocks(file):
        reader = _Reader(file, block)
        for _ in readable(reader.document, ignore_broken):
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
    carries=("corefud",),
)
