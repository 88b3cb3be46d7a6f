"""A file whose format is known, and with it how the file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from spanbert.core.types import BoolArray, Document
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.io.files import OnBroken, SourceFile


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some of the documents of a file.

    Attributes:
        name: What people call it.
        kept_N: Which of the file's documents it has, in their order.
    """

    name: str
    kept_N: BoolArray


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """An annotated file; what is detected about it is kept here, however often it is read.

    Attributes:
        path: Where it is.
        format: Its format.
        settings: How it is read, with what the file itself decides.
        check: Refuses documents that their reader cannot use; None: all are taken.
        part: Which of its documents are meant; None: all.
    """

    path: Path
    format: Format
    settings: ReadSettings
    check: Callable[[Document], None] | None = None
    part: Part | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        companion = self.settings.companion
        whole = self.path.name if companion is None else f"{self.path.name} + {companion.name}"
        return whole if self.part is None else f"{whole} ({self.part.name})"

    @property
    def description(self) -> str:
        """How it is read, in words: format, columns, what was guessed, what is left out."""
        describe = self.format.describe
        read_as = self.format.title if describe is None else describe(self._file, self.settings)
        left_out = ", ".join(f"{count:,} {what}" for what, count in self.left_out.items())
        return f"{read_as}; left out: {left_out}" if left_out else read_as

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many things of the file, by what they are called, its documents do not hold."""
        count = self.format.left_out
        return {} if count is None else count(self._file, self.settings)

    @property
    def _file(self) -> SourceFile:
        return SourceFile(path=self.path, name=self.path.name)

    def documents(self, on_broken: OnBroken | None = None) -> Iterator[Document]:
        """The documents, as many times as one likes; they stream where the format allows.

        Args:
            on_broken: Called with the error of each row or text that cannot be used and is left out, where a reader can
                continue; None: the error is raised.

        Raises:
            InputError: The file cannot be read, or `check` refuses a document; names file and line.
        """
        read = self.format.read(self._file, self.settings, on_broken)
        for document in read if self.part is None else compress(read, self.part.kept_N):
            if self.check is not None:
                self.check(document)
            yield document

    def copy(self, documents: Iterable[Document], target: Path) -> None:
        """Writes a copy of the file with some documents changed or left out; everything else stays as it was.

        Args:
            documents: Those of the file, in order.
            target: The copy, whole or not at all.
        """
        if self.format.copy is not None:
            self.format.copy(self._file, documents, target)
            return
        assert self.format.write is not None
        self.format.write(documents, target, WriteSettings())
