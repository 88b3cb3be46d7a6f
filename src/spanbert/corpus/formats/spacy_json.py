"""spaCy's JSON: objects of `Doc.to_json`, and training data as version 3 and version 2 had it.

{"text": "Ann left.", "ents": [{"start": 0, "end": 3, "label": "PER"}], "tokens": [...]}      a line each, or a list
["Ann left.", {"entities": [[0, 3, "PER"]]}]                                                  the same
{"classes": ["PER"], "annotations": [["Ann left.", {"entities": [[0, 3, "PER"]]}]]}           of ner-annotator
[{"id": 0, "paragraphs": [{"raw": "Ann left.", "sentences": [{"tokens": [{"orth": "Ann", "ner": "U-PER"}, ...]}]}]}]
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Literal

from spanbert.core.errors import InputError
from spanbert.core.files import parse_json, read_json, write_json
from spanbert.core.tagging import Scheme, decode_tags, guess_scheme
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.formats.spacy_records import (
    EXPECTED,
    Categorised,
    Choice,
    SpacyOrigin,
    choose,
    document_of_record,
    overlap,
    record_of_document,
)
from spanbert.corpus.formats.span_records import span_of
from spanbert.corpus.io.files import COMPRESSED, OnBroken, SourceFile, readable, text_lines, write_lines
from spanbert.corpus.text.word_tags import tags_of
from spanbert.corpus.text.words import text_of_words, words_within

Form = Literal["doc", "pair", "paragraph"]
_MISSING = "-"  # version 2's tag of a word of which nothing is known


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """What is around the texts of a file.

    Attributes:
        kind: A value a line; a list; one value; a list under `annotations`; paragraphs of documents.
        around: The objects around them, without their lists.
    """

    kind: Literal["lines", "list", "one", "annotations", "paragraphs"]
    around: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingOrigin(Categorised):
    """A text of training data: a pair, or a paragraph; and what is around it.

    Attributes:
        value: The pair or paragraph.
        read: The spans as they were read.
        layout: Of the file.
        parent: The number of a paragraph's document.
    """

    value: Any
    read: tuple[Span, ...] | None
    layout: _Layout
    parent: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SpacyJsonOrigin(SpacyOrigin):
    """An object of `to_json`, and what is around it."""

    layout: _Layout


def form_of(value: Any) -> Form | None:
    """Which of spaCy's values this is."""
    if isinstance(value, list):
        sound = len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], Mapping)
        return "pair" if sound and isinstance(value[1].get("entities"), list) else None
    if not isinstance(value, Mapping):
        return None
    sentences = value.get("sentences")
    if isinstance(sentences, list) and all(isinstance(one, Mapping) and "tokens" in one for one in sentences):
        return "paragraph"
    if not isinstance(value.get("text"), str):
        return None
    tokens = value.get("tokens")
    first = tokens[0] if isinstance(tokens, list) and tokens else None
    is_token = isinstance(first, Mapping) and {"id", "start", "end"} <= first.keys() and "text" not in first
    is_doc = isinstance(value.get("ents"), list) or isinstance(value.get("spans"), Mapping)
    return "doc" if is_doc or (is_token and not isinstance(value.get("spans"), list)) else None


def _layout_of(value: Any) -> tuple[_Layout, list[tuple[int, Any]]] | None:
    """What is around the texts of a file, and the texts with the numbers of their documents; None: not spaCy's."""
    if isinstance(value, Mapping) and isinstance(value.get("annotations"), list):
        texts = [one for one in value["annotations"] if one is not None]  # ner-annotator's lines that were skipped
        around = {key: one for key, one in value.items() if key != "annotations"}
        sound = bool(texts) and all(form_of(one) == "pair" for one in texts[:1])
        return (_Layout(kind="annotations", around=(around,)), [(0, one) for one in texts]) if sound else None
    if form_of(value) == "doc":
        return _Layout(kind="one"), [(0, value)]
    if not isinstance(value, list) or not value:
        return None
    if form_of(value) is not None:
        return _Layout(kind="one"), [(0, value)]
    if all(isinstance(one, Mapping) and isinstance(one.get("paragraphs"), list) for one in value):
        found = [(number, one) for number, document in enumerate(value) for one in document["paragraphs"]]
        parents = tuple({key: one for key, one in document.items() if key != "paragraphs"} for document in value)
        sound = all(form_of(one) == "paragraph" for _, one in found[:1])
        return (_Layout(kind="paragraphs", around=parents), found) if sound else None
    return (_Layout(kind="list"), [(0, one) for one in value]) if form_of(value[0]) is not None else None


