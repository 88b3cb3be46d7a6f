"""Labelled texts, alone or in pairs, from tables and JSON lines: which columns hold what, and the Documents.

sentence           label        {"sentence1": "A dog barks", "sentence2": "An animal is heard", "label": 1}
a dull film        0            gj04   1      The boat sank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Literal, NoReturn

from spanbert.core.errors import InputError, nearest
from spanbert.core.types import Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.column_guess import KNOWN_NAMES, Roles, are_numbers, roles_of_content, roles_of_names
from spanbert.corpus.formats.families import LABELLED
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.corpus.formats.labelled_write import write_labelled
from spanbert.corpus.io.files import ByteCounter, OnBroken, SourceFile, raise_broken, readable, text_lines
from spanbert.corpus.io.tables import (
    NAME_COLUMNS,
    delimited_records,
    delimited_rows,
    json_records,
    numbered,
    parquet_records,
    require_one_column,
)

KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
_SAMPLE = 1000
_EXPECTED = '{"text": ..., "label": ...}, one object a line'


def guess_labelled(
    file: SourceFile, *, text: str | None = None, pair: str | None = None, label: str | None = None
) -> LabelledColumns:
    """Which columns hold the text and its label: those that the user named, else by their names, else by their content.

    Args:
        file: A .csv, .tsv, .jsonl, .json (an object a line) or .parquet file; its first 1,000 rows are looked at.
        text: The user's name for the column of the text.
        pair: Of the second text.
        label: Of the label.

    Raises:
        InputError: No such column, no rows, or nothing that decides; names the columns there are.
    """
    given = Roles(text=text, pair=pair, label=label)
    names, rows, header = _sample(file, given)
    if not rows:
        raise InputError("no rows", where=str(file.path))
    for name in given.names():
        require_one_column(name, names, where=str(file.path), got=_listed(names, header), remedy=nearest(name, names))
    named = roles_of_names(names, given) if header else given
    roles = named
    if named.text is None or (named.label is None and not (header and named.names())):
        found = roles_of_content(names, rows, named)
        if found is None:
            _undecided(file, names, header)
        roles = found
    if roles.text is None:
        _undecided(file, names, header)
    guessed: Literal["header", "content"] | None = None
    if roles != given:
        guessed = "header" if roles == named else "content"
    return LabelledColumns(text=roles.text, pair=roles.pair, label=roles.label, header=header, guessed=guessed)


def _undecided(file: SourceFile, names: Sequence[str], header: bool) -> NoReturn:
    raise InputError(
        "cannot tell which columns hold the text and its label",
        where=str(file.path),
        got=_listed(names, header),
        remedy=NAME_COLUMNS,
    )


def _listed(names: Sequence[str], header: bool) -> str:
    return ("columns " if header else "no header; columns ") + ", ".join(names)


def _sample(file: SourceFile, given: Roles) -> tuple[list[str], list[list[str]], bool]:
    """The names of the columns, the first rows, and whether the file has these names; broken rows are left out."""
    broken: list[InputError] = []
    if file.kind in (".csv", ".tsv"):
        table = [row for _, row in islice(delimited_rows(file, text_lines(file), broken.append), _SAMPLE + 1)]
        if broken and not table:
            raise broken[0]
        header = bool(table) and _is_header(table, given)
        names = table[0] if header else numbered(table[0] if table else [])
        return names, [row for row in table[header:] if len(row) == len(names)], header
    records = [record for _, record in islice(_named_records(file, None, broken.append), _SAMPLE)]
    if broken and not records:
        raise broken[0]
    names = list(dict.fromkeys(name for record in records for name in record))
    return names, [[_plain(record.get(name)) for name in names] for record in records], True


def _is_header(table: Sequence[Sequence[str]], given: Roles) -> bool:
    """Whether the first row holds names: one that the user gave, one known and no value too, or one above numbers."""
    first, rest = table[0], [row for row in table[1:] if len(row) == len(table[0])]
    if any(name in first and not name.isdecimal() for name in given.names()):
        return True
    for place, cell in enumerate(first):
        below = [row[place] for row in rest]
        if (cell.strip().lower() in KNOWN_NAMES and cell not in below) or (
            cell.strip() and not are_numbers([cell]) and are_numbers(below)
        ):
            return True
    return False


def _plain(value: object) -> str:
    """A value as a cell of the sample; what is neither text nor number looks empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return str(value).lower() if isinstance(value, bool) else ""
    return str(value)


