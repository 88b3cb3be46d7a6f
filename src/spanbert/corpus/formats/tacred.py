"""TACRED's JSON (Zhang et al. 2017): a list of examples, each with its words, a subject, an object and a relation.

    [{"token": [...], "subj_start": 0, "subj_end": 1, "obj_start": 5, "obj_end": 5, "relation": "...", ...}]

End positions are inclusive: the last word belongs to the span.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json, write_json
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import RELATIONS
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.relations import identity_of, label_of, one_by_one
from spanbert.corpus.io.files import OnBroken, SourceFile, readable, whole_text
from spanbert.corpus.text.word_tags import WordEdges
from spanbert.corpus.text.words import text_of_words, words_between

_FIELDS = ("token", "subj_start", "subj_end", "obj_start", "obj_end")
_LOOKED_AT = 1 << 16  # bytes of a file that are read to detect its format


@dataclass(frozen=True, kw_only=True, slots=True)
class TacredOrigin:
    """The object of an example, and its relation as it was read."""

    record: Mapping[str, Any]
    read: Relation


def read_tacred(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of TACRED's list.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable example, which is then left out; the file must be JSON.
            None: the error is raised.

    Raises:
        InputError: No list, or an entity outside of its text; names file and example.
    """
    path = file.path
    content = parse_json(whole_text(path), str(path), whole_file=True)
    if not isinstance(content, list):
        raise InputError("not a list of examples", where=str(path), expected=f"objects with {', '.join(_FIELDS)}")
    for number, record in enumerate(content, start=1):
        make = partial(document_of_example, record, f"{file.name}:{number}", f"{path}, example {number}")
        yield from readable(make, on_broken)


def document_of_example(record: Any, name: str, where: str) -> Document:
    """A text with one relation from an example of TACRED's.

    Args:
        record: The object.
        name: Its id, where it has none.
        where: File and example.

    Raises:
        InputError: No such object, or an entity outside of its text.
    """
    missing = [key for key in _FIELDS if not isinstance(record, Mapping) or key not in record]
    if missing:
        raise InputError(f"no {missing[0]}", where=where, expected=", ".join(_FIELDS))
    tokens = record["token"]
    if not isinstance(tokens, list) or not all(isinstance(one, str) and one for one in tokens):
        raise InputError("tokens that are not words", where=where, expected='"token": ["He", "left"]')
    text, words = text_of_words(tokens)
    spans = []
    for side in ("subj", "obj"):
        start, end = record[f"{side}_start"], record[f"{side}_end"]
        if type(start) is not int or type(end) is not int or not 0 <= start <= end < len(words):
            raise InputError(
                f"{side} outside of the text",
                where=where,
                got=f"{side}_start {start}, {side}_end {end}",
                expected=f"words 0..{len(words) - 1}, the last one included",
            )
        if not text[words[start].start : words[end].end].strip():
            raise InputError(f"{side} is nothing but blanks", where=where, got=f"words {start}..{end}")
        label = record.get(f"{side}_type")
        spans.append(
            Span(start=words[start].start, end=words[end].end, label=label if isinstance(label, str) else None)
        )
    relation = Relation(head=spans[0], tail=spans[1], label=label_of(record, "relation", where))
    return Document(
        id=identity_of(record, name),
        text=text,
        words=tuple(words),
        relations=(relation,),
        where=where,
        origin=TacredOrigin(record=record, read=relation),
    )


def write_tacred(documents: Iterable[Document], target: Path) -> None:
    """Writes documents of one relation each, whole or not at all; what came from such a file comes back as it was.

    Raises:
        InputError: An entity begins or ends inside a word; names the document.
    """
    write_json(target, [example_of(document) for document in documents])


def example_of(document: Document) -> dict[str, Any]:
    """The object of a document of one relation: the one that it came with, else a new one.

    Raises:
        InputError: An entity begins or ends inside a word; names the document.
    """
    [relation] = document.relations or ()
    if isinstance(document.origin, TacredOrigin):
        changed = {} if relation == document.origin.read else {"relation": relation.label}
        return {**document.origin.record, **changed}
    edges = {place for entity in (relation.head, relation.tail) for place in (entity.start, entity.end)}
    words = document.words or words_between(document.text, edges)
    places = WordEdges(document, words)
    record: dict[str, Any] = {
        "id": document.id,
        "token": [document.text[word.start : word.end] for word in words],
    }
    for side, span in (("subj", relation.head), ("obj", relation.tail)):
        first, last = places.first_and_last(span, "an entity")
        record |= {f"{side}_start": first, f"{side}_end": last}
        record |= {} if span.label is None else {f"{side}_type": span.label}
    return {**record, "relation": relation.label}


def _begins_with_list(beginning: Beginning) -> bool:
    return beginning.line.lstrip().startswith("[")


FORMAT = Format(
    name="tacred",
    title="TACRED's JSON, a list of words with subject and object",
    family=RELATIONS,
    holds=frozenset({"relations"}),
    detect=_begins_with_list,
    read=lambda file, settings, on_broken: read_tacred(file, on_broken),
    write=lambda documents, target, settings: write_tacred(one_by_one(documents), target),
    marks=lambda beginning: (
        _begins_with_list(beginning) and '"subj_start"' in whole_text(beginning.file.path, _LOOKED_AT)
    ),
)
