"""Texts with two entities and the relation between them: TACRED's JSON, SemEval-2010 Task 8's text, JSON lines.

TACRED   [{"token": [...], "subj_start": 0, "subj_end": 1, "obj_start": 5, "obj_end": 5, "relation": "...", ...}]
SemEval  8001	"The <e1>audits</e1> were about <e2>waste</e2>."
         Message-Topic(e1,e2)
         Comment:
lines    {"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}, "label": "..."}, several in "relations": [...], or
         TACRED's objects

A Document has one relation or, from lines, several. The head is the subject (e1), the tail the object (e2); the label
is empty where the file does not say it. TACRED's last words are in the spans; characters are half-open as everywhere.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from spanbert.core.errors import InputError, nearest
from spanbert.core.files import parse_json, write_atomically, write_json
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.files import (
    ByteCounter,
    OnBroken,
    SourceFile,
    decode_line,
    first_line,
    keys_of,
    open_bytes,
    read_lines,
    readable,
)
from spanbert.corpus.word_tags import place_of
from spanbert.corpus.words import text_of_words, words_between

RelationFormat = Literal["tacred", "semeval", "relation-jsonl"]
FORMATS: tuple[RelationFormat, ...] = get_args(RelationFormat)
_TACRED = ("token", "subj_start", "subj_end", "obj_start", "obj_end")
_EXPECTED = (
    '{"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}, "label": ...}, or TACRED\'s token, subj_start ...'
)
_LOOKED_AT = 1 << 16  # bytes of a file that tell what it is
_SENTENCE = re.compile(r'(\d+)\t"(.*)"\s*')
_MARKS = re.compile(r"</?e[12]>")


def relation_format(path: Path) -> RelationFormat:
    """The format of a file, by its first line.

    Raises:
        InputError: No such file, an empty one, or none of the formats.
    """
    if not path.is_file():
        raise InputError("no such file", where=str(path))
    for number, line in _lines(path):
        if not line.strip():
            continue
        if line.lstrip().startswith("["):
            return "tacred"
        if line.startswith("{"):
            return "relation-jsonl"
        if _SENTENCE.fullmatch(line):
            return "semeval"
        raise InputError("no file of relations", where=f"{path}:{number}", got=repr(line[:60]), expected=_EXPECTED)
    raise InputError("an empty file", where=str(path))


def detected_relations(path: Path) -> RelationFormat | None:
    """The format of a file that begins as files of relations do; None for any other."""
    first = first_line(path)
    if _SENTENCE.fullmatch(first) and _MARKS.search(first):
        return "semeval"
    if first.lstrip().startswith("["):
        return "tacred" if '"subj_start"' in _content(path, _LOOKED_AT) else None
    return "relation-jsonl" if keys_of(first, ("subj_start",)) else None


def read_relations(path: Path, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a file in any of the formats.

    Args:
        path: The file.
        on_broken: Is told of a text that cannot be read, which is then left out; None: the error is raised.

    Raises:
        InputError: It cannot be read, or an entity lies outside of its text; names file and line.
    """
    readers: dict[RelationFormat, Callable[[Path, OnBroken | None], Iterator[Document]]] = {
        "tacred": _read_tacred,
        "semeval": _read_semeval,
        "relation-jsonl": _read_jsonl,
    }
    return readers[relation_format(path)](path, on_broken)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, raw in read_lines(SourceFile(path=path, name=path.name), ByteCounter()):
        yield number, decode_line(raw, f"{path}:{number}", first=number == 1)


def _read_tacred(path: Path, on_broken: OnBroken | None) -> Iterator[Document]:
    content = parse_json(_content(path), str(path), whole_file=True)
    if not isinstance(content, list):
        raise InputError("no list of examples", where=str(path), expected=f"objects with {', '.join(_TACRED)}")
    for number, record in enumerate(content, start=1):
        make = partial(_of_tacred, record, f"{path.name}:{number}", f"{path}, example {number}")
        yield from readable(make, on_broken)


def _content(path: Path, most: int = -1) -> str:
    """The text of a file, plain or compressed, or of its beginning."""
    content, raw = open_bytes(path)
    with raw, content:
        try:
            return content.read(most).decode("utf-8-sig", "strict" if most < 0 else "replace")
        except UnicodeDecodeError as error:
            raise InputError("not UTF-8 text", where=str(path), got=f"byte {error.start}") from None
        except (EOFError, zlib.error, OSError) as error:
            raise InputError("the compressed file is damaged or cut short", where=str(path), got=str(error)) from None


def _read_jsonl(path: Path, on_broken: OnBroken | None) -> Iterator[Document]:
    for number, line in _lines(path):
        if line.strip():
            make = partial(_of_line, line, f"{path.name}:{number}", f"{path}:{number}")
            yield from readable(make, on_broken)


def _of_line(line: str, name: str, where: str) -> Document:
    record = parse_json(line, where, _EXPECTED)
    is_tacred = isinstance(record, Mapping) and "token" in record
    return _of_tacred(record, name, where) if is_tacred else document_of_pairs(record, name, where)


