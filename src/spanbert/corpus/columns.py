"""Column files of labelled words: CoNLL style with 2 to 14 columns, and CoNLL-U; one sentence is one Document.

    EU      B-ORG          # text = He left.
    rejects O              1  He    he    PRON  PRP ...
    .       O              2  left  leave VERB  VBD ...

Spans that nest stand in several columns of tags, the layers: `columns["tag"]` of a Document is the first, `"tag2"` the
next, and its spans are those of all. The raw lines of a sentence go along in `meta["lines"]`, so that writing changes
the cells of tags alone and everything that is not interpreted comes back byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from spanbert.core.characters import UNSPACED
from spanbert.core.errors import InputError
from spanbert.core.files import write_atomically
from spanbert.core.tagging import Scheme, decode_tags, guess_scheme
from spanbert.core.types import Document, Span
from spanbert.corpus.files import ByteCounter, SourceFile, decode_line, read_lines
from spanbert.corpus.word_tags import layers_of, place_of, word_spans
from spanbert.corpus.word_tags import tags_of as tags_of

_TAG = re.compile(r"O|[BIESMLU]-\S+")
_INDEX = re.compile(r"\d+([-.]\d+)?")
_SKIPPED_INDEX = re.compile(r"\d+[-.]\d+")  # multi-word tokens and empty nodes of CoNLL-U
_UNSPACED = re.compile(f"[{UNSPACED}]")
_DOCUMENT_START = "-DOCSTART-"
_MISC = 9
_CONLLU_COLUMNS = 10
_SAMPLE = 2000


@dataclass(frozen=True, kw_only=True)
class ColumnFormat:
    """How the columns of a file are read; guessed from its first sentences unless said.

    Attributes:
        word: Column of the words, from 0.
        tag: Column of the tags.
        layers: Further columns of tags, whose spans are added: spans may nest.
        scheme: How spans are written; None where tags are one a word (parts of speech).
        misc_key: The tags are the values of this key in CoNLL-U's MISC column.
        tabs: Cells end at tabs, else at blanks.
    """

    word: int
    tag: int
    scheme: Scheme | None
    misc_key: str | None = None
    tabs: bool = True
    layers: tuple[int, ...] = ()

    @property
    def tag_columns(self) -> tuple[int, ...]:
        """The columns of tags, outer spans first."""
        return (self.tag, *self.layers)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """What a Document calls these columns."""
        return ("tag", *(f"tag{number}" for number in range(2, len(self.tag_columns) + 1)))

    @property
    def indexed(self) -> bool:
        """Whether words are numbered, so that `1-2` and `1.1` number what is no word."""
        return self.word > 0

    def cells(self, line: str) -> list[str]:
        """The cells of a line."""
        return line.split("\t") if self.tabs else line.split()

    def tags(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The tags of a word, one a layer, from its cells."""
        if self.misc_key is None:
            return tuple(cells[place] for place in self.tag_columns)
        values = dict(part.partition("=")[::2] for part in cells[_MISC].split("|"))
        return (values.get(self.misc_key, "O"),)

    def with_tags(self, line: str, tags: Sequence[str]) -> str:
        """The line with other tags, one a layer; everything else as it was."""
        if self.misc_key is not None:
            cells = line.split("\t")
            kept = [part for part in cells[_MISC].split("|") if part not in ("", "_")]
            kept = [part for part in kept if part.partition("=")[0] != self.misc_key]
            kept += [f"{self.misc_key}={tags[0]}"] if tags[0] != "O" else []
            return "\t".join([*cells[:_MISC], "|".join(kept) or "_"])
        parts = re.split("(\t)" if self.tabs else r"(\s+)", line)  # cells, and between them what separates them
        first = 2 if not self.tabs and line[:1].isspace() else 0
        for place, tag in zip(self.tag_columns, tags, strict=True):
            parts[first + 2 * place] = tag
        return "".join(parts)


@dataclass(frozen=True, kw_only=True)
class _Sentence:
    """Raw lines of one sentence, the blank ones after it included, and the number of the first."""

    first: int
    lines: tuple[str, ...]

    def words(self, *, indexed: bool) -> list[int]:
        """Which of the lines hold a word; `indexed`: see `ColumnFormat.indexed`."""
        return [
            place
            for place, line in enumerate(self.lines)
            if _is_row(line) and not (indexed and _SKIPPED_INDEX.fullmatch(line.split(maxsplit=1)[0]))
        ]


