"""Tables: .csv and .tsv with a header line, and .parquet; one document a row, the text in a named column."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.files import ByteCounter, SourceFile

_ROWS_AT_ONCE = 1024


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
        on_broken: Is told of a row that does not fit the header.

    Raises:
        InputError: No header line, or no such column.
    """
    csv.field_size_limit(sys.maxsize)
    number = 0

    def texts() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007 (the number is read by the loop below)
            yield line + "\n"

    tabs = file.kind == ".tsv"
    rows = csv.reader(
        texts(), delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL, strict=True
    )
    header: list[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            on_broken(InputError("not a row", where=f"{file.path}:{number}", got=str(error)))
            continue
        if header is None:
            header = row
            require_column(header, text_field, f"{file.path}:{number}")
            continue
        if not row:
            continue
        if len(row) != len(header):
            on_broken(
                InputError(
                    "a row that does not fit the header",
                    where=f"{file.path}:{number}",
                    got=f"{len(row)} columns",
                    expected=f"{len(header)} ({', '.join(header)})",
                )
            )
            continue
        record = dict(zip(header, row, strict=True))
        yield Document(id=record.get("id") or f"{file.name}:{number}", text=record[text_field].rstrip("\n"))


def require_column(columns: list[str], text_field: str, where: str) -> None:
    """Refuses a table without the column of the text.

    Raises:
        InputError: Names the columns there are.
    """
    if text_field not in columns:
        raise InputError(
            f"no column {text_field!r}",
            where=where,
            got=", ".join(columns) or "an empty line",
            remedy="Name the column with --text-field",
        )


def read_parquet(file: SourceFile, text_field: str, counter: ByteCounter) -> Iterator[Document]:
    """Documents of a Parquet file, a row group in memory at a time.

    Raises:
        InputError: Not Parquet, no such column, or a column that holds no strings.
    """
    import pyarrow
    from pyarrow import parquet

    base, size = counter.done, file.path.stat().st_size
    try:
        table = parquet.ParquetFile(file.path, memory_map=True)
        require_column(table.schema_arrow.names, text_field, str(file.path))
        kind = table.schema_arrow.field(text_field).type
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise InputError(f"column {text_field!r} holds no strings", where=str(file.path), got=str(kind))
        columns = [text_field] + (["id"] if "id" in table.schema_arrow.names and text_field != "id" else [])
        number, rows = 0, max(table.metadata.num_rows, 1)
        for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns):
            for record in batch.to_pylist():
                number += 1
                yield _document_of_record(record, text_field, f"{file.name}:{number}")
            counter.done = base + size * number // rows
    except pyarrow.ArrowInvalid as error:
        raise InputError("not a whole Parquet file", where=str(file.path), got=str(error).splitlines()[0]) from None
    counter.done = base + size


def _document_of_record(record: dict[str, Any], text_field: str, default_id: str) -> Document:
    identity = record.get("id")
    return Document(id=default_id if identity is None else str(identity), text=record[text_field] or "")
