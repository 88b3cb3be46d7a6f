"""Repaired copies of tables and JSON lines: rows are kept byte for byte, or left out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole
from spanbert.core.hashes import Repeats
from spanbert.corpus.io.files import SourceFile, decode_line, open_bytes
from spanbert.corpus.io.tables import delimited_rows
from spanbert.tasks.survey import Survey

_ROWS_AT_ONCE = 1024


def repair_rows(survey: Survey[Any], repeats: Repeats, target: Path, *, drop_conflicts: bool) -> Counter[str]:
    """Writes the rows that can be learned from.

    Args:
        survey: Of the file; finished.
        repeats: Which labelled rows come again; of repeats the first is kept.
        target: The copy.
        drop_conflicts: Keep none of the rows that contradict each other, else all of them.

    Returns:
        How many rows were left out, and why.

    Raises:
        InputError: A quote in a .csv file that is never closed: a program cannot decide which rows it swallows.
    """
    left_out: dict[int, str] = {}

    def broken(error: InputError) -> None:
        left_out[_number(error.where or "")] = "rows that cannot be used left out"

    labelled = 0
    for document in survey.read(broken):
        if document.labels is None:
            continue
        if repeats.again_N[labelled]:
            left_out[_number(document.place)] = "repeated rows left out, the first kept"
        elif drop_conflicts and repeats.conflict_N[labelled]:
            left_out[_number(document.place)] = "rows that contradict each other left out"
        labelled += 1
    file = SourceFile(path=survey.path, name=survey.path.name)
    with file_written_whole(target) as stream:
        out = stream.buffer
        if file.kind == ".parquet":
            _write_parquet(survey.path, out, left_out)
        else:
            out.writelines(raw for number, raw in _raw_rows(file) if number not in left_out)
    return Counter(left_out.values())


def _number(where: str) -> int:
    """The line of `file:line`."""
    return int(where.rpartition(":")[2])


def _raw_rows(file: SourceFile) -> Iterator[tuple[int, bytes]]:
    """The bytes of each row with the number of the line that it ends in; blank lines go with the row after them."""
    content, raw = open_bytes(file.path)
    pending: deque[tuple[int, bytes]] = deque()  # lines are read ahead of rows

    def lines() -> Iterator[tuple[int, str]]:
        for number, line in enumerate(content, start=1):
            pending.append((number, line))
            yield number, decode_line(line.rstrip(b"\r\n"), f"{file.path}:{number}", first=number == 1)

    with raw, content:
        if file.kind == ".csv":
            for number, _ in delimited_rows(file, lines(), _refuse):
                parts = []
                while pending and pending[0][0] <= number:
                    parts.append(pending.popleft()[1])
                yield number, b"".join(parts)
            yield 0, b"".join(line for _, line in pending)
        else:
            for _ in lines():
                yield pending.popleft()


def _refuse(error: InputError) -> None:
    raise InputError(
        error.what, where=error.where, got=error.got, remedy="Correct its quotes by hand; no repaired copy was written"
    )


def _write_parquet(source: Path, out: Any, left_out: dict[int, str]) -> None:
    import pyarrow
    from pyarrow import parquet

    table = parquet.ParquetFile(source, memory_map=True)
    first = 1
    with parquet.ParquetWriter(out, table.schema_arrow) as writer:
        for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
            kept = [number not in left_out for number in range(first, first + batch.num_rows)]
            writer.write_batch(batch.filter(pyarrow.array(kept)))
            first += batch.num_rows