def _of_tacred(record: Any, name: str, where: str) -> Document:
    missing = [key for key in _TACRED if not isinstance(record, Mapping) or key not in record]
    if missing:
        raise InputError(f"no {missing[0]}", where=where, expected=", ".join(_TACRED))
    tokens = record["token"]
    if not isinstance(tokens, list) or not all(isinstance(one, str) and one for one in tokens):
        raise InputError("tokens that are no words", where=where, expected='"token": ["He", "left"]')
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
    relation = Relation(head=spans[0], tail=spans[1], label=_label(record, "relation", where))
    return Document(
        id=_identity(record, name),
        text=text,
        words=tuple(words),
        relations=(relation,),
        meta={"record": record, "form": "tacred", "read": relation, "where": where},
    )


def document_of_pairs(record: Any, name: str, where: str) -> Document:
    """A text with one pair of entities (`head`, `tail`, `label`) or several (`relations`) from a JSON object.

    Args:
        record: The object.
        name: Its id, where it has none.
        where: File and line.

    Raises:
        InputError: No text, or an entity outside of it.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("text"), str):
        raise InputError("no text", where=where, got=type(record).__name__, expected=_EXPECTED)
    listed = record.get("relations", [record])
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise InputError("relations that are no objects", where=where, expected=_EXPECTED)
    relations = tuple(_relation(one, record["text"], where) for one in listed)
    return Document(
        id=_identity(record, name),
        text=record["text"],
        relations=relations,
        meta={"record": record, "form": "line", "read": relations, "where": where},
    )


def _label(record: Mapping[str, Any], key: str, where: str) -> str:
    """A label, empty where the file does not say it."""
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError("a label that is no text", where=f"{where}, {key}", got=json.dumps(value)[:40])
    return value or ""


def _identity(record: Mapping[str, Any], name: str) -> str:
    stated = record.get("id")
    return str(stated) if isinstance(stated, str | int) else name


def _relation(record: Mapping[str, Any], text: str, where: str) -> Relation:
    head, tail = (entity_of(record.get(side), text, side, where) for side in ("head", "tail"))
    return Relation(head=head, tail=tail, label=_label(record, "label", where))


def entity_of(entry: Any, text: str, side: str, where: str) -> Span:
    """A span of a text from `{"start": 0, "end": 3, "label": ...}`.

    Args:
        entry: The object.
        text: The text.
        side: What the entity is called in messages.
        where: File and line.

    Raises:
        InputError: Not such an object, or not within the text.
    """
    start, end = (entry.get("start"), entry.get("end")) if isinstance(entry, Mapping) else (None, None)
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise InputError(
            f"{side} outside of the text",
            where=where,
            got=json.dumps(entry, ensure_ascii=False)[:80],
            expected=f"start and end in a text of {len(text)} characters",
        )
    if not text[start:end].strip():
        raise InputError(f"{side} is nothing but blanks", where=where, got=f"{start}..{end}")
    label = entry.get("label")
    return Span(start=start, end=end, label=label if isinstance(label, str) else None)


def _read_semeval(path: Path, on_broken: OnBroken | None) -> Iterator[Document]:
    sentence: tuple[str, str, str] | None = None  # number, text with marks, place
    label = ""
    rest: list[str | None] = []  # the lines after the sentence; None: the label

    def made() -> Iterator[Document]:
        if sentence is not None:
            yield from readable(partial(_of_marks, *sentence, label, tuple(rest)), on_broken)

    for number, line in _lines(path):
        match = _SENTENCE.fullmatch(line)
        if match:
            yield from made()
            sentence, label, rest = (match[1], match[2], f"{path}:{number}"), "", []
        elif _MARKS.search(line) and not line.startswith("Comment"):
            expected = '8001<tab>"The <e1>audits</e1> ..."'
            raise InputError("not a sentence", where=f"{path}:{number}", got=repr(line[:60]), expected=expected)
        elif sentence is None and line.strip():
            raise InputError("a line before the first sentence", where=f"{path}:{number}", got=repr(line[:60]))
        elif not label and line.strip() and not line.startswith("Comment"):
            label = line.strip()
            rest.append(None)
        else:
            rest.append(line)
    yield from made()


def _of_marks(identity: str, marked: str, where: str, label: str, rest: tuple[str | None, ...]) -> Document:
    places: dict[str, int] = {}
    text, last = "", 0
    for mark in _MARKS.finditer(marked):
        text += marked[last : mark.start()]
        last = mark.end()
        if mark[0] in places:
            raise InputError(f"{mark[0]} stands twice", where=where)
        places[mark[0]] = len(text)
    text += marked[last:]
    missing = [mark for mark in ("<e1>", "</e1>", "<e2>", "</e2>") if mark not in places]
    if missing:
        raise InputError(f"no {missing[0]}", where=where, got=repr(marked[:60]))
    head, tail = (
        Span(start=places[f"<e{n}>"], end=places[f"</e{n}>"]) if places[f"<e{n}>"] < places[f"</e{n}>"] else None
        for n in "12"
    )
    if head is None or tail is None or not all(text[one.start : one.end].strip() for one in (head, tail)):
        raise InputError("an entity ends before it begins, or is empty", where=where, got=repr(marked[:60]))
    relation = Relation(head=head, tail=tail, label=label)
    return Document(
        id=identity,
        text=text,
        relations=(relation,),
        meta={"marked": marked, "rest": rest, "form": "semeval", "read": relation, "where": where},
    )


def write_relations(documents: Iterable[Document], target: Path, *, to: str) -> None:
    """Writes documents in one of the formats, whole or not at all; what they came with is kept where it can be.

    TACRED's and SemEval's hold one relation a record: a text with several is written several times.

    Raises:
        InputError: No such format, or a document without a relation that has to have one; names it.
    """
    if to not in FORMATS:
        raise InputError(f"unknown format {to!r}", where="--to", remedy=nearest(to, FORMATS))
    if to == "tacred":
        write_json(target, [_tacred_record(one) for document in documents for one in _one_by_one(document)])
    elif to == "relation-jsonl":
        lines = (json.dumps(_line_record(document), ensure_ascii=False) for document in documents)
        write_atomically(target, "".join(line + "\n" for line in lines))
    else:
        single = (one for document in documents for one in _one_by_one(document))
        lines = (_semeval_lines(document, number) for number, document in enumerate(single, start=1))
        write_atomically(target, "".join(lines))


def _one_by_one(document: Document) -> Iterator[Document]:
    """The document once for each of its relations."""
    relations = document.relations or ()
    if not relations:
        raise InputError("a text without a relation", where=place_of(document), remedy="Write relation-jsonl")
    if len(relations) == 1:
        yield document
        return
    for number, relation in enumerate(relations, start=1):
        yield replace(document, id=f"{document.id}-{number}", relations=(relation,))


def _one(document: Document) -> Relation:
    [relation] = document.relations or ()
    return relation


def _tacred_record(document: Document) -> dict[str, Any]:
    relation = _one(document)
    if document.meta.get("form") == "tacred":
        changed = {} if relation == document.meta["read"] else {"relation": relation.label}
        return {**document.meta["record"], **changed}
    edges = {place for entity in (relation.head, relation.tail) for place in (entity.start, entity.end)}
    words = document.words or words_between(document.text, edges)
    starts = {word.start: place for place, word in enumerate(words)}
    ends = {word.end: place for place, word in enumerate(words)}
    record: dict[str, Any] = {
        "id": document.id,
        "token": [document.text[word.start : word.end] for word in words],
    }
    for side, span in (("subj", relation.head), ("obj", relation.tail)):
        if span.start not in starts or span.end not in ends:
            got = f"{span.start}..{span.end} {document.text[span.start : span.end]!r}"
            raise InputError("an entity begins or ends inside a word", where=place_of(document), got=got)
        record |= {f"{side}_start": starts[span.start], f"{side}_end": ends[span.end]}
        record |= {} if span.label is None else {f"{side}_type": span.label}
    return {**record, "relation": relation.label}


def _line_record(document: Document) -> dict[str, Any]:
    form, record = document.meta.get("form"), document.meta.get("record")
    if form == "tacred":
        return _tacred_record(document)
    if form == "line" and record is not None and document.relations == document.meta["read"]:
        return dict(record)
    read, listed = document.meta.get("read"), (record or {}).get("relations")
    relations = [
        listed[read.index(one)] if listed and read and one in read else _relation_record(one)
        for one in document.relations or ()
    ]
    alone = len(relations) == 1 and "relations" not in (record or {})
    rest = relations[0] if alone else {"relations": relations}
    return {**({"id": document.id, "text": document.text} if record is None else record), **rest}


def _relation_record(relation: Relation) -> dict[str, Any]:
    sides = {
        side: {"start": span.start, "end": span.end, **({} if span.label is None else {"label": span.label})}
        for side, span in (("head", relation.head), ("tail", relation.tail))
    }
    return {**sides, "label": relation.label}


def _semeval_lines(document: Document, number: int) -> str:
    relation = _one(document)
    marked, rest = document.meta.get("marked"), document.meta.get("rest", (None, "Comment:", ""))
    if document.meta.get("form") != "semeval" or relation != document.meta["read"]:
        if re.search(r"[\r\n]", document.text) or _MARKS.search(document.text):
            what = "a text with line breaks or marks"
            raise InputError(what, where=place_of(document), remedy="Write relation-jsonl")
        marks = [(relation.head.start, 1, "<e1>"), (relation.head.end, 0, "</e1>"),
                 (relation.tail.start, 1, "<e2>"), (relation.tail.end, 0, "</e2>")]  # fmt: skip
        marked, last = "", 0
        for place, _, mark in sorted(marks):
            marked += document.text[last:place] + mark
            last = place
        marked += document.text[last:]
    label = [relation.label] if relation.label else []
    after = [line for one in rest for line in (label if one is None else [one])]
    after = after if None in rest else [*label, *after]
    return "\n".join([f'{document.id if document.id.isdecimal() else number}\t"{marked}"', *after]) + "\n"
