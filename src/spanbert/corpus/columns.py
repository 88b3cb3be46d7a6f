"""Column files of labelled words: CoNLL style with 2 to 14 columns, and CoNLL-U; one sentence is one Document.

    EU      B-ORG          # text = He left.
    rejects O              1  He    he    PRON  PRP ...
    .       O              2  left  leave VERB  VBD ...

The raw lines of a sentence go along in `meta["lines"]`, so that writing changes the cells of tags alone and everything
that is not interpreted comes back byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spanbert.core.characters import UNSPACED
from spanbert.core.errors import InputError
from spanbert.core.tagging import Scheme, decode_tags, encode_tags, guess_scheme
from spanbert.core.types import Document, Span
from spanbert.corpus.files import ByteCounter, SourceFile, decode_line, read_lines

_TAG = re.compile(r"O|[BIESMLU]-\S+")
_INDEX = re.compile(r"\d+")
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
        scheme: How spans are written; None where tags are one a word (parts of speech).
        misc_key: The tags are the values of this key in CoNLL-U's MISC column.
        tabs: Cells end at tabs, else at blanks.
    """

    word: int
    tag: int
    scheme: Scheme | None
    misc_key: str | None = None
    tabs: bool = True

    def cells(self, line: str) -> list[str]:
        """The cells of a line."""
        return line.split("\t") if self.tabs else line.split()

    def tag_of(self, cells: Sequence[str]) -> str:
        """The tag of a word from its cells."""
        if self.misc_key is None:
            return cells[self.tag]
        values = dict(part.partition("=")[::2] for part in cells[_MISC].split("|"))
        return values.get(self.misc_key, "O")

    def with_tag(self, line: str, tag: str) -> str:
        """The line with another tag; everything else as it was."""
        if self.misc_key is not None:
            cells = line.split("\t")
            kept = [part for part in cells[_MISC].split("|") if part not in ("", "_")]
            kept = [part for part in kept if part.partition("=")[0] != self.misc_key]
            kept += [f"{self.misc_key}={tag}"] if tag != "O" else []
            return "\t".join([*cells[:_MISC], "|".join(kept) or "_"])
        if self.tabs:
            cells = line.split("\t")
            return "\t".join([*cells[: self.tag], tag, *cells[self.tag + 1 :]])
        cell = list(re.finditer(r"\S+", line))[self.tag]
        return line[: cell.start()] + tag + line[cell.end() :]


@dataclass(frozen=True, kw_only=True)
class _Sentence:
    """Raw lines of one sentence, the blank ones after it included, and the number of the first."""

    first: int
    lines: tuple[str, ...]

    def words(self) -> list[int]:
        """Which of the lines hold a word."""
        return [place for place, line in enumerate(self.lines) if _is_word(line)]


def _is_word(line: str) -> bool:
    if not line.strip() or line.startswith(_DOCUMENT_START):
        return False
    if line.startswith("#") and "\t" not in line and (line.startswith("# ") or len(line.split()) < 2):
        return False
    return not _SKIPPED_INDEX.fullmatch(line.split(maxsplit=1)[0])


def _sentences(file: SourceFile) -> Iterator[_Sentence]:
    lines: list[str] = []
    first = 1
    for number, raw in read_lines(file, ByteCounter()):
        line = decode_line(raw, f"{file.path}:{number}", first=number == 1)
        if lines and line.strip() and not lines[-1].strip() and any(_is_word(one) for one in lines):
            yield _Sentence(first=first, lines=tuple(lines))
            first, lines = number, []
        lines.append(line)
    if lines:
        yield _Sentence(first=first, lines=tuple(lines))


