"""Labelled texts as JSON lines, or as comma- or tab-separated tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.io.files import write_lines
from spanbert.corpus.io.tables import delimited_line, table_suffix

_TEXT, _PAIR, _LABEL = "text", "text_pair", "label"
_LINES = "Write JSON lines: a file named .jsonl"


def write_labelled(documents: Iterable[Document], target: Path) -> None:
    """Writes JSON lines, or by the suffix comma- or tab-separated text with a header; whole or not at all.

    Args:
        documents: With labels or without; one by one in memory.
        target: .jsonl, .csv or .tsv.

    Raises:
        InputError: Another suffix; or in a table several labels of a text, a second text where the first row has none,
            or a tab or line break where these divide cells.
    """
    suffix = table_suffix(target)
    if suffix == ".jsonl":
        write_lines(target, map(_json, documents))
    else:
        write_lines(target, _rows(documents, "\t" if suffix == ".tsv" else ","))


def _json(document: Document) -> str:
    labels = document.labels
    pair = {} if document.pair is None else {_PAIR: document.pair}
    label = labels[0] if labels is not None and len(labels) == 1 else labels
    return json.dumps({"id": document.id, _TEXT: document.text, **pair, _LABEL: label}, ensure_ascii=False)


def _rows(documents: Iterable[Document], delimiter: str) -> Iterator[str]:
    paired: bool | None = None
    for document in documents:
        if paired is None:
            paired = document.pair is not None
            yield delimited_line(["id", _TEXT, *([_PAIR] if paired else []), _LABEL], delimiter, document.place)
        if paired != (document.pair is not None):
            raise InputError("pairs of texts among texts alone", where=document.place, remedy=_LINES)
        if len(document.labels or ()) > 1 or document.labels == ():
            got = ", ".join(document.labels or ()) or "none"
            raise InputError("not one label in a cell", where=document.place, got=got, remedy=_LINES)
        pair = [] if document.pair is None else [document.pair]
        yield delimited_line(
            [document.id, document.text, *pair, *(document.labels or ("",))], delimiter, document.place
        )
