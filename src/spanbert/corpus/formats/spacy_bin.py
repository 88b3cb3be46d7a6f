"""spaCy's `DocBin` files (`.spacy`), which spaCy itself reads and writes (extra `spacy`)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import write_atomically
from spanbert.core.missing import how_to_get
from spanbert.core.types import TAGS, Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format, Layer, ReadSettings
from spanbert.corpus.formats.spacy_records import (
    SPANS_KEY,
    Categorised,
    SpacyOrigin,
    choose,
    document_of_record,
    overlap,
    record_of_document,
    tokens_of,
)
from spanbert.corpus.io.files import SourceFile
from spanbert.corpus.text.word_tags import said_of

_HEAD = 1 << 12


def _spacy(where: Path, name: str) -> Any:
    """A module of spaCy.

    Raises:
        InputError: spaCy is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise InputError(
            "spaCy's binary files need the library spacy", where=str(where), remedy=how_to_get("spacy")
        ) from None


def read_docbin(file: SourceFile, layer: Layer = "ner") -> Iterator[Document]:
    """The texts of a file.

    Args:
        file: A `.spacy` file.
        layer: What is read: entities (of a file without any, spans), or tags of words.

    Raises:
        InputError: spaCy is not installed, or a file that is damaged.
    """
    docs = _docs(file.path)
    records = [doc.to_json() for doc in docs]
    choice, _ = choose(records, layer)
    for number, (record, doc) in enumerate(zip(records, docs, strict=True), start=1):
        name = f"{file.name}:{number}"
        yield document_of_record(record, choice, name, f"{file.path}, text {number}", packed=doc.to_bytes())


def _docs(path: Path) -> list[Any]:
    """The texts as spaCy has them."""
    tokens, vocab = _spacy(path, "spacy.tokens"), _spacy(path, "spacy.vocab")
    try:
        return list(tokens.DocBin().from_bytes(path.read_bytes()).get_docs(vocab.Vocab()))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError("a .spacy file that is damaged", where=str(path), got=got) from None


def write_docbin(documents: Iterable[Document], target: Path) -> None:
    """Writes a `.spacy` file; what came from spaCy keeps everything.

    Spans are entities; where those of any text overlap, those of all are written as the spans `sc`.

    Raises:
        InputError: spaCy is not installed, or a span that begins or ends inside a word; names the document.
    """
    tokens, vocab = _spacy(target, "spacy.tokens"), _spacy(target, "spacy.vocab").Vocab()
    listed = list(documents)
    grouped = overlap(listed)
    made = tokens.DocBin(store_user_data=True)
    for document in listed:
        made.add(_doc(document, tokens, vocab, grouped))
    write_atomically(target, made.to_bytes())


def _doc(document: Document, tokens: Any, vocab: Any, grouped: bool) -> Any:
    origin = document.origin
    if isinstance(origin, SpacyOrigin) and origin.packed is not None:
        doc = tokens.Doc(vocab).from_bytes(origin.packed)
        if document.spans != origin.read:
            _set_spans(doc, document, origin.choice.group)
        return doc
    if isinstance(origin, SpacyOrigin) and "tokens" in origin.record:
        record = record_of_document(document, grouped=grouped)
        try:
            return tokens.Doc(vocab).from_json(record)
        except (ValueError, KeyError, TypeError) as error:
            got = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError("what spaCy cannot hold", where=document.place, got=got) from None
    places = tokens_of(document)
    text = document.text
    spaces = [text[end : end + 1] == " " and end not in {start for start, _ in places} for _, end in places]
    doc = tokens.Doc(vocab, words=[text[start:end] for start, end in places], spaces=spaces)
    assert doc.text == text
    by_place = {(word.start, word.end): number for number, word in enumerate(document.words or ())}
    begins = {start for start, _ in document.sentences or ()}
    for token, place in zip(doc, places, strict=True):
        number = by_place.get(place)
        if number is not None and TAGS in document.columns and document.spans is None:
            token.tag_ = document.columns[TAGS][number]
        if document.sentences is not None:
            token.is_sent_start = number in begins
    _set_spans(doc, document, SPANS_KEY if grouped else None)
    doc.cats = dict(origin.cats) if isinstance(origin, Categorised) else {}
    return doc


def _set_spans(doc: Any, document: Document, group: str | None) -> None:
    if document.spans is None:
        return
    found = []
    for span in document.spans:
        made = doc.char_span(span.start, span.end, label=span.label or "")
        if made is None:
            what = "a span begins or ends inside a word"
            raise InputError(what, where=document.place, got=said_of(document, span))
        found.append(made)
    if group is None:
        doc.set_ents(found)
    else:
        doc.spans[group] = found


def _detect(beginning: Beginning) -> bool:
    """Whether a file is zlib's, and in it is a map with the first of DocBin's keys."""
    path = beginning.file.path
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head[:1] != b"\x78":
        return False
    try:
        content = zlib.decompressobj().decompress(head, _HEAD)
    except zlib.error:
        return False
    return content[:1] >= b"\x80" and b"version" in content[:16] and b"attrs" in content[:64]


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    return choose([doc.to_json() for doc in _docs(file.path)], settings.layer)[1]


FORMAT = Format(
    name="spacy",
    title="spaCy's binary .spacy",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_docbin(file, settings.layer),
    write=lambda documents, target, settings: write_docbin(documents, target),
    suffixes=(".spacy",),
    marks=_detect,
    states_encoding=True,
    left_out=_left_out,
    carries=("spacy", "spacy-json"),
)
