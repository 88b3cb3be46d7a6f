"""Stretches of a document to learn from beside it, as short as what people type: long ones alone do not teach that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random

from spanbert.core.types import Document, Span
from spanbert.corpus.text.sentences import sentence_stretches

_LONGEST = 6  # doublings: fewer than 64 sentences


def stretches(document: Document) -> Iterator[Document]:
    """A document cut into stretches of one sentence to 63, as many of one as of 32 and more.

    Args:
        document: With its clusters; what its mentions outside of a stretch are linked to is not learned in it.

    Returns:
        The stretches, each a document, in order; the same ones every time. None of a document of one sentence.
    """
    mentions = [mention for cluster in document.clusters or () for mention in cluster]
    sentences = sentence_stretches(document, kept_whole=mentions)
    draw = Random(document.id)  # by its text, the same in every process
    begin = 0
    while begin < len(sentences):
        after = min(begin + int(2 ** draw.uniform(0, _LONGEST)), len(sentences))
        if after - begin < len(sentences):
            yield _part(document, sentences[begin][0], sentences[after - 1][1])
        begin = after


def _part(document: Document, start: int, end: int) -> Document:
    """What a document has between two of its characters."""

    def moved(span: Span) -> Span:
        return replace(span, start=span.start - start, end=span.end - start)

    def inside(span: Span) -> bool:
        return start <= span.start and span.end <= end

    clusters = [tuple(moved(one) for one in cluster if inside(one)) for cluster in document.clusters or ()]
    words, sentences, columns = None, None, {}
    if document.words is not None:
        chosen = [number for number, word in enumerate(document.words) if inside(word)]
        words = tuple(moved(document.words[number]) for number in chosen)
        columns = {
            name: tuple(values[number] for number in chosen)
            for name, values in document.columns.items()
            if len(values) == len(document.words)
        }
        if document.sentences is not None:
            first = chosen[0]
            ends = [after - first for _, after in document.sentences if first < after <= chosen[-1] + 1]
            sentences = tuple(pairwise([0, *ends]))
    return Document(
        id=f"{document.id} {start}",
        text=document.text[start:end],
        words=words,
        sentences=sentences,
        clusters=tuple(cluster for cluster in clusters if cluster),
        columns=columns,
        where=document.where,
    )
