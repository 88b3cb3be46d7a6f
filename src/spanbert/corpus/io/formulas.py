"""Cells of tables that a spreadsheet would take as formulas, and compute when the table is opened in it.

Source: OWASP, "CSV Injection".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spanbert.core.files import file_written_whole
from spanbert.corpus.io.files import ByteCounter, SourceFile, read_lines
from spanbert.corpus.io.limits import longest_line

_BEGINS = re.compile(r"[=@\t\r]|[+-](?![\d.,]*\Z)")  # a number may have a sign
_TABLES = (".csv", ".tsv")


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a cell as a formula."""
    return _BEGINS.match(cell) is not None


@dataclass
class FormulaCells:
    """Counts such cells while a table is written, and quotes them where that is asked for.

    Attributes:
        quote: Put `'` before them, which spreadsheets take as the mark of a text.
        found: How many there were so far.
    """

    quote: bool = False
    found: int = 0

    def shown(self, cells: Sequence[str]) -> list[str]:
        """The cells as they are written."""
        risky = [is_formula(cell) for cell in cells]
        self.found += sum(risky)
        if not self.quote:
            return list(cells)
        return [f"'{cell}" if one else cell for cell, one in zip(cells, risky, strict=True)]

    @property
    def remark(self) -> str | None:
        """What is to be said of them; None: nothing."""
        if not self.found:
            return None
        if self.quote:
            return f"{self.found:,} cells that begin as a formula were quoted with '"
        return f"{self.found:,} cells begin as a formula, which spreadsheets compute; --safe-cells puts ' before them"


def check_table(path: Path, *, quote: bool) -> str | None:
    """Looks through a table that was written; rows without such cells stay byte for byte.

    Args:
        path: Comma- or tab-separated; of other files nothing is said.
        quote: Write the cells again with `'` before them.

    Returns:
        What is to be said; None: nothing.
    """
    if path.suffix.lower() not in _TABLES:
        return None
    cells = FormulaCells(quote=quote)
    if quote:
        with file_written_whole(path) as stream:
            for raw, row in _rows(path):
                before, shown = cells.found, cells.shown(row)
                stream.buffer.write(raw if cells.found == before else _line(shown, path))
    else:
        for _, row in _rows(path):
            cells.shown(row)
    return cells.remark


def _rows(path: Path) -> Iterator[tuple[bytes, list[str]]]:
    """The bytes of each row, with its cells."""
    file = SourceFile(path=path, name=path.name)
    lines = (raw + b"\n" for _, raw in read_lines(file, ByteCounter()))
    if path.suffix.lower() == ".tsv":
        for line in lines:
            yield line, line.decode().rstrip("\n").split("\t")
        return
    pending: list[bytes] = []

    def texts() -> Iterator[str]:
        for line in lines:
            pending.append(line)
            yield line.decode()

    csv.field_size_limit(longest_line())
    for row in csv.reader(texts(), strict=True):
        yield b"".join(pending), row
        pending.clear()


def _line(cells: list[str], path: Path) -> bytes:
    if path.suffix.lower() == ".tsv":
        return ("\t".join(cells) + "\n").encode()
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
