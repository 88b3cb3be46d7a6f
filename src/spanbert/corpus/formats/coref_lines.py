"""Coreference as JSON, one document a line: `text` with clusters of characters, or words with clusters of words.

    {"id": "1", "text": "Ann left. She ran.", "clusters": [[[0, 3], [10, 13]]]}
    {"doc_key": "1", "sentences": [["Ann", "left", "."], ["She", "ran", "."]], "clusters": [[[0, 0], [3, 3]]]}
    {"id": "1", "tokens": ["Ann", "left", ".", "She", "ran", "."], "clusters": [[[0, 0], [3, 3]]]}
    {"id": "1", "text": "Ann left. She ran.", "tasks": {"coref": {"clusters": [...]}}}, as `spanbert predict` writes,
        with characters, and with "sentences" and "speakers" where its input had words

Characters are half-open code points, as everywhere here. Words are counted over all sentences; a mention ends with its
last word, as in the files of the English coreference literature since e2e-coref (Lee et al. 2017). Fields that are
not interpreted come back as they were; `speakers` (a name a word), `part` and `genre` are kept in other formats too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.clusters import Clusters, CorefOrigin, Repeated, coref_origin
from spanbert.corpus.formats.families import COREFERENCE
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.predicted import plain_record
from spanbert.corpus.io.files import OnBroken, SourceFile, json_lines, write_lines
from spanbert.corpus.text.word_tags import WordEdges
from spanbert.corpus.text.words import text_of_words

_EXPECTED = '{"text": ..., "clusters": [[[0, 3], [10, 13]]]}, or "sentences" or "tokens" with clusters of words'
FIELDS = ("sentences", "tokens", "text")


@dataclass(frozen=True, kw_only=True, slots=True)
class CorefLineOrigin(CorefOrigin):
    """The object of a line, which of `FIELDS` holds its text, and whether it is a prediction, written back as gold."""

    record: Mapping[str, Any]
    field: str
    predicted: bool = False


def read_coref_lines(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a JSON lines file with clusters.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable document, which is left out; None: the error is raised.

    Raises:
        InputError: Not JSON, neither text nor words, a mention outside of them; names file and line.
    """
    yield from json_lines(file, _document, _EXPECTED, on_broken)


def _document(line: Any, name: str, where: str) -> Document:
    record = plain_record(line, "clusters", where)
    field = next((one for one in FIELDS if isinstance(record, Mapping) and one in record), None)
    if field is None:
        raise InputError("neither text nor words", where=where, got=type(record).__name__, expected=_EXPECTED)
    is_predicted = record is not line
    words: list[Span] | None = None
    bounds: tuple[tuple[int, int], ...] = ()
    if field == "text":
        text = record["text"]
        if not isinstance(text, str):
            raise InputError("a text that is not a string", where=where, got=type(text).__name__, expected=_EXPECTED)
    else:
        sentences = record[field] if field == "sentences" else [record[field]]
        if not isinstance(sentences, list) or not all(
            isinstance(one, list) and all(isinstance(word, str) for word in one) for one in sentences
        ):
            raise InputError(f"{field} that are not words", where=where, expected=_EXPECTED)
        ends = list(dict.fromkeys(_ends(sentences)))
        said = list(chain.from_iterable(sentences))
        if is_predicted and isinstance(record.get("text"), str):
            text, words = record["text"], _places_of(said, record["text"], where)
        else:
            text, words = text_of_words(said, breaks=ends[:-1])
        bounds = tuple(pairwise([0, *ends])) if field == "sentences" else ()
    repeated: list[Repeated] = []
    counted = None if is_predicted else words
    clusters = _clusters(record.get("clusters"), text, counted, where, repeated)
    speakers = speakers_of(record.get("speakers"), len(words or ()))
    stated = next((record[key] for key in ("id", "doc_key") if isinstance(record.get(key), str | int)), name)
    identity, part = str(stated), record.get("part")
    part = part if isinstance(part, str) and part.isdecimal() else None
    return Document(
        id=identity if part is None or int(part) == 0 else f"{identity};{int(part)}",
        text=text,
        words=None if words is None else tuple(words),
        clusters=clusters,
        columns={"speaker": speakers} if speakers else {},
        sentences=bounds or None,
        where=where,
        origin=CorefLineOrigin(
            document=None if part is None else identity,
            part=part,
            genre=record["genre"] if isinstance(record.get("genre"), str) else None,
            record=record,
            field=field,
            predicted=is_predicted,
            read=clusters,
            repeated=tuple(repeated),
        ),
    )


def _ends(sentences: Iterable[list[str]]) -> Iterator[int]:
    total = 0
    for sentence in sentences:
        total += len(sentence)
        if total:
            yield total


def _places_of(words: Iterable[str], text: str, where: str) -> list[Span]:
    """Where the words of a text stand in it, one after the other with nothing but white space between them."""
    places: list[Span] = []
    end = 0
    for word in words:
        start = text.find(word, end)
        if start < 0 or text[end:start].strip():
            raise InputError(
                "words that are not those of the text",
                where=where,
                got=repr(word),
                expected=repr(shortened(text[end:].lstrip(), 40)),
                remedy='Correct one of them, or leave "sentences" or "tokens" out',
            )
        end = start + len(word)
        places.append(Span(start=start, end=end))
    return places


