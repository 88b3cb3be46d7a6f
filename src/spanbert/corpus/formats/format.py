"""What a format of annotated files is: how its files are known, read and written, and what they can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from spanbert.core.tagging import Scheme
from spanbert.core.types import Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.column_format import ColumnFormat
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.corpus.formats.parallel_columns import ParallelColumns
from spanbert.corpus.formats.token_columns import TokenColumns
from spanbert.corpus.io.files import OnBroken, SourceFile

Layer = Literal["auto", "ner", "nested", "upos", "xpos"]
ColumnsT = TypeVar("ColumnsT", ColumnFormat, LabelledColumns, ParallelColumns, TokenColumns)


@dataclass(frozen=True, kw_only=True)
class ReadSettings:
    """How to read a file, as far as the user states it; each format uses the settings that apply to it.

    Attributes:
        layer: Which tags of columns: the spans of one column (`ner`) or of all (`nested`), one tag a word (`upos`,
            `xpos`); `auto`: spans where the file has any, else its tags as they are.
        text_column: Column of a table's text, or of its words; None: guessed.
        pair_column: Of the second text of a pair; None: guessed.
        label_column: Of the label, or of the tags of words; None: guessed.
        separator: The text between the labels of one cell; None: a cell is one label.
        target_column: Of a text's translation; None: guessed.
        companion: The file with the other side of each line; None: there is one file.
        keep_fields: Keep all cells of a row of a table as `Document.fields`.
        label_names: What tags that are numbers stand for, from 0; None: the file or what lies beside it says it.
        columns: What the file's columns hold; None before `Format.resolve`.
    """

    layer: Layer = "ner"
    text_column: str | None = None
    pair_column: str | None = None
    label_column: str | None = None
    separator: str | None = None
    target_column: str | None = None
    companion: Path | None = None
    keep_fields: bool = False
    label_names: tuple[str, ...] | None = None
    columns: ColumnFormat | LabelledColumns | ParallelColumns | TokenColumns | None = None

    def columns_as(self, kind: type[ColumnsT]) -> ColumnsT:
        """The columns of resolved settings, of the kind that a format has."""
        assert isinstance(self.columns, kind)
        return self.columns


@dataclass(frozen=True, kw_only=True)
class WriteSettings:
    """How files are written, where a format leaves a choice.

    Attributes:
        scheme: How spans are written; None is a column document's own scheme, BIO for others.
        layers: Columns of tags for documents that did not come from columns; spans that nest need more than one.
        companion: The file for the other side of each line; None: there is none.
    """

    scheme: Scheme | None = None
    layers: int = 1
    companion: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Family:
    """Formats of one kind of annotation; a file's format is detected among them.

    Attributes:
        called: What the files hold, in messages.
        expected: How the files begin, in messages.
        needs: The gold field without which a file has nothing to convert; None: any will do.
        self_describing: The beginning of every file determines its format, so that no other can be stated.
    """

    called: str
    expected: str
    needs: str | None = None
    self_describing: bool = False


def as_given(file: SourceFile, settings: ReadSettings) -> ReadSettings:
    """Settings of a format whose files need no inspection."""
    return settings


def unmarked(beginning: Beginning) -> bool:
    """Of a format whose files could be texts, or of another format, as well."""
    return False


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of annotated files.

    Attributes:
        name: What it is called on the command line.
        title: What it is called in sentences.
        family: The formats that it must be distinguished from.
        also: Further families, whose formats it is turned into as well.
        holds: The gold fields of a Document that its files can carry.
        detect: Whether a file has it, if it has one of the family's; asked in the order of the registry.
        read: The documents of a file by resolved settings, streaming where the format allows; `on_broken` is called
            with the error of each row or text that cannot be used and is left out, where a reader can continue.
        resolve: The settings with what the file itself decides.
        describe: How a file is read by resolved settings, in words; None: the title says it.
        write: Writes documents, whole or not at all; None: it is read alone.
        copy: Writes the documents of a file, some of them changed, so that all the rest stays; None: as `write` does.
        begins: Whether a document is the first of a longer text, such as the first sentence after `-DOCSTART-`; None:
            each is a text of its own.
        suffixes: Suffixes that mark a file as data where it might be raw text.
        marks: Whether a file that might be raw text, or of any format, begins as only this format does.
        asks: Whether its lines may stand among others that ask something of a model: it is then read line by line.
        likely: Whether a file rather has it than a format of another family; asked where several are in question.
        writes_tags: Spans are written as a tag a word, in a scheme.
        states_encoding: Its files say which encoding they are in, or are no text at all; else it is UTF-8.
        folder: Whether a folder holds files of it, to be read as one; None: it is a file.
        left_out: How many things of a file, by what they are called, no Document holds; None: there are none.
        carries: The formats whose files it holds with all that is left out; its own is one if it does.
    """

    name: str
    title: str
    family: Family
    holds: frozenset[str]
    detect: Callable[[Beginning], bool]
    read: Callable[[SourceFile, ReadSettings, OnBroken | None], Iterator[Document]]
    resolve: Callable[[SourceFile, ReadSettings], ReadSettings] = as_given
    describe: Callable[[SourceFile, ReadSettings], str] | None = None
    write: Callable[[Iterable[Document], Path, WriteSettings], None] | None = None
    copy: Callable[[SourceFile, Iterable[Document], Path], None] | None = None
    begins: Callable[[Document], bool] | None = None
    suffixes: tuple[str, ...] = ()
    marks: Callable[[Beginning], bool] = unmarked
    asks: Callable[[Beginning], bool] = unmarked
    likely: Callable[[Beginning], bool] = unmarked
    writes_tags: bool = False
    states_encoding: bool = False
    also: tuple[Family, ...] = ()
    folder: Callable[[Path], bool] | None = None
    left_out: Callable[[SourceFile, ReadSettings], Mapping[str, int]] | None = None
    carries: tuple[str, ...] = ()

    @property
    def families(self) -> tuple[Family, ...]:
        """All families that it belongs to."""
        return (self.family, *self.also)
