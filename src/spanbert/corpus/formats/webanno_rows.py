"""The rows of a WebAnno TSV 3 file: its text, tokens, and the annotations of each of its layers.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value

    #Text=Ann Lee left.
    1-1	0-3	Ann	PER[1]
    1-2	4-7	Lee	PER[1]
    1-3	8-12	left	_

Offsets count UTF-16 units. A row `1-2.1` is a part of a token. `PER[1]` in several rows is one annotation, and
`PER[1]|ORG[2]` are two at one token. A relation stands at its target: `knows` and `1-1[1_0]`, the token and the
annotation that it comes from. A mention of a chain is `coref->1-2`: chain 1, link 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.core.types import Span

FORMAT_LINE = "#FORMAT=WebAnno TSV "
NOTHING, NO_VALUE = "_", "*"
_LAYER = re.compile(r"#T_(SP|CH|RL)=([^|]+)(?:\|(.*))?")
_STACKED, _ESCAPED = re.compile(r"(?<!\\)\|"), re.compile(r"\\(->|u[0-9A-Fa-f]{4}|.)")
_NUMBERED = re.compile(r"(.*)(?<!\\)\[(\d+)\]")
_LINK = re.compile(r".*(?<!\\)->(\d+-\d+)")
_SOURCE = re.compile(r"(\d+-\d+(?:\.\d+)?)(?:\[(\d+)(?:_(\d+))?\])?")
_ROW = re.compile(r"(\d+)-\d+(\.\d+)?")
_OFFSETS = re.compile(r"(\d{1,12})-(\d{1,12})")
_PLAIN = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}
Kind = Literal["SP", "CH", "RL"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A kind of annotation, with the columns that hold it.

    Attributes:
        kind: Spans, chains or relations.
        name: Its full name.
        features: What its columns hold; one without a name where it has no features.
        first: The first of its columns, from 0.
    """

    kind: Kind
    name: str
    features: tuple[str, ...]
    first: int

    @property
    def short(self) -> str:
        """The name without what it is in."""
        return self.name.rpartition(".")[2]

    @property
    def base(self) -> str | None:
        """Of relations: the full name of the layer that they join."""
        last = self.features[-1]
        return last.removeprefix("BT_") if last.startswith("BT_") else None

    @property
    def plain(self) -> list[str]:
        """The features with a value of their own, as opposed to references."""
        before = ("", *self.features)  # the type of what fills a slot stands after it
        return [
            name
            for name, last in zip(self.features, before, strict=False)
            if not name.startswith(("ROLE_", "BT_")) and not last.startswith("ROLE_")
        ]


@dataclass(kw_only=True, slots=True)
class Annotation:
    """An annotation, over the rows that it has been met in.

    Attributes:
        start: Its first character.
        end: After its last one.
        where: File and line.
        values: Its features, without those that have no value.
    """

    start: int
    end: int
    where: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Arc:
    """A relation: the row of its source and the numbers of both ends (0: the only one there), and its target's row."""

    source: str
    source_number: int
    target: str
    target_number: int
    where: str
    values: dict[str, str]


@dataclass(kw_only=True, slots=True)
class Tsv:
    """A file.

    Attributes:
        lines: As they are.
        layers: What its columns hold.
        text: Its text.
        words: The tokens.
        sentences: Half-open ranges of these.
        spans: Of each layer, the annotations in each row, with their numbers or 0.
        found: Of each layer, its annotations.
        links: Of each layer of chains, the mentions of each chain.
        arcs: Of each layer of relations.
        values: Of each layer, its values at each token as they are written.
    """

    lines: tuple[str, ...]
    layers: tuple[Layer, ...] = ()
    text: str = ""
    words: list[Span] = field(default_factory=list)
    sentences: list[tuple[int, int]] = field(default_factory=list)
    spans: dict[str, dict[str, list[tuple[int, Annotation]]]] = field(default_factory=dict)
    found: dict[str, list[Annotation]] = field(default_factory=dict)
    links: dict[str, dict[str, dict[str, Annotation]]] = field(default_factory=dict)
    arcs: dict[str, list[Arc]] = field(default_factory=dict)
    values: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)


