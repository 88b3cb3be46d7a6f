"""Two files, line by line: a text in one, its translation in the same line of the other.

texts.en: He left early.          texts.de: Er ging früh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole
from spanbert.core.types import Document
from spanbert.corpus.formats.families import TRANSLATIONS
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.formats.parallel import require_no, required_target, write_parallel
from spanbert.corpus.io.files import ByteCounter, OnBroken, SourceFile, decode_line, read_lines, readable, require_file


def read_aligned(file: SourceFile, companion: Path, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The lines of a file as texts, with those of another as their translations; either may be empty.

    Args:
        file: The texts.
        companion: The translations.
        on_broken: Called with the error of each line that is not UTF-8, which is then left out; None: it is raised.

    Raises:
        InputError: One file has more lines than the other; or a line that is not UTF-8, with its file and number.
    """
    require_file(companion)
    sides = read_lines(file, ByteCounter()), read_lines(SourceFile(path=companion, name=companion.name), ByteCounter())
    for one, other in zip_longest(*sides):
        if one is None or other is None:
            longer, shorter = (file.path, companion) if other is None else (companion, file.path)
            [number] = (side[0] for side in (one, other) if side is not None)
            raise InputError(
                "the files do not have equally many lines",
                where=f"{longer}:{number}",
                got=f"{shorter} ends after line {number - 1:,}",
                remedy="Each line of one file must be the translation of the same line of the other",
            )
        (number, text), (_, target) = one, other
        yield from readable(partial(_document, file, companion, number, text, target), on_broken)


def _document(file: SourceFile, companion: Path, number: int, text: bytes, target: bytes) -> Document:
    return Document(
        id=f"{file.name}:{number}",
        text=decode_line(text, f"{file.path}:{number}", first=number == 1),
        target=decode_line(target, f"{companion}:{number}", first=number == 1),
        where=f"{file.path} + {companion.name}:{number}",
    )


def write_aligned(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    """Writes texts into one file and their translations into another; both whole or neither.

    Args:
        documents: With translations.
        target: The file for the texts.
        settings: `companion` is the file for the translations.

    Raises:
        InputError: No second file, a text without a translation, or a line break inside a text.
    """
    if settings.companion is None:
        raise InputError("where to write the translations?", where=str(target), remedy="Name a file with --target")
    with file_written_whole(target) as texts, file_written_whole(settings.companion) as targets:
        for document in documents:
            pair = document.text, required_target(document)
            require_no(pair, "\n", document)
            texts.write(f"{pair[0]}\n")
            targets.write(f"{pair[1]}\n")


def _companion(settings: ReadSettings) -> Path:
    assert settings.companion is not None
    return settings.companion


FORMAT = Format(
    name="aligned",
    title="two files, a translation a line",
    family=TRANSLATIONS,
    holds=frozenset({"target"}),
    detect=lambda beginning: False,  # known by its second file
    read=lambda file, settings, on_broken: read_aligned(file, _companion(settings), on_broken),
    describe=lambda file, settings: f"texts, with the translations in {_companion(settings).name} line by line",
    write=write_aligned,
    copy=lambda file, documents, target: write_parallel(documents, target, WriteSettings()),
)
