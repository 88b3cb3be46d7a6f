"""Rows of tables: text separated by commas, semicolons or tabs, JSON lines, and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json
from spanbert.corpus.io.files import ByteCounter, OnBroken, SourceFile, text_lines, whole_text
from spanbert.corpus.io.limits import longest_line

_ROWS_AT_ONCE = 1024
_DELIMITERS = (",", ";", "\t")  # of a .csv file, by preference
_FIRST_LINES = 50  # that decide which of them it is
_PARQUET = b"PAR1"
NAME_COLUMNS = "Name them with --text-column and --label-column"  # what can be done where they are in doubt


def delimited_rows(
    file: SourceFile, lines: Iterable[tuple[int, str]], on_broken: Callable[[InputError], None]
) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with the number of the line that it ends in; empty lines are left out.

    Args:
        file: `.tsv` is separated by tabs and knows no quotes; else commas, semicolons or tabs, whichever gives all of
            the first rows the same number of cells, and a quoted field may span lines.
        lines: Its decoded lines with their numbers; the first ones are read ahead.
        on_broken: Called with the error of each row that is not such text.
    """
    if file.kind == ".tsv":
        yield from ((number, line.split("\t")) for number, line in lines if line)
        return
    rest = iter(lines)
    first = list(islice(rest, _FIRST_LINES))
    delimiter = next((one for one in _DELIMITERS if _divides(first, one)), _DELIMITERS[0])
    for number, row in quoted_rows(chain(first, rest), delimiter, str(file.path)):
        if isinstance(row, InputError):
            on_broken(row)
        elif row:
            yield number, row


def _divides(lines: Sequence[tuple[int, str]], delimiter: str) -> bool:
    """Whether a delimiter gives all rows of some lines the same number of cells, which is more than one."""
    rows = [row for _, row in quoted_rows(lines, delimiter, "") if row]
    if rows and isinstance(rows[-1], InputError):  # perhaps one that goes on in later lines
        rows.pop()
    counts = {0 if isinstance(row, InputError) else len(row) for row in rows}
    return len(counts) == 1 and max(counts) > 1


