"""Tables with a word and its tag a row, the sentence in a column of its own, or sentences between blank rows.

Sentence #,Word,POS,Tag
Sentence: 1,Ann,NNP,B-per
,left,VBD,O
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.types import TAGS, Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.column_format import TAG
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.formats.span_records import other_fields
from spanbert.corpus.formats.tagged_words import TaggedOrigin, document_of_tags, scheme_of, words_and_tags
from spanbert.corpus.formats.token_columns import KNOWN_TAGS, WORDS, TokenColumns, choose_columns
from spanbert.corpus.io.files import OnBroken, SourceFile, ignore_broken, readable, text_lines, write_lines
from spanbert.corpus.io.tables import delimited_line, numbered, quoted_rows

_DELIMITERS = (",", "\t", ";")
_SENTENCES = re.compile(r"sent(ence)?s?([ _.-]?(#|id|no|nr|num|number|idx|index))?", re.IGNORECASE)
_ROW = re.compile(r"[^\s,]+,([^\s,]+,)*(O|[BIESMLU]-[^\s,]+)")  # without quotes, which commas in words need
_SAMPLE = 1000
_SENTENCE, _WORD, _NEW_TAG = "sentence_id", "word", TAGS  # columns that are written
_Group = list[tuple[int, dict[str, str]]]  # the rows of a sentence with the numbers of their lines


def _rows(file: SourceFile, delimiter: str) -> Iterator[tuple[int, list[str] | InputError]]:
    """The cells of each row with the number of its last line; no cells where all of them are blank.

    Tabs know no quotes; else a quoted cell may hold the delimiter.
    """
    if delimiter == "\t":
        for number, line in text_lines(file):
            yield number, line.split("\t") if line.strip() else []
        return
    for number, row in quoted_rows(text_lines(file), delimiter, str(file.path)):
        is_blank = not isinstance(row, InputError) and not any(cell.strip() for cell in row)
        yield number, [] if is_blank else row


def _groups(file: SourceFile, columns: TokenColumns, on_broken: OnBroken | None) -> Iterator[_Group]:
    """The rows of each sentence; a sentence with a row that cannot be used is left out."""
    assert columns.delimiter is not None
    names: list[str] | None = None
    group: list[tuple[int, dict[str, str] | InputError]] = []
    current = ""
    for number, cells in _rows(file, columns.delimiter):
        if names is None and cells and not isinstance(cells, InputError):
            names = cells if columns.header else numbered(cells)
            if columns.header:
                continue
        row = _named(cells, names or [], f"{file.path}:{number}")
        name = "" if isinstance(row, InputError) or columns.sentence is None else row.get(columns.sentence, "").strip()
        if group and (not cells or (name and (columns.filled or name != current))):
            yield from readable(partial(_sound, group), on_broken)
            group = []
        if cells:
            group.append((number, row))
            current = name or current
    if group:
        yield from readable(partial(_sound, group), on_broken)


def _named(cells: list[str] | InputError, names: Sequence[str], where: str) -> dict[str, str] | InputError:
    if isinstance(cells, InputError):
        return cells
    if cells and len(cells) != len(names):
        expected = f"{len(names)} ({', '.join(names)})"
        return InputError("a row that does not fit", where=where, got=f"{len(cells)} columns", expected=expected)
    return dict(zip(names, cells, strict=False))


def _sound(group: Sequence[tuple[int, dict[str, str] | InputError]]) -> _Group:
    """The rows of a sentence.

    Raises:
        InputError: That of the first row that cannot be used.
    """
    rows = []
    for number, row in group:
        if isinstance(row, InputError):
            raise row
        rows.append((number, row))
    return rows


def guess_word_table(file: SourceFile, settings: ReadSettings) -> TokenColumns:
    """How to read a table of words: its delimiter, its columns, the scheme of its tags, how sentences are told apart.

    Args:
        file: Its first 1,000 sentences are looked at.
        settings: What the user says of the columns.

    Raises:
        InputError: No rows, or no columns of words and tags; names those that there are.
    """
    where = str(file.path)
    number, first = next(((number, line) for number, line in text_lines(file) if line.strip()), (1, ""))
    delimiter = max(_DELIMITERS, key=first.count)
    names = next((cells for _, cells in _rows(file, delimiter) if cells), [])
    if isinstance(names, InputError):
        raise names
    if len(names) < 2:
        got, expected = repr(first[:60]), "a word and its tag a row"
        raise InputError("one column", where=f"{where}:{number}", got=got, expected=expected)
    given = settings.text_column, settings.label_column
    named = [one for one in given if one is not None]
    counted = bool(named) and all(one.isdecimal() and one not in names for one in named)
    header = not (counted or _is_row_of_words(names)) or any(one in names for one in named)
    if not header:
        names = numbered(names)
        given = given[0] or names[0], given[1] or names[-1]
    words, tags = choose_columns(names, settings.layer, *given, where)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"several columns {twice!r}", where=where, got=f"columns {', '.join(names)}")
    sentence = next((name for name in names if name not in (words, tags) and _SENTENCES.fullmatch(name.strip())), None)
    draft = TokenColumns(words=words, tags=tags, scheme=None, sentence=sentence, delimiter=delimiter, header=header)
    if sentence is not None:
        some = (row for group in islice(_groups(file, draft, ignore_broken), _SAMPLE) for _, row in group)
        draft = replace(draft, filled=any(not row[sentence].strip() for row in some))
    sample = islice(_groups(file, draft, ignore_broken), _SAMPLE)
    return replace(draft, scheme=scheme_of([[row[tags].strip() for _, row in group] for group in sample]))


def _is_row_of_words(cells: Sequence[str]) -> bool:
    """Whether a first row holds a word and its tag, not the names of columns."""
    named = any(cell.strip().lower() in (*WORDS, *KNOWN_TAGS) for cell in cells)
    return not named and bool(TAG.fullmatch(cells[-1].strip()))


def read_word_table(file: SourceFile, columns: TokenColumns, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The sentences of a table of words, streaming.

    Args:
        file: The file.
        columns: How to read it; see `guess_word_table`.
        on_broken: Called with the error of each sentence that cannot be used, which is then left out; None: it is
            raised.

    Yields:
        A document a sentence, with words, `columns["tag"]`, and spans where the tags are of a scheme. Words are joined
        by blanks, except for Han characters.

    Raises:
        InputError: A row that does not fit, a word without a tag or a tag without a word; names file and line.
    """
    for group in _groups(file, columns, on_broken):
        yield from readable(partial(_document, group, columns, file), on_broken)


