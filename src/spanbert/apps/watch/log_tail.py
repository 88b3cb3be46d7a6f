"""A log of JSON lines that another process is writing, read as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json
from spanbert.core.schema import Schema, checked

_BLOCK = 1 << 20


class LogTail:
    """Gives each whole line once; a last line that is being written waits for its end.

    Args:
        path: The log; it need not be there yet.
        schema: What each line must hold.
    """

    def __init__(self, path: Path, schema: type[Schema]) -> None:
        self.path, self._schema = path, schema
        self._file: tuple[int, int] | None = None
        self._offset = self._lines = 0

    def was_replaced(self) -> bool:
        """Whether what was read is no longer what stands there: a resumed run drops lines of steps that it repeats."""
        if self._file is None:
            return False
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return True
        return (now.st_dev, now.st_ino) != self._file or now.st_size < self._offset

    def new_lines(self) -> Iterator[dict[str, Any]]:
        """The lines that have come since the last call.

        Raises:
            InputError: One is not what the schema says; names it.
        """
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            status = self.path.stat()
            self._file = (status.st_dev, status.st_ino)
            stream.seek(self._offset)
            rest = b""
            while block := stream.read(_BLOCK):
                *whole, rest = (rest + block).split(b"\n")
                for line in whole:
                    self._lines += 1
                    self._offset += len(line) + 1
                    yield self._read(line)

    def _read(self, line: bytes) -> dict[str, Any]:
        where = f"{self.path}:{self._lines}"
        try:
            facts: dict[str, Any] = parse_json(line.decode(), where)
        except UnicodeDecodeError as error:
            raise InputError("not UTF-8 text", where=where, got=f"byte {error.start}") from None
        checked(self._schema, facts, where)
        return facts