def read_tsv(numbered: Iterator[tuple[int, str]], where: str) -> Tsv:
    """A file from its lines.

    Args:
        numbered: The lines with their numbers.
        where: Its name.

    Raises:
        InputError: Another version, too few columns, a token that is not where it says; names file and line.
    """
    reader = _Reader(list(numbered), where)
    reader.read()
    return reader.tsv


class _Reader:
    def __init__(self, numbered: Sequence[tuple[int, str]], where: str) -> None:
        self._numbered, self._where = numbered, where
        self._units: list[int] = []  # characters before each UTF-16 unit
        self._by_number: dict[tuple[str, int], Annotation] = {}
        self.tsv = Tsv(lines=tuple(line for _, line in numbered))

    def read(self) -> None:
        self._header()
        tsv = self.tsv
        tsv.text = self._text(unescape if self._is_escaped() else str)
        for place, character in enumerate(tsv.text):
            self._units += [place] * (1 + (ord(character) > 0xFFFF))
        self._units.append(len(tsv.text))
        sentence = None
        for where, name, start, end, cells in self._rows():
            match = _ROW.fullmatch(name)
            if match is None:
                raise InputError("not the number of a token", where=where, got=repr(name), expected="1-1 or 1-1.1")
            if not start < end < len(self._units):
                got = f"{start}-{end}"
                raise InputError("a token outside of the text", where=where, got=got, expected="its characters")
            low, high = self._units[start], self._units[end]
            if tsv.text[low:high] != unescape(cells[2]) and tsv.text[low:high] != cells[2]:
                got = repr(tsv.text[low:high])
                raise InputError("another text than the token says", where=where, got=got, expected=repr(cells[2]))
            if match[2] is None:
                if match[1] != sentence:
                    tsv.sentences.append((len(tsv.words), len(tsv.words)))
                sentence = match[1]
                tsv.words.append(Span(start=low, end=high))
                tsv.sentences[-1] = (tsv.sentences[-1][0], len(tsv.words))
            for layer in tsv.layers:
                self._take(layer, name, low, high, cells[3 + layer.first :], where, whole=match[2] is None)

    def _header(self) -> None:
        first = next((line for _, line in self._numbered if line.strip()), "")
        if not first.startswith(f"{FORMAT_LINE}3."):
            raise InputError("another format", where=self._where, got=repr(first[:60]), expected=f"{FORMAT_LINE}3.3")
        layers: list[Layer] = []
        columns = 0
        for _, line in self._numbered:
            match = _LAYER.fullmatch(line)
            if match is None:
                if line.startswith("#Text="):
                    break
                continue
            features = tuple(match[3].split("|")) if match[3] else ("",)
            kind: Kind = "SP" if match[1] == "SP" else "CH" if match[1] == "CH" else "RL"
            layers.append(Layer(kind=kind, name=match[2], features=features, first=columns))
            columns += len(features)
        self.tsv.layers = tuple(layers)
        self._columns = columns

    def _rows(self) -> Iterator[tuple[str, str, int, int, list[str]]]:
        """Place, number, offsets and cells of each row."""
        for number, line in self._numbered:
            if not line or line.startswith("#"):
                continue
            where, cells = f"{self._where}:{number}", line.split("\t")
            match = _OFFSETS.fullmatch(cells[1]) if len(cells) > 1 else None
            if match is None or len(cells) < 3 + self._columns:
                got, expected = repr(line[:60]), f"{3 + self._columns}, such as 1-1<tab>0-3<tab>Ann"
                raise InputError("too few columns", where=where, got=got, expected=expected)
            yield where, cells[0], int(match[1]), int(match[2]), cells

    def _sentences(self) -> Iterator[tuple[list[str], int, list[tuple[int, int, str]]]]:
        """Of each sentence its lines of text, where it begins, and its tokens."""
        said: list[str] = []
        tokens: list[tuple[int, int, str]] = []
        for _, line in [*self._numbered, (0, "#Text=")]:
            if line.startswith("#"):
                if tokens:
                    yield said, tokens[0][0], tokens
                    said, tokens = [], []
                if line.startswith("#Text="):
                    said.append(line.removeprefix("#Text="))
            elif line and (match := _OFFSETS.fullmatch("".join(line.split("\t")[1:2]))):
                tokens.append((int(match[1]), int(match[2]), "".join(line.split("\t")[2:3])))

    def _text(self, read: Callable[[str], str]) -> str:
        """The sentences with line breaks between them, or with what else is needed for their tokens to be in place."""
        text, units = "", 0
        for said, begin, _ in self._sentences():
            if units > begin:
                text, units = text[:-1], units - 1
            text += " " * (begin - units)
            added = "".join(f"{read(one)}\n" for one in said)
            text += added
            units = max(begin, units) + _length(added)
        return text.removesuffix("\n")

    def _is_escaped(self) -> bool:
        """Whether sentences without their backslashes have their tokens in place; some programs write them plainly."""
        for said, begin, tokens in self._sentences():
            text = "\n".join(unescape(one) for one in said).encode("utf-16-le")
            for start, end, form in tokens:
                if text[2 * (start - begin) : 2 * (end - begin)] != unescape(form).encode("utf-16-le"):
                    return False
        return True

    def _take(
        self, layer: Layer, row: str, low: int, high: int, cells: Sequence[str], where: str, *, whole: bool
    ) -> None:
        """Takes in the cells of a layer in a row."""
        columns = [[] if cell == NOTHING or not cell else _STACKED.split(cell) for cell in cells[: len(layer.features)]]
        depth, plain = max(map(len, columns), default=0), layer.plain
        if whole:
            self.tsv.values.setdefault(layer.name, []).append(
                {
                    name: unescape(cell)
                    for name, cell in zip(layer.features, cells, strict=False)
                    if cell not in (NOTHING, NO_VALUE)
                }
            )
        for place in range(depth):
            values: dict[str, str] = {}
            number, reference, link = 0, "", ""
            for name, column in zip(layer.features, columns, strict=True):
                value = column[place] if place < len(column) else NO_VALUE
                if layer.kind == "CH" and (match := _LINK.fullmatch(value)):
                    link = match[1]
                elif name.startswith("BT_"):
                    reference = value
                else:
                    is_target = name not in plain and not name.startswith("ROLE_")  # its number is another's
                    if not is_target and (match := _NUMBERED.fullmatch(value)):
                        value, number = match[1], int(match[2])
                    values |= {} if value == NO_VALUE else {name: unescape(value)}
            if layer.kind == "SP":
                self._span(layer, row, number, Annotation(start=low, end=high, where=where, values=values))
            elif layer.kind == "CH":
                self._link(layer, link, Annotation(start=low, end=high, where=where, values=values))
            else:
                self._arc(layer, row, reference, values, where)

    def _span(self, layer: Layer, row: str, number: int, new: Annotation) -> None:
        old = self._by_number.get((layer.name, number)) if number else None
        if old is None:
            self.tsv.found.setdefault(layer.name, []).append(new)
            self._by_number[layer.name, number] = new
        else:
            old.end = max(old.end, new.end)
        self.tsv.spans.setdefault(layer.name, {}).setdefault(row, []).append((number, old or new))

    def _link(self, layer: Layer, link: str, new: Annotation) -> None:
        chain, _, place = link.partition("-")
        if not place:
            expected = "a chain and a link, such as coref->1-2"
            raise InputError("a mention of no chain", where=new.where, expected=expected)
        mentions = self.tsv.links.setdefault(layer.name, {}).setdefault(chain, {})
        mentions.setdefault(place, new).end = new.end

    def _arc(self, layer: Layer, row: str, reference: str, values: dict[str, str], where: str) -> None:
        match = _SOURCE.fullmatch(reference)
        if match is None:
            raise InputError("a relation from nowhere", where=where, got=repr(reference), expected="such as 1-1[2_3]")
        numbers = int(match[2] or 0), int(match[3] or 0)
        arc = Arc(
            source=match[1], source_number=numbers[0], target=row, target_number=numbers[1], where=where, values=values
        )
        self.tsv.arcs.setdefault(layer.name, []).append(arc)


def _length(text: str) -> int:
    """UTF-16 units of a text."""
    return len(text.encode("utf-16-le")) // 2


def unescape(value: str) -> str:
    """A value without the backslashes before characters that have a meaning in the format."""

    def plain(match: re.Match[str]) -> str:
        said = match[1]
        return chr(int(said[1:], 16)) if len(said) == 5 else _PLAIN.get(said, said)

    return _ESCAPED.sub(plain, value)