def speakers_of(value: Any, words: int) -> tuple[str, ...]:
    """The name of who says each word, from `speakers` of a record; nothing where it does not have a name a word.

    Args:
        value: Names, or lists of names, a list a sentence.
        words: How many words there are.
    """
    if not isinstance(value, list):
        return ()
    flat = list(chain.from_iterable(value)) if all(isinstance(one, list) for one in value) else value
    return tuple(flat) if len(flat) == words and all(isinstance(one, str) for one in flat) else ()


def _clusters(value: Any, text: str, words: list[Span] | None, where: str, repeated: list[Repeated]) -> Clusters | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(_mentions_of(cluster), list) for cluster in value):
        raise InputError("clusters that are not lists of mentions", where=where, expected=_EXPECTED)
    owners: dict[tuple[int, int], int] = {}
    found = []
    for number, cluster in enumerate(value, start=1):
        mentions: dict[Span, None] = {}
        for entry in _mentions_of(cluster):
            mention = _mention(_place(entry), text, words, where)
            owner = owners.setdefault((mention.start, mention.end), number)
            if owner != number:
                repeated.append(Repeated(where=where, mention=mention, clusters=(str(owner), str(number))))
            mentions[mention] = None
        if mentions:
            found.append(tuple(mentions))
    return tuple(found)


def _mentions_of(cluster: Any) -> Any:
    """Of a list of mentions, or of a cluster as it is predicted: with its head."""
    return cluster.get("mentions") if isinstance(cluster, Mapping) else cluster


def _place(entry: Any) -> Any:
    """[start, end], also of a mention as it is predicted: with its score."""
    return [entry.get("start"), entry.get("end")] if isinstance(entry, Mapping) else entry


def _mention(entry: Any, text: str, words: list[Span] | None, where: str) -> Span:
    sound = isinstance(entry, list) and len(entry) == 2 and all(type(one) is int for one in entry)
    if sound and words is None and 0 <= entry[0] < entry[1] <= len(text):
        return Span(start=entry[0], end=entry[1])
    if sound and words is not None and 0 <= entry[0] <= entry[1] < len(words):
        return Span(start=words[entry[0]].start, end=words[entry[1]].end)
    of = f"a text of {len(text)} characters" if words is None else f"{len(words)} words, the last of each included"
    raise InputError(
        "not a mention of the document", where=where, got=shortened(json.dumps(entry), 80), expected=f"places in {of}"
    )


def coref_lines(documents: Iterable[Document]) -> Iterator[str]:
    """JSON lines; documents that came from such a file keep their other fields and the form of their clusters.

    Raises:
        InputError: A mention that begins or ends inside a word, where clusters count words.
    """
    for document in documents:
        if isinstance(document.origin, CorefLineOrigin):
            made, field = dict(document.origin.record), document.origin.field
            if document.clusters == document.origin.read and not document.origin.predicted:
                yield json.dumps(made, ensure_ascii=False)
                continue
        else:
            field = "text" if document.words is None else "sentences"
            made = _record(document, field)
        if document.clusters is not None:
            places = _Places(document, field)
            made["clusters"] = [[places.entry(one) for one in cluster] for cluster in document.clusters]
        yield json.dumps(made, ensure_ascii=False)


def _record(document: Document, field: str) -> dict[str, Any]:
    if field == "text":
        return {"id": document.id, "text": document.text}
    words = [document.text[word.start : word.end] for word in document.words or ()]
    bounds = document.sentences or [(0, len(words))]
    origin = coref_origin(document)
    name = document.id if origin.part is None or origin.document is None else origin.document
    made: dict[str, Any] = {"doc_key": name, "sentences": [words[start:end] for start, end in bounds]}
    if origin.part is not None:
        made["part"] = origin.part
    if "speaker" in document.columns:
        made["speakers"] = [list(document.columns["speaker"][start:end]) for start, end in bounds]
    if origin.genre:
        made["genre"] = origin.genre
    return made


class _Places:
    """Mentions as a file counts them."""

    def __init__(self, document: Document, field: str) -> None:
        self._edges = None if field == "text" else WordEdges(document, document.words or ())

    def entry(self, mention: Span) -> list[int]:
        """First and last word, or characters."""
        if self._edges is None:
            return [mention.start, mention.end]
        return list(self._edges.first_and_last(mention, "a mention"))


def _detect(beginning: Beginning) -> bool:
    is_json = beginning.file.kind in (".jsonl", ".json") and beginning.line != ""
    return is_json or beginning.line.startswith("{")


FORMAT = Format(
    name="coref-jsonl",
    title="JSON lines with clusters",
    family=COREFERENCE,
    holds=frozenset({"clusters", "columns"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_coref_lines(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, coref_lines(documents)),
    begins=lambda document: ";" not in document.id,  # the first part
    marks=lambda beginning: beginning.has_key("clusters", "sentences", "doc_key"),
)
