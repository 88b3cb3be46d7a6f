"""spaCy's `Doc.to_json` objects as Documents and back: entities or spans, words with their tags, sentences.

{"text": "Ann left.", "ents": [{"start": 0, "end": 3, "label": "PER"}], "sents": [{"start": 0, "end": 9}],
 "tokens": [{"id": 0, "start": 0, "end": 3, "tag": "NNP", "pos": "PROPN"}, ...], "spans": {"sc": [...]}}
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import TAGS, Document, Record, Span
from spanbert.corpus.formats.format import Layer
from spanbert.corpus.formats.span_records import span_of
from spanbert.corpus.text.word_tags import WordEdges
from spanbert.corpus.text.words import words_around

SPANS_KEY = "sc"  # what spaCy calls spans that may overlap, unless it is told otherwise
EXPECTED = '{"text": ..., "ents": [{"start": 0, "end": 3, "label": "PER"}], "tokens": [...]}'
_KEYS = {"upos": "pos", "xpos": "tag"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What of a file's objects is read, the same for all of them.

    Attributes:
        group: The name of the spans that are read; None: the entities.
        tag: The tags of words that are read, `tag` or `pos`, in place of spans; None: none.
    """

    group: str | None = None
    tag: str | None = None


def choose(records: Iterable[Mapping[str, Any]], layer: Layer) -> tuple[Choice, Counter[str]]:
    """Decides what is read of the objects of a file, and counts what is not.

    Entities are read; of a file without any, the spans called `sc`, else those of the first name; of a file without
    these, the tags of words (for `auto` those of `pos`, else of `tag`).

    Args:
        records: The objects of the file.
        layer: What is asked for.
    """
    found: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for record in records:
        found["ents"] += bool(record.get("ents"))
        found["asked"] += isinstance(record.get("ents"), list)
        spans = record.get("spans")
        for name, listed in spans.items() if isinstance(spans, Mapping) else ():
            groups[name] += len(listed) if isinstance(listed, list) else 0
        tokens, cats = record.get("tokens"), record.get("cats")
        for token in tokens if isinstance(tokens, list) else ():
            found.update(key for key in _KEYS.values() if isinstance(token, Mapping) and token.get(key))
        left_out["categories"] += len(cats) if isinstance(cats, Mapping | list) else 0
    groups += Counter()  # of those with anything
    group = None if found["ents"] or not groups else SPANS_KEY if SPANS_KEY in groups else next(iter(groups))
    left_out.update({f"spans of the group {name}": count for name, count in groups.items() if name != group})
    if layer in _KEYS:
        return Choice(group=group, tag=_KEYS[layer]), +left_out
    has_spans = found["asked"] or group is not None
    order = ("pos", "tag") if layer == "auto" else ("tag", "pos")
    tag = None if has_spans else next((key for key in order if found[key]), None)
    return Choice(group=group, tag=tag), +left_out


@dataclass(frozen=True, kw_only=True, slots=True)
class Categorised:
    """Scores of a text's categories, which documents do not hold."""

    cats: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpacyOrigin:
    """What spaCy says of a text.

    Attributes:
        record: Its `to_json` object.
        choice: What was read of it.
        read: The spans as they were read.
        packed: The text as spaCy packs it, with all that the object does not say; None: it came as JSON.
    """

    record: Mapping[str, Any]
    choice: Choice
    read: tuple[Span, ...] | None
    packed: bytes | None = None


