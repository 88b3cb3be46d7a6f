"""Lines of a pipe as they come: what is there is handed on before more is waited for."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Iterator
from io import BufferedReader

from spanbert.corpus.io.files import decode_line
from spanbert.corpus.io.limits import longest_line, too_long

_MOST_AT_ONCE = 1 << 16  # bytes


class PipeLines:
    """The lines of a stream of bytes as text, without line ends; may be iterated once.

    Args:
        stream: Standard input, or another pipe.
        name: Its name, for messages.
    """

    def __init__(self, stream: BufferedReader, name: str) -> None:
        self._stream, self._name = stream, name
        self._lines: deque[bytes] = deque()  # whole ones
        self._rest = bytearray()  # of a line that has not ended
        self._taken = 0  # lines so far
        self._ended = False
        try:
            self._waits_for = [stream.fileno()]
        except OSError:  # bytes in memory
            self._waits_for = []

    def __iter__(self) -> Iterator[str]:
        """The lines.

        Raises:
            InputError: Not UTF-8, or longer than `limits.longest_line`; names the line.
        """
        number = 0
        while self._lines or not self._ended:
            while self._lines:
                number += 1
                yield decode_line(self._lines.popleft(), f"{self._name}:{number}", first=number == 1)
            if not self._ended:
                self._read()

    def more_at_hand(self) -> bool:
        """Whether the next line that is not blank, or the end, can be had without waiting for the other side."""
        while not self._ended and not any(line.strip() for line in self._lines):
            if self._waits_for and not select.select(self._waits_for, [], [], 0)[0]:
                return False
            self._read()
        return True

    def _read(self) -> None:
        """Takes what is there, or waits until something is."""
        if self._waits_for:
            select.select(self._waits_for, [], [])
        taken = self._stream.read1(_MOST_AT_ONCE)
        first, *more = taken.split(b"\n")
        self._rest += first
        for part in more:
            self._take_line()
            self._rest += part
        if len(self._rest) > longest_line():
            raise too_long("a line", f"{self._name}:{self._taken + 1}", longest_line())
        if not taken:
            self._ended = True
            if self._rest:
                self._take_line()

    def _take_line(self) -> None:
        self._taken += 1
        self._lines.append(bytes(self._rest).rstrip(b"\r"))
        self._rest.clear()
