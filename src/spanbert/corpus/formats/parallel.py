"""Texts with their translations, in tables and JSON lines.

He left early.	Er ging früh.          {"text": "He left early.", "target": "Er ging früh."}
                                       {"translation": {"en": "He left early.", "de": "Er ging früh."}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError, nearest
from spanbert.core.types import Document
from spanbert.corpus.formats.families import TRANSLATIONS
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.formats.parallel_columns import ParallelColumns
from spanbert.corpus.io.files import (
    ByteCounter,
    OnBroken,
    SourceFile,
    raise_broken,
    readable,
    text_lines,
    write_lines,
)
from spanbert.corpus.io.tables import (
    delimited_line,
    delimited_records,
    delimited_rows,
    json_records,
    numbered,
    parquet_records,
    require_one_column,
    table_suffix,
)

KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
_SOURCES = ("text", "source", "src", "source_text", "sentence", "input")
_TARGETS = (
    *("target", "tgt", "target_text", "translation", "translated", "reference", "output"),
    *("label", "labels"),  # of Doccano, as lists of one text
)
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")
_NESTED = "translation"  # the field under which sets of the Hugging Face hub have a text in each language
_EXPECTED = '{"text": ..., "target": ...} or {"translation": {"en": ..., "de": ...}}, one object a line'
_REMEDY = "Name them with --text-column and --target-column"
_SAMPLE = 20
_DELIMITER = {".csv": ",", ".tsv": "\t"}


def guess_parallel(file: SourceFile, *, text: str | None, target: str | None) -> ParallelColumns:
    """Which columns hold the text and its translation: those that the user named, else by their names or places.

    Args:
        file: A .csv, .tsv, .jsonl, .json (an object a line) or .parquet file; its beginning is looked at.
        text: The user's name for the column of the text; a language where there is a text in each language.
        target: For that of the translation.

    Raises:
        InputError: No such column, no rows, or nothing that decides; names the columns there are.
    """
    names, header = _names(file, text, target)
    listed = ("columns " if header else "no header; columns ") + ", ".join(names)
    for given in (text, target):
        if given is not None:
            require_one_column(given, names, where=str(file.path), got=listed, remedy=nearest(given, names))
    left = [name for name in names if name not in (text, target) and name != "id"]
    found_text = text or _known(left, _SOURCES)
    found_target = target or _known([name for name in left if name != found_text], _TARGETS)
    by_name = found_text is not None and found_target is not None
    left = [name for name in left if name not in (found_text, found_target)]
    if found_text is None and 0 < len(left) == (1 if found_target is not None else min(2, len(names))):
        found_text = left.pop(0)
    if found_text is not None and found_target is None and len(left) == 1:
        found_target = left[0]
    if found_text is None or (found_target is None and left):
        raise InputError(
            "cannot tell which columns hold the text and its translation",
            where=str(file.path),
            got=listed,
            remedy=_REMEDY,
        )
    stated = text is not None and (target is not None or found_target is None)
    guessed = None if stated else "header" if by_name and header else "places"
    return ParallelColumns(text=found_text, target=found_target, header=header, guessed=guessed)  # type: ignore[arg-type]


def _known(names: Sequence[str], known: Sequence[str]) -> str | None:
    by_name = {name.strip().lower(): name for name in names}
    return next((by_name[one] for one in known if one in by_name), None)


def _names(file: SourceFile, text: str | None, target: str | None) -> tuple[list[str], bool]:
    """The names of the columns, and whether the file has these names."""
    if file.kind not in KINDS:
        raise InputError(
            "no reader of translations for this kind of file",
            where=str(file.path),
            got=file.kind or "no suffix",
            expected=", ".join((*KINDS, ".tmx")) + ", or two files line by line",
        )
    if file.kind in (".csv", ".tsv"):
        broken: list[InputError] = []
        rows = [row for _, row in islice(delimited_rows(file, text_lines(file), broken.append), 1)]
        if not rows:
            raise broken[0] if broken else InputError("no rows", where=str(file.path))
        header = _is_header(rows[0], text, target)
        return (rows[0] if header else numbered(rows[0])), header
    records = [record for _, record in islice(_records(file, None, raise_broken), _SAMPLE)]
    if not records:
        raise InputError("no rows", where=str(file.path))
    return list(dict.fromkeys(name for record in records for name in record)), True


def _is_header(row: Sequence[str], text: str | None, target: str | None) -> bool:
    """Whether a row holds names: one that the user gave, a known one, or a language in every cell."""
    cells = [cell.strip() for cell in row]
    if any(given in cells and not given.isdecimal() for given in (text, target) if given is not None):
        return True
    known = any(cell.lower() in (*_SOURCES, *_TARGETS) for cell in cells)
    return known or (len(set(cells)) > 1 and all(_LANGUAGE.fullmatch(cell) for cell in cells))


def _records(
    file: SourceFile, columns: ParallelColumns | None, on_broken: OnBroken, *, every: bool = False
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Records of JSON lines or Parquet, a text in each language among the other fields."""
    if file.kind == ".parquet":

        def choose(schema: Any) -> list[str]:
            wanted = None if columns is None or every else {"id", _NESTED, columns.text, columns.target}
            return [name for name in schema.names if wanted is None or name in wanted]

        yield from ((number, _flat(record)) for number, record in parquet_records(file, choose, ByteCounter()))
        return
    yield from ((number, _flat(record)) for number, record in json_records(file, _EXPECTED, on_broken))


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    languages = record.get(_NESTED)
    if not isinstance(languages, dict):
        return record
    return {**{name: value for name, value in record.items() if name != _NESTED}, **languages}


