"""Results in columns, a line a word: tags beside each other, or clusters as CoNLL-2012."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from spanbert.core.errors import InputError
from spanbert.core.predictions import Coreference, Tagging
from spanbert.core.types import Document, Span, outer_first
from spanbert.corpus.conll2012 import conll2012_lines
from spanbert.corpus.sentences import sentence_ranges
from spanbert.corpus.word_tags import tags_of
from spanbert.pipelines.results import Annotated


def conll_lines(doc: Annotated) -> Iterator[str]:
    """The tags of a text in columns, a line a word and a blank line at the end; clusters as CoNLL-2012.

    Args:
        doc: A text with tagging tasks, or without any and with a coreference task.

    Yields:
        The word, then for each tagging task its tag: the word's own, or BIO tags of the spans. Where spans overlap, a
        task has as many columns as the text needs: each span is in the first that is free, outer ones first.

    Raises:
        InputError: No tagging task, or tasks that split the text into different words.
    """
    taggings = doc.taggings
    if doc.coreferences and (taggings or len(doc.coreferences) > 1):
        raise InputError(
            "tags and clusters in one file of columns" if taggings else "two tasks of coreference in one file",
            where=doc.id,
            got=", ".join([*taggings, *doc.coreferences]),
            remedy="Choose one task",
        )
    for found in doc.coreferences.values():
        yield from conll2012_lines([_as_conll2012(doc, found)])
        return
    if not taggings:
        raise InputError(
            "no tags to write in columns",
            where=doc.id,
            got=f"results of {', '.join(doc.tasks) or 'no task'}",
            expected="a tagging task or one of coreference",
            remedy="Choose the format jsonl or html",
        )
    first, *others = taggings
    places = _places(taggings[first].words)
    for other in others:
        if _places(taggings[other].words) != places:
            raise InputError(
                "two tasks split the text into different words, which one file of columns cannot hold",
                where=doc.id,
                got=f"{first} and {other}",
                remedy="Choose one task",
            )
    columns = [column for tagging in taggings.values() for column in _columns(doc, tagging)]
    words = [doc.text[start:end] for start, end in places]
    for cells in zip(words, *columns, strict=True):
        yield "\t".join(cells)
    yield ""


def _as_conll2012(doc: Annotated, found: Coreference) -> Document:
    """The text with its clusters, and with the lines that it came in, where it came in such a file."""
    came = doc.source
    if came is None or came.words != found.words:
        came = Document(id=doc.id, text=doc.text, words=found.words)
    sentences = came.sentences or sentence_ranges(doc.text, found.words)
    return replace(came, clusters=found.clusters, sentences=sentences)


def _places(words: Sequence[Span]) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in words]


def _columns(doc: Annotated, tagging: Tagging) -> list[list[str]]:
    if tagging.spans is None:
        return [[word.label or "_" for word in tagging.words]]
    layers = [
        Document(id=doc.id, text=doc.text, words=tagging.words, spans=tuple(layer))
        for layer in overlap_free_layers(tagging.spans)
    ]
    return [tags_of(layer, "BIO") for layer in layers]


def overlap_free_layers(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans in as few layers as keep the spans of each apart, outer ones first.

    Args:
        spans: Spans that may nest or cross.

    Returns:
        The layers, each in text order; one empty layer where there are no spans. Cost: spans times layers.
    """
    layers: list[list[Span]] = [[]]
    for span in sorted(spans, key=outer_first):
        free = next((layer for layer in layers if not layer or layer[-1].end <= span.start), None)
        if free is None:
            free = []
            layers.append(free)
        free.append(span)
    return layers