def document_of_record(record: Any, choice: Choice, name: str, where: str, *, packed: bytes | None = None) -> Document:
    """A text from a `to_json` object.

    Args:
        record: The object.
        choice: What is read of it.
        name: Its id.
        where: File and line.
        packed: See `SpacyOrigin`.

    Raises:
        InputError: No such object, or a span or word outside of the text.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("text"), str):
        raise InputError("no text", where=where, got=type(record).__name__, expected=EXPECTED)
    text = record["text"]
    spans = None if choice.tag is not None else _spans(record, choice, text, where)
    words, tags = _words(record, choice, text, where)
    return Document(
        id=name,
        text=text,
        words=words,
        sentences=None if words is None else _sentences(record, words),
        spans=spans,
        columns={TAGS: tags} if tags else {},
        where=where,
        origin=SpacyOrigin(record=record, choice=choice, read=spans, packed=packed),
    )


def _spans(record: Mapping[str, Any], choice: Choice, text: str, where: str) -> tuple[Span, ...] | None:
    groups = record.get("spans")
    listed = record.get("ents")
    if choice.group is not None:
        listed = groups.get(choice.group, listed) if isinstance(groups, Mapping) else listed
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise InputError("spans that are no list", where=where, got=type(listed).__name__, expected=EXPECTED)
    found = dict.fromkeys(span_of(one, text, where)[0] for one in listed)
    return tuple(sorted(found, key=lambda one: (one.start, -one.end)))


def _words(
    record: Mapping[str, Any], choice: Choice, text: str, where: str
) -> tuple[tuple[Span, ...] | None, tuple[str, ...]]:
    """The tokens that are not white space, and their tags; no tags where a word has none."""
    tokens = record.get("tokens")
    if not isinstance(tokens, list):
        return None, ()
    words, tags, last = [], [], 0
    for token in tokens:
        start, end = (token.get("start"), token.get("end")) if isinstance(token, Mapping) else (None, None)
        if type(start) is not int or type(end) is not int or not last <= start <= end <= len(text):
            got, expected = json.dumps(token, ensure_ascii=False)[:80], '{"id": 0, "start": 0, "end": 3}, in order'
            raise InputError("not a token of the text", where=where, got=got, expected=expected)
        last = end
        if text[start:end].strip():
            words.append(Span(start=start, end=end))
            tags.append(str(token.get(choice.tag) or ""))
    return tuple(words), tuple(tags) if choice.tag is not None and all(tags) else ()


def _sentences(record: Mapping[str, Any], words: Sequence[Span]) -> tuple[tuple[int, int], ...] | None:
    listed = record.get("sents")
    if not isinstance(listed, list) or not all(
        isinstance(one, Mapping) and type(one.get("end")) is int for one in listed
    ):
        return None
    begins = [word.start for word in words]
    bounds = sorted({0, *(bisect_left(begins, one["end"]) for one in listed)})
    return tuple(pairwise(bounds)) if bounds[-1] == len(words) else None


def record_of_document(document: Document, *, grouped: bool) -> Record:
    """The `to_json` object of a text: the one that it came with if nothing changed, else one with other spans.

    Args:
        document: The text.
        grouped: The spans of a text that did not come so may overlap, so that they are not entities.

    Raises:
        InputError: A span that begins or ends inside a word.
    """
    origin = document.origin
    if isinstance(origin, SpacyOrigin):
        if document.spans == origin.read:
            return dict(origin.record)
        group = origin.choice.group
        rest = {key: value for key, value in origin.record.items() if key != "ents" or group is not None}
        return {**rest, **_listed(document, group, rest)}
    tokens = tokens_of(document)
    edges = WordEdges(document, [Span(start=start, end=end) for start, end in tokens])
    for span in document.spans or ():
        edges.first_and_last(span, "a span")
    words = {(word.start, word.end): place for place, word in enumerate(document.words or ())}
    tags = document.columns.get(TAGS, ()) if document.spans is None else ()
    made: Record = {"text": document.text, **_listed(document, SPANS_KEY if grouped else None, {})}
    if document.sentences is not None and document.words:
        made["sents"] = [
            {"start": document.words[start].start, "end": document.words[end - 1].end}
            for start, end in document.sentences
        ]
    made["tokens"] = [
        {
            "id": place,
            "start": start,
            "end": end,
            **({"tag": tags[words[start, end]]} if tags and (start, end) in words else {}),
        }
        for place, (start, end) in enumerate(tokens)
    ]
    return made


def _listed(document: Document, group: str | None, record: Mapping[str, Any]) -> Record:
    if document.spans is None:
        return {}
    listed = [{"start": one.start, "end": one.end, "label": one.label or ""} for one in document.spans]
    if group is None:
        return {"ents": listed}
    return {"spans": {**(record.get("spans") or {}), group: [{**one, "kb_id": ""} for one in listed]}}


def overlap(documents: Iterable[Document]) -> bool:
    """Whether spans of any document that did not come so overlap, as spaCy's entities may not."""
    for document in documents:
        if not isinstance(document.origin, SpacyOrigin):
            spans = sorted(document.spans or (), key=lambda one: (one.start, one.end))
            if any(one.end > other.start for one, other in pairwise(spans)):
                return True
    return False


def tokens_of(document: Document) -> list[tuple[int, int]]:
    """Half-open places of spaCy's tokens: the words, and what is between them but for a blank after a token."""
    words = words_around(document, document.spans or ())
    tokens: list[tuple[int, int]] = []
    last = 0
    for start, end in [*((word.start, word.end) for word in words), (len(document.text), len(document.text))]:
        last += bool(tokens) and document.text[last:start].startswith(" ")
        tokens += [(last, start)] if last < start else []
        tokens += [(start, end)] if start < end else []
        last = end
    return tokens