def quoted_rows(
    lines: Iterable[tuple[int, str]], delimiter: str, where: str
) -> Iterator[tuple[int, list[str] | InputError]]:
    """The cells of each row, which may be quoted and span lines, or what is wrong with it; the line that it ends in.

    Args:
        lines: Decoded lines with their numbers.
        delimiter: What is between two cells.
        where: The file.
    """
    csv.field_size_limit(longest_line())
    number = 0

    def texts() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007 (the number is read by the loop below)
            yield line + "\n"

    rows = csv.reader(texts(), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, InputError("not a row", where=f"{where}:{number}", got=str(error))
        else:
            yield number, row


def delimited_records(
    file: SourceFile,
    lines: Iterable[tuple[int, str]],
    check: Callable[[list[str], str], None],
    on_broken: Callable[[InputError], None],
    *,
    header: bool = True,
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a .csv or .tsv file by the names of their columns.

    Args:
        file: See `delimited_rows`.
        lines: Its decoded lines with their numbers.
        check: Called with the names of the columns and their place before the first row; may refuse them.
        on_broken: Called with the error of each row that does not fit the first one.
        header: The first row holds the names; else columns are named "1", "2", ... from the left.
    """
    names: list[str] | None = None
    for number, row in delimited_rows(file, lines, on_broken):
        if names is None:
            names = row if header else numbered(row)
            check(names, f"{file.path}:{number}")
            if header:
                continue
        if len(row) == len(names):
            yield number, dict(zip(names, row, strict=True))
            continue
        on_broken(
            InputError(
                f"a row that does not fit the {'header' if header else 'first row'}",
                where=f"{file.path}:{number}",
                got=f"{len(row)} columns",
                expected=f"{len(names)} ({', '.join(names)})" if header else str(len(names)),
            )
        )


def require_one_column(given: str, names: Sequence[str], *, where: str, got: str, remedy: str) -> None:
    """Refuses a name that no column or several columns of a table have.

    Args:
        given: The name.
        names: Those of all columns.
        where: The file.
        got: What messages say of the columns.
        remedy: What can be done.

    Raises:
        InputError: None or several.
    """
    if list(names).count(given) != 1:
        what = f"no column {given!r}" if given not in names else f"several columns {given!r}"
        raise InputError(what, where=where, got=got, remedy=remedy)


def table_suffix(target: Path) -> str:
    """The suffix of a table to write.

    Raises:
        InputError: Neither .jsonl nor .csv nor .tsv.
    """
    if target.suffix not in (".jsonl", ".csv", ".tsv"):
        got = target.suffix or "no suffix"
        raise InputError("which kind of file?", where=str(target), got=got, expected=".jsonl, .csv or .tsv")
    return target.suffix


def delimited_line(cells: Sequence[str], delimiter: str, where: str) -> str:
    """A row as a line, without its end; cells are quoted where they need to be, but for tabs, which know no quotes.

    Args:
        cells: The row.
        delimiter: A comma or a tab.
        where: The place of what is written, for messages.

    Raises:
        InputError: A tab or a line break in a cell, between tabs.
    """
    if delimiter == "\t":
        if any(character in cell for cell in cells for character in "\t\r\n"):
            remedy = "Write a .csv or .jsonl file"
            raise InputError("a tab or a line break inside a cell", where=where, remedy=remedy)
        return "\t".join(cells)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(cells)
    return stream.getvalue()


def numbered(row: list[str]) -> list[str]:
    """Names of columns without names: "1", "2", ... from the left."""
    return [str(place) for place in range(1, len(row) + 1)]


def json_records(file: SourceFile, expected: str, on_broken: OnBroken) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file with one a line, with the numbers of their lines; blank lines are left out.

    Args:
        file: Plain or compressed.
        expected: What a line should be, for messages.
        on_broken: Called with the error of each line that is no JSON object.

    Raises:
        InputError: Not UTF-8, or a compressed file that is damaged; names file and line.
    """
    for number, line in text_lines(file):
        if not line.strip():
            continue
        where = f"{file.path}:{number}"
        try:
            record = parse_json(line, where, expected)
            if not isinstance(record, dict):
                raise InputError("not a JSON object", where=where, got=type(record).__name__, expected=expected)
        except InputError as error:
            on_broken(error)
        else:
            yield number, record


def json_objects(file: SourceFile, expected: str, on_broken: OnBroken) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The objects of JSON lines, or of a file that is one JSON list of them; a list is in memory as a whole.

    Args:
        file: Plain or compressed.
        expected: What an object should be, for messages.
        on_broken: Called with the error of each line or item that is no JSON object.

    Yields:
        The place of an object for messages, a name for it where it has none, and the object.

    Raises:
        InputError: Not UTF-8, a list that is not JSON, or a compressed file that is damaged.
    """
    first = next((line for _, line in text_lines(file) if line.strip()), "")
    if not first.lstrip().startswith("["):
        for number, record in json_records(file, expected, on_broken):
            yield f"{file.path}:{number}", f"{file.name}:{number}", record
        return
    for number, record in enumerate(parse_json(whole_text(file.path), str(file.path), expected, whole_file=True)):
        where = f"{file.path}: [{number}]"
        if isinstance(record, dict):
            yield where, f"{file.name}:{number}", record
        else:
            on_broken(InputError("not a JSON object", where=where, got=type(record).__name__, expected=expected))


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does."""
    with path.open("rb") as stream:
        return stream.read(len(_PARQUET)) == _PARQUET


def parquet_schema(file: SourceFile) -> Any:
    """The Arrow schema of a Parquet file, with the metadata that its writer left.

    Raises:
        InputError: Not Parquet.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_schema(file.path, memory_map=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError("not a whole Parquet file", where=str(file.path), got=str(error).partition("\n")[0]) from None


def parquet_records(
    file: SourceFile, choose: Callable[[Any], Iterable[str]], counter: ByteCounter
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a Parquet file with their numbers from 1, a row group in memory at a time.

    Args:
        file: The file.
        choose: The names of the columns to read, from the Arrow schema; may refuse it.
        counter: Counts the bytes of the rows that were drawn.

    Raises:
        InputError: Not Parquet.
    """
    import pyarrow
    from pyarrow import parquet

    where = str(file.path)
    base, size = counter.done, file.path.stat().st_size
    try:
        table = parquet.ParquetFile(file.path, memory_map=True)
        columns = list(choose(table.schema_arrow))
        number, rows = 0, max(table.metadata.num_rows, 1)
        for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns):
            for record in _records(batch, f"{where}: rows from {number + 1}"):
                number += 1
                yield number, record
            counter.done = base + size * number // rows
    except (pyarrow.ArrowException, OSError) as error:
        got = str(error).partition("\n")[0]
        raise InputError("not a whole Parquet file", where=where, got=got) from None
    counter.done = base + size


def _records(batch: Any, where: str) -> list[dict[str, Any]]:
    try:
        records: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError) as error:  # bytes that are not UTF-8, times that Python cannot represent
        raise InputError("values that cannot be read", where=where, got=str(error)) from None
    return records
