"""Column files of labelled words: CoNLL style with 2 to 14 columns, and CoNLL-U; one sentence is one Document.

    EU      B-ORG          # text = He left.
    rejects O              1  He    he    PRON  PRP ...
    .       O              2  left  leave VERB  VBD ...

Spans that nest are in several columns of tags, the layers: `columns["tag"]` of a Document is the first, `"tag2"` the
next, and its spans are those of all. The raw lines of a sentence are kept as its origin, so that writing
changes only the cells of tags and everything that is not interpreted comes back byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.tagging import Scheme, decode_tags
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.column_format import (
    CONLLU_COLUMNS,
    DOCUMENT_START,
    MISC,
    ColumnFormat,
    Sentence,
    are_columns,
    begins_text,
    guess_format,
    sentences,
)
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.io.files import SourceFile, write_lines
from spanbert.corpus.text.word_tags import layers_of, word_spans
from spanbert.corpus.text.words import text_of_words, with_words, words_within

_SUFFIXES = (".conll", ".tsv", ".bio", ".iob", ".iob2", ".conllu", ".bmes")


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnOrigin:
    """How the columns of a sentence were read, and its raw lines; none where it came as lists of words and tags."""

    format: ColumnFormat
    lines: tuple[str, ...] = ()


def format_of(document: Document) -> ColumnFormat | None:
    """How the columns of a document were read; None where it came from elsewhere."""
    return document.origin.format if isinstance(document.origin, ColumnOrigin) else None


def read_columns(file: SourceFile, columns: ColumnFormat) -> Iterator[Document]:
    """The sentences of a column file.

    Args:
        file: The file.
        columns: How to read it; see `guess_format`.

    Yields:
        A document a sentence: text, words, `columns["tag"]`, and spans where the tags are of a scheme. Words are joined
        by blanks, except for Han characters, `SpaceAfter=No`, and sentences with a `# text` line.

    Raises:
        InputError: A line with too few columns; names file and line.
    """
    needed = max(columns.word, *columns.tag_columns)
    for sentence in sentences(file):
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
            glued.append(len(cells) == CONLLU_COLUMNS and "SpaceAfter=No" in cells[MISC].split("|"))
        text, spans = text_of_sentence(words, glued, sentence.lines)
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
            sentences=((0, len(words)),),
            origin=ColumnOrigin(format=columns, lines=sentence.lines),
        )


def text_of_sentence(words: Sequence[str], glued: Sequence[bool], lines: Sequence[str]) -> tuple[str, list[Span]]:
    """The text that a sentence's comments state, where its words are in it, else the words joined; and their places."""
    stated = next((line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")), None)
    if stated is not None:
        found = words_within(words, stated)
        if found is not None:
            return stated, found
    return text_of_words(words, glued=glued)


def lines_of_words(document: Document) -> list[int]:
    """The raw line of each word of a document from columns."""
    origin = _origin(document)
    return Sentence(first=1, lines=origin.lines).words(indexed=origin.format.indexed)


def starts_of(document: Document) -> list[str]:
    """The `-DOCSTART-` lines before a document from columns, with the blank line after each."""
    lines = document.origin.lines if isinstance(document.origin, ColumnOrigin) else ()
    return [one for line in lines if line.startswith(DOCUMENT_START) for one in (line, "")]


def with_lines(document: Document, lines: Sequence[str]) -> Document:
    """A document from columns with other raw lines, which are then what is written back."""
    return replace(document, origin=replace(_origin(document), lines=tuple(lines)))


def raw_lines(document: Document) -> list[str]:
    """The raw lines of a document from columns."""
    return list(_origin(document).lines)


def _origin(document: Document) -> ColumnOrigin:
    assert isinstance(document.origin, ColumnOrigin)
    return document.origin


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
        columns = format_of(document)
        if last.strip():
            yield ""
        lines = (
            _rewritten(document, columns, scheme or columns.scheme)
            if columns is not None
            else _new_lines(document, scheme or "BIO", layers)
        )
        yield from lines
        last = lines[-1]


def _rewritten(document: Document, columns: ColumnFormat, scheme: Scheme | None) -> list[str]:
    lines = raw_lines(document)
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
    elif TAGS in document.columns:
        columns = [list(document.columns[TAGS])]
    else:
        raise InputError("neither spans nor tags to write in columns", where=document.place)
    words = [document.text[word.start : word.end] for word in document.words or ()]
    if any(re.search(r"[\t\r\n]", word) for word in words):
        raise InputError("a word holds a tab or a line break", where=document.place)
    lines = ["\t".join(cells) for cells in zip(words, *columns, strict=True)]
    joined, _ = text_of_sentence(words, [False] * len(words), ())
    if joined != document.text and not re.search(r"[\t\r\n]", document.text) and words_within(words, document.text):
        lines.insert(0, f"# text = {document.text}")
    return [*lines, ""]


def write_columns(
    documents: Iterable[Document], target: Path, *, scheme: Scheme | None = None, layers: int = 1
) -> None:
    """Writes a column file, whole or not at all: see `column_lines`."""
    write_lines(target, column_lines(documents, scheme=scheme, layers=layers))


def _detect(beginning: Beginning) -> bool:
    if beginning.is_parquet or beginning.is_json:
        return False
    return beginning.file.kind in (*_SUFFIXES, ".txt") or (
        beginning.file.kind not in (".json", ".jsonl") and beginning.line != ""
    )


def _marks(beginning: Beginning) -> bool:
    """Whether a file that might be plain text is no text: words with tags."""
    is_other = beginning.is_parquet or beginning.is_json or beginning.line.startswith(("#begin document", "#FORMAT="))
    return not is_other and are_columns(beginning.first_lines)


def _resolve(file: SourceFile, settings: ReadSettings) -> ReadSettings:
    layer = "ner" if settings.layer == "auto" else settings.layer
    columns = guess_format(file, task=layer)
    may_lack_entities = settings.layer == "auto" and columns.misc_key is not None  # CoNLL-U need not have any
    if may_lack_entities and not any(document.spans for document in read_columns(file, columns)):
        columns = guess_format(file, task="upos")
    return replace(settings, columns=columns)


def _write(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    write_columns(map(with_words, documents), target, scheme=settings.scheme, layers=settings.layers)


def _begins_text(document: Document) -> bool:
    """Whether a line before the sentence's words says that a text begins."""
    return any(begins_text(line) for line in raw_lines(document)[: lines_of_words(document)[0]])


FORMAT = Format(
    name="columns",
    title="columns of words and tags",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    resolve=_resolve,
    read=lambda file, settings, on_broken: read_columns(file, settings.columns_as(ColumnFormat)),
    describe=lambda file, settings: str(settings.columns_as(ColumnFormat)),
    write=_write,
    begins=_begins_text,
    suffixes=_SUFFIXES,
    marks=_marks,
    writes_tags=True,
)
