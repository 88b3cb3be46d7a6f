"""The lines of a WebAnno TSV 3 file for a document that did not come from one; see `webanno_rows`."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from spanbert.core.errors import InputError
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.webanno_rows import FORMAT_LINE, NO_VALUE, NOTHING
from spanbert.corpus.text.sentences import sentence_ranges
from spanbert.corpus.text.word_tags import said_of
from spanbert.corpus.text.words import words_around

_API = "de.tudarmstadt.ukp.dkpro.core.api"
_ENTITY = f"{_API}.ner.type.NamedEntity"
_RESERVED = re.compile(r"[\\\[\]|_;*]|->")
_CONTROL = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A row: a token, or a part of one.

    Attributes:
        name: Its number.
        start: Its first character.
        end: After its last one.
        word: Which token it is or is a part of.
    """

    name: str
    start: int
    end: int
    word: int


def tsv_lines(document: Document) -> Iterator[str]:
    """The lines.

    Args:
        document: A text without words is split into words, and without sentences into sentences.

    Raises:
        InputError: A span without a word, text between two sentences, or a tag or label that is empty.
    """
    yield from _Maker(document).lines()


class _Maker:
    def __init__(self, document: Document) -> None:
        mentions = [one for cluster in document.clusters or () for one in cluster]
        ends = [one for relation in document.relations or () for one in (relation.head, relation.tail)]
        self._spans = [*(document.spans or ()), *mentions, *ends]
        self._words = tuple(words_around(document, self._spans))
        self._document = document = replace(document, words=self._words)
        if document.sentences is None:
            self._sentences = sentence_ranges(document.text, self._words, kept_whole=self._spans)
        else:
            self._sentences = document.sentences
        self._starts, self._ends = [one.start for one in self._words], [one.end for one in self._words]
        self._units = [0]
        for character in document.text:
            self._units.append(self._units[-1] + 1 + (ord(character) > 0xFFFF))
        self._rows = self._all_rows()
        self._at = {(row.start, row.end): place for place, row in enumerate(self._rows)}
        self._numbers = 0

    def _all_rows(self) -> list[_Row]:
        """A row for each token, and for each part of one that a span begins or ends in."""
        parts: dict[int, set[tuple[int, int]]] = defaultdict(set)
        for span in self._spans:
            for word, start, end in self._pieces(span):
                if (start, end) != (self._starts[word], self._ends[word]):
                    parts[word].add((start, end))
        rows = []
        for number, (low, high) in enumerate(self._sentences, start=1):
            for word in range(low, high):
                name = f"{number}-{word - low + 1}"
                rows.append(_Row(name=name, start=self._starts[word], end=self._ends[word], word=word))
                for part, (start, end) in enumerate(sorted(parts[word]), start=1):
                    rows.append(_Row(name=f"{name}.{part}", start=start, end=end, word=word))
        return rows

    def _pieces(self, span: Span) -> list[tuple[int, int, int]]:
        """The words of a span, each with the characters of it that are in the span."""
        first, last = bisect_right(self._ends, span.start), bisect_left(self._starts, span.end)
        found = [
            (word, max(span.start, self._starts[word]), min(span.end, self._ends[word])) for word in range(first, last)
        ]
        if not found or (found[0][1], found[-1][2]) != (span.start, span.end):
            got = said_of(self._document, span)
            raise InputError("a span that begins or ends outside of words", where=self._document.place, got=got)
        return found

    def _places(self, span: Span) -> list[int]:
        """The rows of a span."""
        return [self._at[start, end] for _, start, end in self._pieces(span)]

    def lines(self) -> Iterator[str]:
        document = self._document
        tags = document.columns.get(TAGS, ()) if document.spans is None else ()
        yield f"{FORMAT_LINE}3.3"
        columns: list[list[str]] = []
        if tags:
            yield f"#T_SP={_API}.lexmorph.type.pos.POS|PosValue"
            columns.append([self._value(tags[row.word]) if "." not in row.name else NOTHING for row in self._rows])
        entities, arcs = self._annotations()
        if document.spans is not None or document.relations is not None:
            yield f"#T_SP={_ENTITY}|value"
            columns.append(entities)
        if document.clusters is not None:
            yield f"#T_CH={_API}.coref.type.CoreferenceLink|referenceType|referenceRelation"
            columns += self._chains()
        if document.relations is not None:
            yield f"#T_RL=webanno.custom.Relation|value|BT_{_ENTITY}"
            columns += arcs
        yield ""
        yield from self._body(columns)

    def _body(self, columns: Sequence[Sequence[str]]) -> Iterator[str]:
        text, place = self._document.text, 0
        begins = [self._starts[low] for low, high in self._sentences if low < high]
        ends = [*begins[1:], len(text)] if begins else []
        outside = text[: begins[0]] if begins else text
        if outside.strip():
            what = "text before the first word, which has no place in a file"
            raise InputError(what, where=self._document.place, got=repr(outside[:60]))
        for start, end in zip(begins, ends, strict=True):
            yield ""
            said = text[start:end]
            if end < len(text):
                said = said.removesuffix("\n")
            yield from (f"#Text={self._plain(line)}" for line in said.split("\n"))
            while place < len(self._rows) and self._rows[place].start < end:
                row = self._rows[place]
                form = self._value(text[row.start : row.end])
                offsets = f"{self._units[row.start]}-{self._units[row.end]}"
                yield "\t".join([row.name, offsets, form, *(column[place] for column in columns), ""])
                place += 1

    def _annotations(self) -> tuple[list[str], list[list[str]]]:
        """The column of entities, those without a label among them, and the two of relations."""
        cells: list[list[str]] = [[] for _ in self._rows]
        relations: list[list[str]] = [[] for _ in self._rows]
        sources: list[list[str]] = [[] for _ in self._rows]
        ends = [one for relation in self._document.relations or () for one in (relation.head, relation.tail)]
        wanted = {
            Span(start=one.start, end=one.end, label=one.label): None for one in [*(self._document.spans or ()), *ends]
        }
        at_row: dict[int, int] = defaultdict(int)
        places = {one: self._places(one) for one in wanted}
        for rows in places.values():
            for row in rows:
                at_row[row] += 1
        numbers: dict[Span, int] = {}
        for one, rows in places.items():
            numbers[one] = self._number() if len(rows) > 1 or at_row[rows[0]] > 1 else 0
            said = NO_VALUE if one.label is None else self._value(one.label)
            for row in rows:
                cells[row].append(f"{said}[{numbers[one]}]" if numbers[one] else said)
        for relation in self._document.relations or ():
            head, tail = (Span(start=one.start, end=one.end, label=one.label) for one in (relation.head, relation.tail))
            target = places[tail][0]
            relations[target].append(self._value(relation.label) if relation.label else NO_VALUE)
            both = f"[{numbers[head]}_{numbers[tail]}]" if numbers[head] or numbers[tail] else ""
            sources[target].append(f"{self._rows[places[head][0]].name}{both}")
        return _joined(cells), [_joined(relations), _joined(sources)]

    def _chains(self) -> list[list[str]]:
        """The two columns of mentions."""
        types: list[list[str]] = [[] for _ in self._rows]
        links: list[list[str]] = [[] for _ in self._rows]
        for chain, cluster in enumerate(self._document.clusters or (), start=1):
            for link, mention in enumerate(cluster, start=1):
                for row in self._places(mention):
                    types[row].append(f"{NO_VALUE}[{chain}]")
                    links[row].append(f"{NO_VALUE}->{chain}-{link}")
        return [_joined(types), _joined(links)]

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _value(self, value: str) -> str:
        if not value:
            raise InputError("an empty tag or label, which has no place in a file", where=self._document.place)
        escaped = _RESERVED.sub(lambda match: f"\\{match[0]}", value)
        return "".join(_CONTROL.get(one, one) for one in escaped)

    def _plain(self, line: str) -> str:
        return "".join(_CONTROL.get(one, one) for one in line.replace("\\", "\\\\"))


def _joined(cells: Sequence[Sequence[str]]) -> list[str]:
    return ["|".join(one) or NOTHING for one in cells]