def _values(file: SourceFile) -> tuple[_Layout, Iterable[tuple[str, int, Any]]]:
    """What is around the texts of a file, and the texts with their places and the numbers of their documents."""
    numbered = ((number, line) for number, line in text_lines(file) if line.strip())
    first = next(numbered, (1, ""))[1]
    try:
        value = json.loads(first)
        alone = next(numbered, None) is None
    except (ValueError, RecursionError):
        value, alone = None, file.kind != ".jsonl" and file.path.suffix.lower() not in COMPRESSED
    if alone and (value is None or form_of(value) is None):
        found = _layout_of(read_json(file.path) if value is None else value)
        if found is None:
            raise InputError("not JSON of spaCy's", where=str(file.path), expected=EXPECTED)
        layout, values = found
        return layout, [(f"{file.path}, text {place}", *one) for place, one in enumerate(values, start=1)]
    return _Layout(kind="lines"), _lines(file)


def _lines(file: SourceFile) -> Iterator[tuple[str, int, Any]]:
    for number, line in text_lines(file):
        if line.strip():
            where = f"{file.path}:{number}"
            yield where, 0, parse_json(line, where, EXPECTED)


def read_spacy_json(file: SourceFile, settings: ReadSettings, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of a file.

    Args:
        file: A value a line, plain or compressed, or one of all texts.
        settings: `layer`: see `choose`.
        on_broken: Called with the error of each text that cannot be used and is left out; None: the error is raised.

    Raises:
        InputError: Not JSON, not spaCy's, or a span outside of its text; names file and place.
    """
    layout, values = _values(file)
    choice, scheme, _ = _survey(values, settings)
    again = values if isinstance(values, list) else _lines(file)  # what stands in one value is in memory already
    for number, (where, parent, value) in enumerate(again, start=1):
        make = partial(_document, value, layout, parent, choice, scheme, f"{file.name}:{number}", where)
        yield from readable(make, on_broken)


def _survey(values: Iterable[tuple[str, int, Any]], settings: ReadSettings) -> tuple[Choice, Scheme, Counter[str]]:
    """What is read of the texts of a file, how the tags of its words are written, and what is left out."""
    tags: list[list[str]] = []
    records: list[Mapping[str, Any]] = []
    for _, _, value in values:
        form = form_of(value)
        if form == "paragraph":
            tokens = _tokens(value)
            tags.append([_ner(one) for one in tokens])
            ents = [tag for tag in tags[-1] if tag != "O"] if any("ner" in one for one in tokens) else None
            records.append({"ents": ents, "tokens": tokens, "cats": value.get("cats")})
        elif form == "pair":
            cats = value[1].get("cats")
            records.append({"ents": value[1]["entities"], "cats": cats})
        elif form == "doc":
            records.append({key: value.get(key) for key in ("ents", "spans", "tokens", "cats")})
    choice, left_out = choose(records, settings.layer)
    return choice, guess_scheme(tags), left_out


def _tokens(paragraph: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = [one for sentence in paragraph["sentences"] for one in sentence["tokens"]]
    return [one for one in listed if isinstance(one, Mapping)]


def _ner(token: Mapping[str, Any]) -> str:
    tag = token.get("ner")
    return tag if isinstance(tag, str) and tag != _MISSING else "O"


def _document(
    value: Any, layout: _Layout, parent: int, choice: Choice, scheme: Scheme, name: str, where: str
) -> Document:
    form = form_of(value)
    if form == "pair":
        return _of_pair(value, layout, name, where)
    if form == "paragraph":
        return _of_paragraph(value, layout, parent, choice, scheme, name, where)
    document = document_of_record(value, choice, name, where)
    origin = SpacyJsonOrigin(record=value, choice=choice, read=document.spans, layout=layout)
    return replace(document, origin=origin)


def _of_pair(value: Any, layout: _Layout, name: str, where: str) -> Document:
    text, annotation = value
    spans = tuple(span_of(entry, text, where)[0] for entry in annotation["entities"])
    origin = TrainingOrigin(value=value, read=spans, layout=layout, cats=_cats(annotation.get("cats")))
    return Document(id=name, text=text, spans=spans, where=where, origin=origin)


def _cats(value: Any) -> Mapping[str, Any]:
    """Categories as they are now: version 2 listed them in paragraphs."""
    if isinstance(value, list):
        return {one["label"]: one.get("value", 1.0) for one in value if isinstance(one, Mapping) and "label" in one}
    return value if isinstance(value, Mapping) else {}


def _of_paragraph(
    value: Any, layout: _Layout, parent: int, choice: Choice, scheme: Scheme, name: str, where: str
) -> Document:
    tokens = _tokens(value)
    words = [token["orth"] for token in tokens if isinstance(token.get("orth"), str) and token["orth"]]
    if len(words) < len(tokens):
        expected = '{"id": 0, "orth": "Ann", "ner": "U-PER"}'
        raise InputError("a token without its text", where=where, expected=expected)
    raw = value.get("raw")
    places = words_within(words, raw) if isinstance(raw, str) else None
    if isinstance(raw, str) and places is None:
        raise InputError("tokens that are not those of the raw text", where=where, got=repr(raw[:60]))
    text, found = (raw, places) if isinstance(raw, str) and places is not None else text_of_words(words)
    spans = None
    if choice.tag is None and any("ner" in token for token in tokens):
        tagged = decode_tags([_ner(token) for token in tokens], scheme)
        spans = tuple(Span(start=found[low].start, end=found[high - 1].end, label=label) for low, high, label in tagged)
    tags = tuple(str(token.get(choice.tag) or "") for token in tokens) if choice.tag is not None else ()
    bounds = [0]
    for sentence in value["sentences"]:
        bounds.append(bounds[-1] + len(sentence["tokens"]))
    return Document(
        id=name,
        text=text,
        words=tuple(found),
        sentences=tuple(one for one in pairwise(bounds) if one[0] < one[1]),
        spans=spans,
        columns={TAGS: tags} if tags and all(tags) else {},
        where=where,
        origin=TrainingOrigin(value=value, read=spans, layout=layout, parent=parent, cats=_cats(value.get("cats"))),
    )


def write_spacy_json(documents: Iterable[Document], target: Path) -> None:
    """Writes `to_json` objects, one a line; documents that all came from one such file keep its form and all it says.

    Spans of texts from elsewhere are entities; where those of any text overlap, those of all are the spans `sc`.

    Raises:
        InputError: A span that begins or ends inside a word; names the document.
    """
    listed = list(documents)
    origin = listed[0].origin if listed else None
    layout = origin.layout if isinstance(origin, TrainingOrigin | SpacyJsonOrigin) else _Layout(kind="lines")
    grouped = overlap(one for one in listed if not isinstance(one.origin, TrainingOrigin))
    values = [_value(one, grouped) for one in listed]
    if layout.kind == "lines":
        write_lines(target, (json.dumps(one, ensure_ascii=False) for one in values))
    elif layout.kind == "one" and len(values) == 1:
        write_json(target, values[0])
    elif layout.kind == "annotations":
        write_json(target, {**layout.around[0], "annotations": values})
    elif layout.kind == "paragraphs":
        parents = [one.origin.parent if isinstance(one.origin, TrainingOrigin) else 0 for one in listed]
        by_parent = {
            parent: [value for _, value in group]
            for parent, group in groupby(zip(parents, values, strict=True), key=lambda one: one[0])
        }
        write_json(target, [{**one, "paragraphs": by_parent.get(n, [])} for n, one in enumerate(layout.around)])
    else:
        write_json(target, values)


def _value(document: Document, grouped: bool) -> Any:
    origin = document.origin
    if not isinstance(origin, TrainingOrigin):
        return record_of_document(document, grouped=grouped)
    if document.spans == origin.read:
        return origin.value
    if isinstance(origin.value, list):
        text, annotation = origin.value
        return [text, {**annotation, "entities": [[one.start, one.end, one.label] for one in document.spans or ()]}]
    tags = iter(tags_of(document, "BILOU"))
    sentences = [
        {**sentence, "tokens": [{**token, "ner": next(tags)} for token in sentence["tokens"]]}
        for sentence in origin.value["sentences"]
    ]
    return {**origin.value, "sentences": sentences}


def _detect(beginning: Beginning) -> bool:
    value = beginning.whole_json
    return form_of(value) is not None or _layout_of(value) is not None


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    return _survey(_values(file)[1], settings)[2]


FORMAT = Format(
    name="spacy-json",
    title="spaCy's JSON, of Doc.to_json or for training",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    marks=_detect,
    read=read_spacy_json,
    write=lambda documents, target, settings: write_spacy_json(documents, target),
    left_out=_left_out,
    carries=("spacy", "spacy-json"),
)