def _is_row(line: str) -> bool:
    if not line.strip() or line.startswith(_DOCUMENT_START):
        return False
    return not (line.startswith("#") and "\t" not in line and (line.startswith("# ") or len(line.split()) < 2))


def _sentences(file: SourceFile) -> Iterator[_Sentence]:
    lines: list[str] = []
    first = 1
    for number, raw in read_lines(file, ByteCounter()):
        line = decode_line(raw, f"{file.path}:{number}", first=number == 1)
        if lines and line.strip() and not lines[-1].strip() and any(_is_row(one) for one in lines):
            yield _Sentence(first=first, lines=tuple(lines))
            first, lines = number, []
        lines.append(line)
    if lines:
        yield _Sentence(first=first, lines=tuple(lines))


def guess_format(file: SourceFile, *, task: str = "ner") -> ColumnFormat:
    """How a file's columns are to be read.

    Args:
        file: Its first 2,000 sentences are looked at.
        task: `ner` takes the last column of BIO-like tags, `nested` all of them; else tags are one a word: the last
            column, and of CoNLL-U the universal tags (`pos`, `upos`) or the treebank's own (`xpos`).

    Raises:
        InputError: No words, or fewer than two columns.
    """
    sample = list(islice(_sentences(file), _SAMPLE))
    lines = [sentence.lines[place] for sentence in sample for place in sentence.words(indexed=False)]
    if not lines:
        raise InputError("no labelled words", where=str(file.path), expected="a word and its tag a line")
    tabs = any("\t" in line for line in lines)
    rows = [line.split("\t") if tabs else line.split() for line in lines]
    width = len(rows[0])
    if width < 2:
        raise InputError("one column", where=f"{file.path}:{sample[0].first}", expected="a word and its tag a line")
    rows = [row for row in rows if len(row) == width]  # a line that differs is an error when it is read
    word = 1 if width > 2 and all(_INDEX.fullmatch(row[0]) for row in rows) else 0
    if width == _CONLLU_COLUMNS and word == 1:
        if task in ("ner", "nested"):
            return ColumnFormat(word=1, tag=_MISC, scheme="BIO", misc_key="NER")
        return ColumnFormat(word=1, tag=4 if task == "xpos" else 3, scheme=None)
    tagged = [place for place in range(width) if place != word and all(_TAG.fullmatch(row[place]) for row in rows)]
    if task not in ("ner", "nested") or not tagged:
        return ColumnFormat(word=word, tag=width - 1, scheme=None, tabs=tabs)
    chosen = tagged if task == "nested" else tagged[-1:]
    draft = ColumnFormat(word=word, tag=chosen[0], scheme="BIO", tabs=tabs, layers=tuple(chosen[1:]))
    cells = [[draft.cells(one.lines[place]) for place in one.words(indexed=draft.indexed)] for one in sample]
    tags = [[row[place] for row in sentence if len(row) == width] for sentence in cells for place in chosen]
    return replace(draft, scheme=guess_scheme(tags))


def read_columns(file: SourceFile, columns: ColumnFormat) -> Iterator[Document]:
    """The sentences of a column file.

    Args:
        file: The file.
        columns: How to read it; see `guess_format`.

    Yields:
        A document a sentence: text, words, `columns["tag"]`, and spans where the tags are of a scheme. Words are joined
        by blanks, but for Han characters, `SpaceAfter=No`, and where a `# text` line says how.

    Raises:
        InputError: A line with too few columns; names file and line.
    """
    needed = max(columns.word, *columns.tag_columns)
    for sentence in _sentences(file):
        places = sentence.words(indexed=columns.indexed)
        if not places:
            continue
        words, tags, glued = [], [], []
        for place in places:
            cells = columns.cells(sentence.lines[place])
            if len(cells) <= needed:
                raise InputError(
                    "too few columns",
                    where=f"{file.path}:{sentence.first + place}",
                    got=repr(sentence.lines[place]),
                    expected=f"at least {needed + 1}",
                )
            words.append(cells[columns.word])
            tags.append(columns.tags(cells))
            glued.append(len(cells) == _CONLLU_COLUMNS and "SpaceAfter=No" in cells[_MISC].split("|"))
        text, spans = _text_of(words, glued, sentence.lines)
        layers = list(zip(*tags, strict=True))
        entities = None
        if columns.scheme is not None:
            found = {span for layer in layers for span in decode_tags(layer, columns.scheme)}
            entities = tuple(
                Span(start=spans[start].start, end=spans[end - 1].end, label=label)
                for start, end, label in sorted(found, key=lambda span: (span[0], -span[1], span[2]))
            )
        yield Document(
            id=f"{file.name}:{sentence.first + places[0]}",
            text=text,
            words=tuple(spans),
            spans=entities,
            columns=dict(zip(columns.tag_names, layers, strict=True)),
            meta={"lines": sentence.lines, "format": columns},
        )


