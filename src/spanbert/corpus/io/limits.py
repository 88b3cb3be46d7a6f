"""How much of a file may have to be in memory at once: the longest line, and what else has no end but that.

A compressed file of some kilobytes can hold a line of gigabytes, so that the size on the disk says nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import IO

from spanbert.core.errors import InputError

LONGEST_LINE = 64_000_000
ENVIRONMENT = "SPANBERT_LONGEST_LINE"
_WHOLE_FILE = 16  # times the longest line: what is decompressed of a file that is parsed as a whole
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?([kKmMgG]?)[bB]?")
_TIMES = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
_SKIPPED_AT_ONCE = 1 << 16


def parse_size(text: str, where: str) -> int:
    """Bytes that a size such as `64MB` or `1.5 GB` stands for.

    Raises:
        InputError: It is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * _TIMES[match[2].lower()]) if match else 0
    if size < 1:
        raise InputError("not a size", where=where, got=repr(text), expected="such as 64MB or 1GB")
    return size


def longest_line() -> int:
    """Bytes of the longest line that is read: what SPANBERT_LONGEST_LINE says, else 64 MB."""
    stated = os.environ.get(ENVIRONMENT)
    return LONGEST_LINE if stated is None else parse_size(stated, ENVIRONMENT)


def in_words(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:,.4g} MB" if size >= 100_000 else f"{size:,} bytes"


def too_long(what: str, where: str, most: int) -> InputError:
    """The error of something that has no end within `most` bytes."""
    return InputError(
        f"{what} of more than {in_words(most)}",
        where=where,
        expected=f"at most {in_words(most)}",
        remedy=f"Divide it, or allow more: {ENVIRONMENT}=1GB (prepare: --longest-line 1GB, or --on-error skip leaves "
        "such lines out)",
    )


def bounded_lines(content: IO[bytes], most: int) -> Iterator[tuple[bytes, bool]]:
    """The lines of a stream, in memory that is bounded by `most`.

    Args:
        content: Decompressed as it is read.
        most: Bytes of a line, without its end.

    Yields:
        A line with its end, and whether it is whole; of one that is longer its beginning, the rest is read over.
    """
    while line := content.readline(most + 2):
        whole = len(line.rstrip(b"\r\n")) <= most
        yield (line if whole else _of_whole_characters(line[:most])), whole
        while not line.endswith(b"\n") and len(line) > 0:
            line = content.readline(_SKIPPED_AT_ONCE)


def _of_whole_characters(beginning: bytes) -> bytes:
    """The beginning of a line in UTF-8 without its last character, which may have been cut."""
    last = next((place for place in range(1, min(4, len(beginning)) + 1) if beginning[-place] & 0xC0 != 0x80), 1)
    return beginning[:-last]


class Measured:
    """A stream for parsers of XML, which refuses to give more than `most` bytes for one element.

    Args:
        content: Decompressed as it is read.
        where: The file, for messages.
        what: What the element is, for messages.
    """

    def __init__(self, content: IO[bytes], where: str, what: str) -> None:
        self._content, self._where, self._what, self._most = content, where, what, longest_line()
        self._given = 0

    def read(self, size: int = _SKIPPED_AT_ONCE, /) -> bytes:
        """The next bytes.

        Raises:
            InputError: The element has no end within the longest line.
        """
        data = self._content.read(size)
        self._given += len(data)
        if self._given > self._most:
            raise too_long(self._what, self._where, self._most)
        return data

    def next_element(self) -> None:
        """An element has ended: what is given from now on belongs to the next."""
        self._given = 0


def read_whole(content: IO[bytes], where: str) -> bytes:
    """All that a compressed file holds, where it is parsed as a whole.

    Raises:
        InputError: It is more than 16 times the longest line.
    """
    most = _WHOLE_FILE * longest_line()
    data = content.read(most + 1)
    if len(data) > most:
        raise too_long("a compressed file", where, most)
    return data
