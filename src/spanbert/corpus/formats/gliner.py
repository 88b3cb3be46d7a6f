"""GLiNER's training data: a list of objects, or an object a line, with words and spans counted in words.

    [{"tokenized_text": ["Ann", "left", "New", "York"], "ner": [[0, 0, "person"], [2, 3, "location"]]}]

The last word of a span belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.relations import identity_of
from spanbert.corpus.formats.span_records import RecordOrigin, other_fields
from spanbert.corpus.formats.tagged_words import text_is_lost
from spanbert.corpus.io.files import OnBroken, SourceFile, raise_broken, readable
from spanbert.corpus.io.tables import json_objects
from spanbert.corpus.text.word_tags import WordEdges
from spanbert.corpus.text.words import text_with_words, words_around

_WORDS, _SPANS = "tokenized_text", "ner"
_EXPECTED = '{"tokenized_text": ["Ann", "left"], "ner": [[0, 0, "person"]]}'
_OWN = frozenset({"id", "text", _WORDS, _SPANS, "relations"})


def read_gliner(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of a file with their spans.

    Args:
        file: A JSON list, or JSON lines; plain or compressed.
        on_broken: Called with the error of each text that cannot be used, which is then left out; None: it is raised.

    Raises:
        InputError: No words, or a span outside of them; names the place.
    """
    for where, name, record in json_objects(file, _EXPECTED, on_broken or raise_broken):
        yield from readable(partial(_document, record, name, where), on_broken)


def _document(record: Mapping[str, Any], name: str, where: str) -> Document:
    words = record.get(_WORDS)
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        got = json.dumps(words, ensure_ascii=False)[:80]
        raise InputError(f"no list of words in {_WORDS!r}", where=where, got=got, expected=_EXPECTED)
    text, places = text_with_words(words, record.get("text"))
    entries = record.get(_SPANS)
    if entries is not None and not isinstance(entries, list):
        raise InputError(f"{_SPANS!r} is no list", where=where, got=type(entries).__name__, expected=_EXPECTED)
    spans = None if entries is None else tuple(_span(entry, places, where) for entry in entries)
    return Document(
        id=identity_of(record, name),
        text=text,
        words=tuple(places),
        spans=spans,
        where=where,
        origin=RecordOrigin(record=record, own=_OWN, read=spans),
    )


def _span(entry: Any, words: list[Span], where: str) -> Span:
    """A span from its first and its last word, which may be numbers or their digits, and its label."""
    is_triple = isinstance(entry, list) and len(entry) == 3 and isinstance(entry[2], str | int) and entry[2] != ""
    edges = [_number(edge) for edge in entry[:2]] if is_triple else []
    if not is_triple or not 0 <= edges[0] <= edges[1] < len(words):
        raise InputError(
            "not a span of the words",
            where=where,
            got=json.dumps(entry, ensure_ascii=False),
            expected=f"[first, last, label] of {len(words)} words, the last one included",
        )
    return Span(start=words[edges[0]].start, end=words[edges[1]].end, label=str(entry[2]))


def _number(edge: Any) -> int:
    """The number of a word; -1 where it is none."""
    if isinstance(edge, str) and edge.isascii() and edge.isdecimal():
        return int(edge)
    return edge if type(edge) is int else -1


def _record(document: Document) -> Mapping[str, Any]:
    """The object of a document: the one that it came with while its spans are the same."""
    if document.spans is None:
        raise InputError("no spans to write for GLiNER", where=document.place)
    origin = document.origin
    is_own = isinstance(origin, RecordOrigin) and _WORDS in origin.record
    if isinstance(origin, RecordOrigin) and is_own and document.spans == origin.read:
        return origin.record
    words = words_around(document, document.spans)
    places = WordEdges(document, words)
    texts = [document.text[word.start : word.end] for word in words]
    spans = [[*places.first_and_last(span, "a span"), span.label or ""] for span in document.spans]
    text = {"text": document.text} if text_is_lost(document, texts) else {}
    record = {"id": document.id, _WORDS: texts, _SPANS: spans, **text}
    return record | {name: value for name, value in other_fields(document).items() if name not in _OWN}


def write_gliner(documents: Iterable[Document], target: Path) -> None:
    """Writes a JSON list with an object a line, or JSON lines into a .jsonl file; whole or not at all.

    Args:
        documents: With spans; texts without words are split into words that begin and end where their spans do.
        target: The file.

    Raises:
        InputError: A text without annotation, or a span that begins or ends inside a word.
    """
    is_list = target.suffix.lower() != ".jsonl"
    with file_written_whole(target) as stream:
        stream.write("[" if is_list else "")
        for number, document in enumerate(documents):
            between = (",\n" if number else "\n") if is_list else ""
            stream.write(between + json.dumps(_record(document), ensure_ascii=False) + ("" if is_list else "\n"))
        stream.write("\n]\n" if is_list else "")


def _detect(beginning: Beginning) -> bool:
    return beginning.record is not None and _WORDS in beginning.record


FORMAT = Format(
    name="gliner",
    title="GLiNER's JSON",
    family=ANNOTATED,
    holds=frozenset({"spans"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_gliner(file, on_broken),
    write=lambda documents, target, settings: write_gliner(documents, target),
    marks=_detect,
)
