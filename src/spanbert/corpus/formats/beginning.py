"""The beginning of a file, from which its format is detected."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.corpus.io.files import COMPRESSED, ByteCounter, SourceFile, decode_line, read_lines, whole_text
from spanbert.corpus.io.tables import is_parquet

_SAMPLE = 1 << 16
_LOOKED_AT = 1 << 24  # bytes of a list in which its first object must end
_JSON = re.compile(r'\s*(\{\s*("|\}|$)|\[\s*([\[{"\]]|$))')  # not a bracket that is a word: `[ O`


class Beginning:
    """What a file begins with; read once, and only as far as needed.

    Args:
        file: Plain or compressed.
    """

    def __init__(self, file: SourceFile) -> None:
        self.file = file

    @cached_property
    def _first(self) -> tuple[int, bytes, str] | None:
        """Number, bytes and text of the first line that is not blank, with bytes that are not text replaced."""
        if self.file.path.is_dir():
            return None
        for number, raw in read_lines(self.file, ByteCounter(), cut=True):
            text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
            if text.strip():
                return number, raw, text
        return None

    @property
    def line(self) -> str:
        """The first line that is not blank, as far as it is text; empty where there is none.

        Raises:
            InputError: The compressed file is damaged.
        """
        return "" if self._first is None else self._first[2]

    @property
    def place(self) -> str:
        """File and number of that line."""
        return f"{self.file.path}:{1 if self._first is None else self._first[0]}"

    @cached_property
    def sample(self) -> str:
        """The first 64 KB as text, with bytes that are not text replaced."""
        return whole_text(self.file.path, _SAMPLE)

    @cached_property
    def first_lines(self) -> list[str]:
        """The lines of the sample, but for the last one if it is cut."""
        lines = self.sample.split("\n")
        is_cut = len(self.sample.encode()) > _SAMPLE - 4
        return [line.removesuffix("\r") for line in (lines[:-1] if is_cut else lines)]

    @cached_property
    def is_parquet(self) -> bool:
        """Whether the file says that it is Parquet."""
        return is_parquet(self.file.path)

    def require_text(self) -> None:
        """Refuses a file whose beginning is neither text nor Parquet.

        Raises:
            InputError: Not UTF-8, or binary; names the line.
        """
        if self._first is not None and not self.is_parquet:
            number, raw, _ = self._first
            decode_line(raw, self.place, first=number == 1)

    @cached_property
    def _json_of_line(self) -> tuple[Any] | None:
        """The JSON value of the first line, in a tuple, since it may be null; None if it is not JSON."""
        try:
            return (json.loads(self.line),)
        except (ValueError, RecursionError):
            return None

    @property
    def has_json_line(self) -> bool:
        """Whether the first line alone is JSON."""
        return self._json_of_line is not None

    @property
    def is_json(self) -> bool:
        """Whether the file begins as a JSON object does, or a list of objects, lists or texts."""
        return bool(_JSON.match(self.line))

    @cached_property
    def json(self) -> Any:
        """The JSON value of the first line, else of the whole file.

        Raises:
            InputError: Neither is JSON; names the line. Or a compressed file that would have to be read whole.
        """
        if self._json_of_line is not None:
            return self._json_of_line[0]
        refuse_compressed(self.file.path)
        return read_json(self.file.path)

    @property
    def record(self) -> Mapping[str, Any] | None:
        """The first JSON object, of lines or of a list; None if the file begins with anything else.

        Raises:
            InputError: The compressed file is damaged.
        """
        return self._first_value if isinstance(self._first_value, Mapping) else None

    @cached_property
    def _first_value(self) -> Any:
        """The first item of a list, else the value of the first line; None where there is no JSON."""
        if not self.is_list:
            return None if self._json_of_line is None else self._json_of_line[0]
        start = whole_text(self.file.path, _LOOKED_AT).lstrip()[1:].lstrip()
        try:
            return json.JSONDecoder().raw_decode(start)[0]
        except (ValueError, RecursionError):
            return None

    @cached_property
    def whole_json(self) -> Any:
        """The JSON value of the first line, else of the whole file; None where neither is JSON.

        A compressed file is not read whole, nor a text that begins with a bracket.
        """
        if self._json_of_line is not None:
            return self._json_of_line[0]
        is_text = not self.is_json or (self.is_list and self._first_value is None)
        if is_text or self.file.kind == ".jsonl" or self.file.path.suffix.lower() in COMPRESSED:
            return None
        try:
            return read_json(self.file.path)
        except InputError:  # the last format that is tried names the line
            return None

    @property
    def whole_list(self) -> list[Any] | None:
        """The list that the file is; None where it is none, or compressed."""
        value = self.whole_json if self.is_list and self.file.path.suffix.lower() not in COMPRESSED else None
        return value if isinstance(value, list) else None

    @property
    def is_list(self) -> bool:
        """Whether the file begins as such a list."""
        return self.is_json and self.line.lstrip().startswith("[")

    def has_key(self, *keys: str) -> bool:
        """Whether the first line is a JSON object with one of some keys; without any of the words, it is not parsed."""
        if not any(f'"{key}"' in self.line for key in keys) or self._json_of_line is None:
            return False
        [value] = self._json_of_line
        return isinstance(value, dict) and not value.keys().isdisjoint(keys)


def refuse_compressed(path: Path) -> None:
    """Refuses a compressed file of a format that is read whole.

    Raises:
        InputError: It is one.
    """
    if path.suffix.lower() in COMPRESSED:
        remedy = "Decompress it, or write JSON lines"
        raise InputError("a compressed file that is not one object a line", where=str(path), remedy=remedy)