def _document(group: _Group, columns: TokenColumns, file: SourceFile) -> Document:
    for number, row in group:
        word, tag = row[columns.words].strip(), row[columns.tags].strip()
        if not word or not tag:
            what = "a tag without a word" if tag else "a word without a tag" if word else "neither word nor tag"
            raise InputError(what, where=f"{file.path}:{number}", got=", ".join(row.values()))
    first, row = group[0]
    record = {name: [one[name] for _, one in group] for name in row if name != columns.sentence}
    words, tags = ([cell.strip() for cell in record[name]] for name in (columns.words, columns.tags))
    name = "" if columns.sentence is None else row[columns.sentence].strip()
    place = f"{file.path}:{first}"
    return document_of_tags(record, words, tags, columns, name=name or f"{file.name}:{first}", where=place)


def write_word_table(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    """Writes a row a word, the sentence's id in each; separated by tabs in a .tsv file, else by commas; whole or not.

    Args:
        documents: With words, or texts that are split into words. Further columns of a value a word are kept, if the
            first text has them.
        target: The file.
        settings: The scheme of the tags.

    Raises:
        InputError: A text without annotation, or a word with a tab in a .tsv file.
    """
    write_lines(target, _lines(documents, "\t" if target.suffix.lower() == ".tsv" else ",", settings))


def _lines(documents: Iterable[Document], delimiter: str, settings: WriteSettings) -> Iterator[str]:
    header: list[str] = []
    before = ""
    for given in documents:
        document, words, tags = words_and_tags(given, settings.scheme)
        if tags is None:
            raise InputError("neither spans nor tags to write in a table", where=document.place)
        fields = _fields(document)
        others = {
            name: value
            for name, value in other_fields(document).items()
            if isinstance(value, list) and len(value) == len(words) and all(isinstance(one, str | int) for one in value)
        }
        if not header:
            header = [fields[0], fields[1], *(name for name in others if name not in fields), fields[2]]
            yield delimited_line(header, delimiter, document.place)
        elif document.id == before:
            yield ""
        before = document.id
        kept = [others.get(name, [""] * len(words)) for name in header[2:-1]]
        for cells in zip(words, *kept, tags, strict=True):
            yield delimited_line([document.id, *map(str, cells)], delimiter, document.place)


def _fields(document: Document) -> tuple[str, str, str]:
    """The columns of sentence, word and tag."""
    origin = document.origin
    if isinstance(origin, TaggedOrigin) and origin.columns.delimiter is not None and origin.columns.header:
        return origin.columns.sentence or _SENTENCE, origin.columns.words, origin.columns.tags
    return _SENTENCE, _WORD, _NEW_TAG


def _detect(beginning: Beginning) -> bool:
    return not beginning.is_parquet and (_marks(beginning) or _is_unnamed(beginning))


def _marks(beginning: Beginning) -> bool:
    """Whether the first line names a column of words and one of tags, or all lines are words, commas and tags."""
    if beginning.is_parquet:
        return False
    names = {name.strip().strip('"').lower() for name in _cells(beginning)}
    if not names.isdisjoint(WORDS) and not names.isdisjoint(KNOWN_TAGS):
        return True
    rows = [line.strip() for line in beginning.first_lines if line.strip(", \t")]
    return len(rows) > 1 and all(_ROW.fullmatch(row) for row in rows)


def _is_unnamed(beginning: Beginning) -> bool:
    """A .csv file, or a first line of a word, a comma and a tag of a scheme."""
    line = beginning.line
    cells = _cells(beginning)
    is_json = line.lstrip()[:1] in ("", "[", "{")
    has_commas = "\t" not in line and len(cells) > 1 and " " not in line and _is_row_of_words(cells)
    return not is_json and (beginning.file.kind == ".csv" or has_commas)


def _cells(beginning: Beginning) -> list[str]:
    line = beginning.line.rstrip()
    return line.split(max(_DELIMITERS, key=line.count))


FORMAT = Format(
    name="word-table",
    title="a table with a word and its tag a row",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    resolve=lambda file, settings: replace(settings, columns=guess_word_table(file, settings)),
    read=lambda file, settings, on_broken: read_word_table(file, settings.columns_as(TokenColumns), on_broken),
    describe=lambda file, settings: f"a table of words; {settings.columns_as(TokenColumns)}",
    write=write_word_table,
    marks=_marks,
    writes_tags=True,
)
