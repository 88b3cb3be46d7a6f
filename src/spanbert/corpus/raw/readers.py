"""Readers of raw text: files in, a stream of Documents out, in bounded memory (that of the longest document).

files -> lines -> reader of the format -> clean -> language -> without duplicates -> Documents
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.io.files import ByteCounter, SourceFile, decode_line, find_files, read_lines
from spanbert.corpus.io.limits import parse_size
from spanbert.corpus.raw.clean import clean_text
from spanbert.corpus.raw.deduplicate import DuplicateFilter
from spanbert.corpus.raw.hub import PREFIX, HubDataset
from spanbert.corpus.raw.language import LanguageGuesser
from spanbert.corpus.raw.mediawiki import read_dump
from spanbert.corpus.raw.tables import read_delimited, read_parquet
from spanbert.corpus.text.division import Documents, divided

_SURROGATE = re.compile("[\ud800-\udfff]")


class ReadConfig(Config):
    """How raw text is read.

    Attributes:
        documents: What a document of a .txt file is: a line, what stands between blank lines (the BERT convention), or
            the whole file.
        text_field: The field of a .jsonl line that holds the text.
        entities_field: The field of a .jsonl line with spans of the text, [[start, end, label], ...], for the masking
            scheme `entity`; None reads none.
        longest_line: Size of the longest line, such as `200MB`, a longer one is broken; None: 64 MB, or what
            SPANBERT_LONGEST_LINE says.
        on_error: What a broken line does: end the reading, or be left out and counted.
        clean: Repair mojibake, drop control characters, normalise to NFC.
        deduplicate: Leave out a document whose text was read before.
        languages: Keep only documents that look written in these languages (ISO 639-1); empty means no guessing.
    """

    documents: Documents = "blank"
    text_field: str = "text"
    entities_field: str | None = None
    longest_line: str | None = None
    on_error: Literal["stop", "skip"] = "stop"
    clean: bool = False
    deduplicate: bool = False
    languages: tuple[str, ...] = ()

    @field_validator("documents", mode="before")
    @classmethod
    def _earlier_name(cls, stated: object) -> object:
        """`blank-line` is what earlier versions called `blank`."""
        return "blank" if stated == "blank-line" else stated


@dataclass
class ReadSummary:
    """Counts of one reading; they grow while the documents are read."""

    files: int = 0
    documents: int = 0
    characters: int = 0
    duplicates: int = 0
    empty: int = 0
    other_languages: int = 0
    broken_lines: int = 0
    broken_examples: list[str] = field(default_factory=list)
    bytes_total: int = 0
    bytes_read: ByteCounter = field(default_factory=ByteCounter)


def _lines(file: SourceFile, options: ReadConfig, summary: ReadSummary) -> Iterator[tuple[int, str]]:
    """Decoded lines; a broken one ends the reading or is counted."""

    def skip(error: InputError) -> None:
        _broken(error, options, summary)

    longest = None if options.longest_line is None else parse_size(options.longest_line, "longest_line")
    for number, line in read_lines(file, summary.bytes_read, longest=longest, on_long=skip):
        try:
            yield number, decode_line(line, f"{file.path}:{number}", first=number == 1)
        except InputError as error:
            _broken(error, options, summary)


def _broken(error: InputError, options: ReadConfig, summary: ReadSummary) -> None:
    if options.on_error == "stop":
        raise error
    summary.broken_lines += 1
    if len(summary.broken_examples) < 5:
        summary.broken_examples.append(str(error))


def _read_txt(file: SourceFile, options: ReadConfig, summary: ReadSummary) -> Iterator[Document]:
    for start, text in divided(_lines(file, options, summary), options.documents):
        if options.documents != "line" or text.strip():
            yield Document(id=f"{file.name}:{start}", text=text)


def _read_jsonl(file: SourceFile, options: ReadConfig, summary: ReadSummary) -> Iterator[Document]:
    for number, line in _lines(file, options, summary):
        if not line.strip():
            continue
        try:
            yield _document_of_json(line, f"{file.path}:{number}", f"{file.name}:{number}", options)
        except InputError as error:
            _broken(error, options, summary)


def _document_of_json(line: str, where: str, default_id: str, options: ReadConfig) -> Document:
    text_field = options.text_field
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError("not valid JSON", where=where, got=f"{error.msg} in column {error.colno}") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, nesting of thousands of levels
        raise InputError("JSON that cannot be read", where=where, got=str(error)) from None
    if not isinstance(record, dict):
        raise InputError("not a JSON object", where=where, got=type(record).__name__, expected='{"text": ...}')
    if text_field not in record:
        raise InputError(
            f"no field {text_field!r}",
            where=where,
            got=", ".join(map(str, record)) or "an empty object",
            remedy="Name the field with --text-field",
        )
    text = record[text_field]
    if not isinstance(text, str):
        raise InputError(f"field {text_field!r} is not a string", where=where, got=type(text).__name__)
    identity = str(record.get("id", default_id))
    if _SURROGATE.search(text) or _SURROGATE.search(identity):
        raise InputError("half of a surrogate pair, which is not a character", where=where, expected="valid Unicode")
    spans = _spans_of_json(record.get(options.entities_field, []), where) if options.entities_field else None
    try:
        return Document(id=identity, text=text, spans=spans)
    except ValueError as error:
        raise InputError("a span outside the text", where=where, got=str(error)) from None


def _spans_of_json(value: object, where: str) -> tuple[Span, ...]:
    try:
        return tuple(Span(start=start, end=end, label=str(label)) for start, end, label in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        expected = "[[start, end, label], ...]"
        raise InputError("not a list of spans", where=where, got=str(error), expected=expected) from None


def _read_delimited(file: SourceFile, options: ReadConfig, summary: ReadSummary) -> Iterator[Document]:
    lines = _lines(file, options, summary)
    return read_delimited(file, lines, options.text_field, lambda error: _broken(error, options, summary))


def _read_parquet(file: SourceFile, options: ReadConfig, summary: ReadSummary) -> Iterator[Document]:
    return read_parquet(file, options.text_field, summary.bytes_read)


def _read_mediawiki(file: SourceFile, options: ReadConfig, summary: ReadSummary) -> Iterator[Document]:
    return read_dump(file, summary.bytes_read)


_READERS: dict[str, Callable[[SourceFile, ReadConfig, ReadSummary], Iterator[Document]]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".parquet": _read_parquet,
    ".xml": _read_mediawiki,
}


class DocumentReader:
    """A stream of documents from files, folders, globs and hub data sets, with a summary that fills as it is drawn.

    Args:
        inputs: Files, folders or globs: .txt, .jsonl, .csv, .tsv, .parquet and MediaWiki .xml dumps, each plain, .gz,
            .bz2 or .zst; or `hf:NAME[@CONFIG][:SPLIT]`.
        options: How to read them.

    Raises:
        InputError: No such file or no reader for it (at once); a broken line (while reading, unless skipped).
    """

    def __init__(self, inputs: Sequence[str | Path], options: ReadConfig | None = None) -> None:
        self.options = options or ReadConfig()
        if self.options.clean and self.options.entities_field:
            raise InputError("cleaning moves the characters that spans count", where="--clean with --entities-field")
        names = [str(item) for item in inputs]
        self.hub = [HubDataset.parse(name) for name in names if name.startswith(PREFIX)]
        paths = [name for name in names if not name.startswith(PREFIX)]
        self.files = find_files(paths, list(_READERS)) if paths else []
        self.summary = ReadSummary(
            files=len(self.files), bytes_total=sum(file.path.stat().st_size for file in self.files)
        )

    @property
    def sources(self) -> list[dict[str, str | int | None]]:
        """Name and size of everything that is read."""
        files: list[dict[str, str | int | None]] = [
            {"name": file.name, "bytes": file.path.stat().st_size} for file in self.files
        ]
        return files + [{"name": dataset.label, "bytes": None} for dataset in self.hub]

    @property
    def modified(self) -> list[int]:
        """When each file was last changed, in nanoseconds: compared when an interrupted reading is continued."""
        return [file.path.stat().st_mtime_ns for file in self.files]

    def _documents(self) -> Iterator[Document]:
        for file in self.files:
            yield from _READERS[file.kind](file, self.options, self.summary)
        for dataset in self.hub:
            yield from dataset.read(self.options.text_field)

    def __iter__(self) -> Iterator[Document]:
        summary, options = self.summary, self.options
        duplicates = DuplicateFilter() if options.deduplicate else None
        languages = LanguageGuesser(options.languages) if options.languages else None
        for document in self._documents():
            text = clean_text(document.text) if options.clean else document.text
            if not text.strip():
                summary.empty += 1
                continue
            if languages is not None and not languages.accepts(text):
                summary.other_languages += 1
                continue
            if duplicates is not None and not duplicates.is_new(text):
                summary.duplicates += 1
                continue
            summary.documents += 1
            summary.characters += len(text)
            yield document if text == document.text else Document(id=document.id, text=text)