def read_parallel(
    file: SourceFile, columns: ParallelColumns, on_broken: OnBroken | None = None, *, fields: bool = False
) -> Iterator[Document]:
    """The texts of a file with their translations, streaming; either may be empty.

    Args:
        file: The file.
        columns: What is where; see `guess_parallel`.
        on_broken: Called with the error of each unusable row, which is then left out; None: the error is raised.
        fields: Keep all cells as `Document.fields`.

    Raises:
        InputError: A row of another number of columns, no JSON object, a value that is no text, not UTF-8; names file
            and line.
    """
    tell = on_broken or raise_broken
    rows: Iterator[tuple[int, Mapping[str, Any]]] = (
        delimited_records(file, text_lines(file), lambda names, where: None, tell, header=columns.header)
        if file.kind in (".csv", ".tsv")
        else _records(file, columns, tell, every=fields)
    )
    for number, record in rows:
        make = partial(_document, record, columns, f"{file.path}:{number}", f"{file.name}:{number}")
        for document in readable(make, on_broken):
            yield replace(document, fields=record) if fields else document


def _document(record: Mapping[str, Any], columns: ParallelColumns, where: str, default_id: str) -> Document:
    identity = record.get("id")
    return Document(
        id=default_id if identity in (None, "") else str(identity),
        text=_side(record, columns.text, where) or "",
        target=None if columns.target is None else _side(record, columns.target, where),
        where=where,
    )


def _side(record: Mapping[str, Any], name: str, where: str) -> str | None:
    if name not in record:
        raise InputError(f"no {name!r}", where=where, got=", ".join(record) or "an empty object", expected=_EXPECTED)
    value = record[name]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name!r} is not a text", where=where, got=type(value).__name__)
    return value


def write_parallel(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    """Writes JSON lines, or by the suffix comma- or tab-separated text with a header; whole or not at all.

    Args:
        documents: With translations.
        target: .jsonl, .csv or .tsv.
        settings: Nothing of them applies.

    Raises:
        InputError: A text without a translation, or with a tab or line break where cells are divided by these.
    """
    write_lines(target, _lines(documents, table_suffix(target)))


def _lines(documents: Iterable[Document], suffix: str) -> Iterator[str]:
    if suffix != ".jsonl":
        yield delimited_line(("source", "target"), _DELIMITER[suffix], "")
    for document in documents:
        pair = document.text, required_target(document)
        if suffix == ".jsonl":
            yield json.dumps({"id": document.id, "text": pair[0], "target": pair[1]}, ensure_ascii=False)
            continue
        if suffix == ".tsv":
            require_no(pair, "\t", document)
            require_no(pair, "\n", document)
        yield delimited_line(pair, _DELIMITER[suffix], document.place)


def required_target(document: Document) -> str:
    """The translation of a text.

    Raises:
        InputError: It has none.
    """
    if document.target is None:
        raise InputError("a text without a translation", where=document.place)
    return document.target


def require_no(pair: Sequence[str], character: str, document: Document) -> None:
    """Refuses texts with a character that divides cells or lines.

    Raises:
        InputError: One of them has it.
    """
    if any(character in text for text in pair):
        name = {"\t": "a tab", "\n": "a line break"}[character]
        raise InputError(f"{name} inside a text", where=document.place, remedy="Write JSON lines: a file named .jsonl")


def _resolve(file: SourceFile, settings: ReadSettings) -> ReadSettings:
    return replace(settings, columns=guess_parallel(file, text=settings.text_column, target=settings.target_column))


FORMAT = Format(
    name="parallel",
    title="a table or JSON lines of texts with their translations",
    family=TRANSLATIONS,
    holds=frozenset({"target"}),
    detect=lambda beginning: beginning.file.kind in KINDS,
    resolve=_resolve,
    read=lambda file, settings, on_broken: read_parallel(
        file, settings.columns_as(ParallelColumns), on_broken, fields=settings.keep_fields
    ),
    describe=lambda file, settings: str(settings.columns_as(ParallelColumns)),
    write=write_parallel,
    suffixes=(".csv", ".tsv", ".parquet"),
)