def guess_format(file: SourceFile, *, task: str = "ner") -> ColumnFormat:
    """How a file's columns are to be read.

    Args:
        file: Its first 2,000 sentences are looked at.
        task: `ner` prefers columns of BIO-like tags, `pos` the universal tags of CoNLL-U.

    Raises:
        InputError: No words, or fewer than two columns.
    """
    sample = []
    for sentence in _sentences(file):
        sample.append(sentence)
        if len(sample) == _SAMPLE:
            break
    lines = [sentence.lines[place] for sentence in sample for place in sentence.words()]
    if not lines:
        raise InputError("no labelled words", where=str(file.path), expected="a word and its tag a line")
    tabs = any("\t" in line for line in lines)
    rows = [line.split("\t") if tabs else line.split() for line in lines]
    width = len(rows[0])
    if width < 2:
        raise InputError("one column", where=f"{file.path}:{sample[0].first}", expected="a word and its tag a line")
    rows = [row for row in rows if len(row) == width]  # a line that differs is an error when it is read
    word = 1 if width > 2 and all(_INDEX.fullmatch(row[0]) for row in rows) else 0
    conllu = width == _CONLLU_COLUMNS and word == 1
    if conllu and task == "ner":
        return ColumnFormat(word=1, tag=_MISC, scheme="BIO", misc_key="NER")
    if conllu:
        return ColumnFormat(word=1, tag=3, scheme=None)
    tagged = [place for place in range(width) if place != word and all(_TAG.fullmatch(row[place]) for row in rows)]
    if task == "ner" and tagged:
        draft = ColumnFormat(word=word, tag=tagged[-1], scheme="BIO", tabs=tabs)
        cells = [[draft.cells(one.lines[place]) for place in one.words()] for one in sample]
        tags = [[row[draft.tag] for row in sentence if len(row) == width] for sentence in cells]
        return ColumnFormat(word=word, tag=tagged[-1], scheme=guess_scheme(tags), tabs=tabs)
    return ColumnFormat(word=word, tag=width - 1, scheme=None, tabs=tabs)


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
    for sentence in _sentences(file):
        places = sentence.words()
        if not places:
            continue
        words, tags, glued = [], [], []
        for place in places:
            cells = columns.cells(sentence.lines[place])
            needed = max(columns.word, columns.tag)
            if len(cells) <= needed:
                raise InputError(
                    "too few columns",
                    where=f"{file.path}:{sentence.first + place}",
                    got=repr(sentence.lines[place]),
                    expected=f"at least {needed + 1}",
                )
            words.append(cells[columns.word])
            tags.append(columns.tag_of(cells))
            glued.append(len(cells) == _CONLLU_COLUMNS and "SpaceAfter=No" in cells[_MISC].split("|"))
        text, spans = _text_of(words, glued, sentence.lines)
        entities = None
        if columns.scheme is not None:
            entities = tuple(
                Span(start=spans[start].start, end=spans[end - 1].end, label=label)
                for start, end, label in decode_tags(tags, columns.scheme)
            )
        yield Document(
            id=f"{file.name}:{sentence.first + places[0]}",
            text=text,
            words=tuple(spans),
            spans=entities,
            columns={"tag": tuple(tags)},
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


def tags_of(document: Document, scheme: Scheme) -> list[str]:
    """The tags of a document's spans on its words.

    Raises:
        InputError: No words, spans that overlap, or one that begins or ends inside a word.
    """
    if document.words is None:
        raise InputError("no words to put tags on", where=document.id)
    begins = {word.start: place for place, word in enumerate(document.words)}
    ends = {word.end: place + 1 for place, word in enumerate(document.words)}
    spans = []
    for span in document.spans or ():
        if span.start not in begins or span.end not in ends:
            raise InputError(
                "a span begins or ends inside a word",
                where=document.id,
                got=f"{span.start}..{span.end} {document.text[span.start : span.end]!r}",
            )
        spans.append((begins[span.start], ends[span.end], span.label or ""))
    try:
        return encode_tags(spans, len(document.words), scheme)
    except ValueError as error:
        raise InputError("spans that one column of tags cannot hold", where=document.id, got=str(error)) from None


def column_lines(documents: Iterable[Document], *, scheme: Scheme = "BIO") -> Iterator[str]:
    """Lines of a column file; documents that came from one keep all their other cells and comments.

    Args:
        documents: Sentences with words and spans (or `columns["tag"]` where there are no spans).
        scheme: How spans of documents from elsewhere are written, in two columns.
    """
    for document in documents:
        columns = document.meta.get("format")
        if not isinstance(columns, ColumnFormat):
            tags = tags_of(document, scheme) if document.spans is not None else list(document.columns["tag"])
            assert document.words is not None
            words = [document.text[word.start : word.end] for word in document.words]
            yield from (f"{word}\t{tag}" for word, tag in zip(words, tags, strict=True))
            yield ""
            continue
        lines = list(document.meta["lines"])
        before = document.columns["tag"]
        if columns.scheme is None or document.spans is None:
            tags = list(before)
        else:
            tags = tags_of(document, columns.scheme)
            same = decode_tags(tags, columns.scheme) == decode_tags(before, columns.scheme)
            tags = list(before) if same else tags  # tags that were repaired on reading stay as they were
        places = _Sentence(first=1, lines=tuple(lines)).words()
        for place, tag, old in zip(places, tags, before, strict=True):
            if tag != old:
                lines[place] = columns.with_tag(lines[place], tag)
        yield from lines


def write_columns(documents: Iterable[Document], target: Path, *, scheme: Scheme = "BIO") -> None:
    """Writes a column file: see `column_lines`."""
    with target.open("w", encoding="utf-8", newline="\n") as stream:
        for line in column_lines(documents, scheme=scheme):
            stream.write(line + "\n")