def read_labelled(
    file: SourceFile, columns: LabelledColumns, on_broken: OnBroken | None = None, *, fields: bool = False
) -> Iterator[Document]:
    """The labelled texts of a file, streaming.

    Args:
        file: The file.
        columns: What is where; see `guess_labelled`.
        on_broken: Called with the error of each unusable row, which is then left out; None: the error is raised.
        fields: Keep all cells as `Document.fields`.

    Yields:
        A document a row: `labels` None where the cell of the label is empty, `pair` with the second text, and `where`
        with file and line. A JSON list of labels, or a cell split by `columns.separator`, is several
        labels; numbers are written as Python writes them, booleans as `true` and `false`.

    Raises:
        InputError: A row of another number of columns, no JSON object, no text, a value of a wrong type, not UTF-8;
            names file and line.
    """
    tell = on_broken or raise_broken
    records = (
        delimited_records(file, text_lines(file), _checker(columns), tell, header=columns.header)
        if file.kind in (".csv", ".tsv")
        else _named_records(file, columns, tell, every=fields)
    )
    for number, record in records:
        make = partial(_document, record, columns, f"{file.path}:{number}", f"{file.name}:{number}")
        for document in readable(make, on_broken):
            yield replace(document, fields=record) if fields else document


def _document(record: Mapping[str, Any], columns: LabelledColumns, where: str, default_id: str) -> Document:
    identity = record.get("id")
    return Document(
        id=default_id if identity in (None, "") else str(identity),
        text=_text(record, columns.text, where),
        pair=None if columns.pair is None else _text(record, columns.pair, where),
        labels=None if columns.label is None else _labels(record.get(columns.label), columns, where),
        where=where,
    )


def _checker(columns: LabelledColumns) -> Callable[[Sequence[str], str], None]:
    """Refuses a table in which a column of the format is missing or occurs twice."""

    def check(names: Sequence[str], where: str) -> None:
        for name in columns.columns:
            require_one_column(name, names, where=where, got=_listed(names, columns.header), remedy=NAME_COLUMNS)

    return check


def _named_records(
    file: SourceFile, columns: LabelledColumns | None, on_broken: OnBroken, *, every: bool = False
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Records of JSON lines or Parquet; all of a Parquet file's columns where no format says which are needed."""
    if file.kind == ".parquet":

        def choose(schema: Any) -> list[str]:
            if columns is None:
                return list(schema.names)
            _checker(columns)(schema.names, str(file.path))
            return [name for name in schema.names if every or name == "id" or name in columns.columns]

        yield from parquet_records(file, choose, ByteCounter())
        return
    if file.kind not in KINDS:
        raise InputError(
            "no reader of labelled texts for this kind of file",
            where=str(file.path),
            got=file.kind or "no suffix",
            expected=", ".join(KINDS),
        )
    yield from json_records(file, _EXPECTED, on_broken)


def _text(record: Mapping[str, Any], name: str, where: str) -> str:
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name!r} is not a text", where=where, got=type(value).__name__)
    if value is None or not value.strip():
        got = "an empty one" if name in record else f"columns {', '.join(record)}"
        raise InputError(f"no text in {name!r}", where=where, got=got, remedy="Leave such rows out")
    return value


def _labels(value: object, columns: LabelledColumns, where: str) -> tuple[str, ...] | None:
    if isinstance(value, list):
        return tuple(_label(one, where) for one in value)
    if value is None or value != value or (isinstance(value, str) and not value.strip()):  # NaN is how tables say None
        return None
    if isinstance(value, str) and columns.separator is not None:
        return tuple(part.strip() for part in value.split(columns.separator) if part.strip())
    return (_label(value, where),)


def _label(value: object, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise InputError(
        "a label is neither text nor number", where=where, got=type(value).__name__, expected="text, a number or a list"
    )


def _is_likely(beginning: Beginning) -> bool:
    """Whether columns with names of texts and of labels are there, and no lists of anything but labels."""
    record = beginning.record
    names = re.split(r"[,;\t]", beginning.line.strip()) if record is None else list(record)
    roles = roles_of_names([name.strip('"') for name in names], Roles())
    if roles.text is None or roles.label is None:
        return False
    value = None if record is None else record[roles.label]
    return all(isinstance(one, str | int | float | None) for one in (value if isinstance(value, list) else [value]))


def _resolve(file: SourceFile, settings: ReadSettings) -> ReadSettings:
    columns = guess_labelled(file, text=settings.text_column, pair=settings.pair_column, label=settings.label_column)
    return replace(settings, columns=replace(columns, separator=settings.separator))


FORMAT = Format(
    name="labelled",
    title="a table or JSON lines of labelled texts",
    family=LABELLED,
    holds=frozenset({"labels"}),
    detect=lambda beginning: True,  # the last of its family, which says what is wrong
    likely=_is_likely,
    resolve=_resolve,
    read=lambda file, settings, on_broken: read_labelled(
        file, settings.columns_as(LabelledColumns), on_broken, fields=settings.keep_fields
    ),
    describe=lambda file, settings: str(settings.columns_as(LabelledColumns)),
    write=lambda documents, target, settings: write_labelled(documents, target),
    suffixes=(".csv", ".tsv", ".parquet"),
)
