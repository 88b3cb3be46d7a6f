"""Tables of raw text: one document a row of a named column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.io.files import ByteCounter, SourceFile
from spanbert.corpus.io.tables import delimited_records, parquet_records, require_one_column


def read_delimited(
    file: SourceFile,
    lines: Iterable[tuple[int, str]],
    text_field: str,
    on_broken: Callable[[InputError], None],
) -> Iterator[Document]:
    """Documents of a comma- or tab-separated file; a quoted field may span lines.

    Args:
        file: `.tsv` is separated by tabs and knows no quotes.
        lines: Its decoded lines with their numbers.
        text_field: The column that holds the text; a column `id` names the document.
        on_broken: Called with the error of each row that does not fit the header.

    Raises:
        InputError: No such column, or several.
    """

    def check(names: list[str], where: str) -> None:
        require_column(names, text_field, where)

    for number, record in delimited_records(file, lines, check, on_broken):
        yield Document(id=record.get("id") or f"{file.name}:{number}", text=record[text_field].rstrip("\n"))


def read_parquet(file: SourceFile, text_field: str, counter: ByteCounter) -> Iterator[Document]:
    """Documents of a Parquet file, a row group in memory at a time.

    Raises:
        InputError: Not Parquet, no such column or several, or a column that holds no strings.
    """

    def choose(schema: Any) -> list[str]:
        import pyarrow

        require_column(schema.names, text_field, str(file.path))
        kind = schema.field(text_field).type
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise InputError(f"column {text_field!r} holds no strings", where=str(file.path), got=str(kind))
        return [text_field] + (["id"] if schema.names.count("id") == 1 and text_field != "id" else [])

    for number, record in parquet_records(file, choose, counter):
        yield _document_of_record(record, text_field, f"{file.name}:{number}")


def _document_of_record(record: dict[str, Any], text_field: str, default_id: str) -> Document:
    identity = record.get("id")
    return Document(id=default_id if identity is None else str(identity), text=record[text_field] or "")


def require_column(columns: list[str], text_field: str, where: str) -> None:
    """Refuses a table in which not exactly one column is that of the text.

    Raises:
        InputError: Names the columns there are.
    """
    got, remedy = ", ".join(columns) or "an empty line", "Name the column with --text-field"
    require_one_column(text_field, columns, where=where, got=got, remedy=remedy)