def _text_of(words: Sequence[str], glued: Sequence[bool], lines: Sequence[str]) -> tuple[str, list[Span]]:
    stated = next((line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")), None)
    if stated is not None:
        found = _find(words, stated)
        if found is not None:
            return stated, found
    text = ""
    spans = []
    for place, word in enumerate(words):
        han = place > 0 and bool(_UNSPACED.match(words[place - 1][-1:]) and _UNSPACED.match(word[:1]))
        if place and not glued[place - 1] and not han:
            text += " "
        spans.append(Span(start=len(text), end=len(text) + len(word)))
        text += word
    return text, spans


def _find(words: Sequence[str], text: str) -> list[Span] | None:
    """The words one after another in a text, with nothing but white space between; None where they are not there."""
    spans, position = [], 0
    for word in words:
        start = text.find(word, position)
        if start < 0 or text[position:start].strip():
            return None
        spans.append(Span(start=start, end=start + len(word)))
        position = start + len(word)
    return spans


def lines_of_words(document: Document) -> list[int]:
    """Which of its raw lines (`meta["lines"]`) each word of a document from columns stands in."""
    columns: ColumnFormat = document.meta["format"]
    return _Sentence(first=1, lines=tuple(document.meta["lines"])).words(indexed=columns.indexed)


def column_lines(documents: Iterable[Document], *, scheme: Scheme | None = None, layers: int = 1) -> Iterator[str]:
    """Lines of a column file; documents that came from one keep all their other cells and comments.

    Args:
        documents: Sentences with words, and spans or else tags in `columns["tag"]`.
        scheme: How spans are written; None is the scheme that a document came in, and BIO for documents from elsewhere.
        layers: Columns of tags for documents from elsewhere, after the one of the words.

    Raises:
        InputError: What columns cannot hold: see `layers_of`.
    """
    last = ""
    for document in documents:
        columns = document.meta.get("format")
        if last.strip():
            yield ""
        lines = (
            _rewritten(document, columns, scheme or columns.scheme)
            if isinstance(columns, ColumnFormat)
            else _new_lines(document, scheme or "BIO", layers)
        )
        yield from lines
        last = lines[-1]


def _rewritten(document: Document, columns: ColumnFormat, scheme: Scheme | None) -> list[str]:
    lines = list(document.meta["lines"])
    places = lines_of_words(document)
    before = [columns.tags(columns.cells(lines[place])) for place in places]
    if columns.scheme is None or scheme is None or document.spans is None:
        after = list(zip(*(document.columns[name] for name in columns.tag_names), strict=True))
    else:
        own = columns.scheme
        read = {span for layer in zip(*before, strict=True) for span in decode_tags(layer, own)}
        if scheme == own and read == word_spans(document):
            return lines  # tags that were repaired on reading stay as they were
        after = list(zip(*layers_of(document, scheme, len(columns.tag_columns)), strict=True))
    for place, old, new in zip(places, before, after, strict=True):
        if new != old:
            lines[place] = columns.with_tags(lines[place], new)
    return lines


def _new_lines(document: Document, scheme: Scheme, layers: int) -> list[str]:
    if document.spans is not None:
        columns = layers_of(document, scheme, layers)
    elif "tag" in document.columns:
        columns = [list(document.columns["tag"])]
    else:
        raise InputError("neither spans nor tags to write in columns", where=place_of(document))
    words = [document.text[word.start : word.end] for word in document.words or ()]
    if any(re.search(r"[\t\r\n]", word) for word in words):
        raise InputError("a word holds a tab or a line break", where=place_of(document))
    lines = ["\t".join(cells) for cells in zip(words, *columns, strict=True)]
    joined, _ = _text_of(words, [False] * len(words), ())
    if joined != document.text and not re.search(r"[\t\r\n]", document.text) and _find(words, document.text):
        lines.insert(0, f"# text = {document.text}")
    return [*lines, ""]


def write_columns(
    documents: Iterable[Document], target: Path, *, scheme: Scheme | None = None, layers: int = 1
) -> None:
    """Writes a column file, whole or not at all: see `column_lines`."""
    write_atomically(target, "".join(line + "\n" for line in column_lines(documents, scheme=scheme, layers=layers)))
