"""Annotated files read by the formats of one family, as the tests of formats need them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spanbert.core.types import Document
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import Layer, ReadSettings
from spanbert.corpus.formats.registry import family_of, marked_formats, open_data
from spanbert.corpus.io.files import OnBroken


def open_annotations(path: Path, layer: Layer = "ner") -> DataFile:
    """A file of words, spans or questions."""
    return open_data(path, among=family_of("columns"), settings=ReadSettings(layer=layer))


def read_annotations(path: Path, layer: Layer = "ner") -> Iterator[Document]:
    return open_annotations(path, layer).documents()


def open_coref(path: Path) -> DataFile:
    return open_data(path, among=family_of("conll2012"))


def read_coref(path: Path, on_broken: OnBroken | None = None) -> Iterator[Document]:
    return open_coref(path).documents(on_broken)


def open_relations(path: Path) -> DataFile:
    return open_data(path, among=family_of("tacred"))


def read_relations(path: Path, on_broken: OnBroken | None = None) -> Iterator[Document]:
    return open_relations(path).documents(on_broken)


def marks_of(path: Path) -> list[str]:
    """The names of the formats whose marks a file bears."""
    return [one.name for one in marked_formats(path)]
