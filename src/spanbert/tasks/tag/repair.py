"""Repaired copies of labelled words: legal tags, spans on whole words, no overlaps where they cannot be learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from spanbert.core.tagging import decode_tags, encode_tags
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.column_format import ColumnFormat
from spanbert.corpus.formats.columns import format_of, lines_of_words, raw_lines, with_lines
from spanbert.corpus.formats.tagged_words import scheme_read
from spanbert.corpus.text.words import words_of
from spanbert.tasks.survey import Survey
from spanbert.tasks.tag.base import WordTask
from spanbert.tasks.tag.read import is_outside, spans_on_words
from spanbert.tasks.tag.task import without_overlaps

_LEGAL = "illegal tags written as they are read"


def repair_words(survey: Survey[WordTask], target: Path) -> Counter[str]:
    """Writes a repaired copy; everything that is right stays as it was.

    Args:
        survey: Of the file.
        target: The copy.

    Returns:
        How often each thing was done.
    """
    done: Counter[str] = Counter()
    joined = survey.task.joined if survey.task is not None else False
    mended = (_mended(document, joined, survey.config.nested, done) for document in survey.read())
    survey.data.copy(mended, target)
    return done


def _mended(document: Document, joined: bool, nested: bool, done: Counter[str]) -> Document:
    columns = format_of(document)
    if columns is not None:
        return document if columns.scheme is None else _with_legal_tags(document, columns, done)
    document = _with_legal_list(document, done)
    if not document.spans:
        return document
    spans = tuple(_mended_spans(document, joined, nested, done))
    return document if spans == document.spans else replace(document, spans=spans)


def _with_legal_list(document: Document, done: Counter[str]) -> Document:
    """A document from lists or a table with legal tags; any other as it is."""
    scheme, old = scheme_read(document), document.columns.get(TAGS)
    if scheme is None or old is None:
        return document
    new = tuple(encode_tags(decode_tags(old, scheme), len(old), scheme))
    done[_LEGAL] += sum(before != after for before, after in zip(old, new, strict=True))
    return replace(document, columns={**document.columns, TAGS: new})


def _with_legal_tags(document: Document, columns: ColumnFormat, done: Counter[str]) -> Document:
    """The raw lines with legal tags: the lines are written back as they are."""
    assert columns.scheme is not None
    old = [document.columns[name] for name in columns.tag_names]
    new = [tuple(encode_tags(decode_tags(tags, columns.scheme), len(tags), columns.scheme)) for tags in old]
    if new == old:
        return document
    lines = raw_lines(document)
    places = lines_of_words(document)
    for place, before, after in zip(places, zip(*old, strict=True), zip(*new, strict=True), strict=True):
        if before != after:
            lines[place] = columns.with_tags(lines[place], after)
            done[_LEGAL] += sum(a != b for a, b in zip(before, after, strict=True))
    tags = {**document.columns, **dict(zip(columns.tag_names, new, strict=True))}
    return replace(with_lines(document, lines), columns=tags)


def _mended_spans(document: Document, joined: bool, nested: bool, done: Counter[str]) -> Iterator[Span]:
    words = words_of(document, joined=joined)
    starts, ends = [word.start for word in words], [word.end for word in words]
    listed = sorted(set(spans_on_words(document, words)))
    kept = set(listed if nested else without_overlaps(listed))
    written: set[tuple[int, int, str]] = set()
    for span in document.spans or ():
        if is_outside(span, words):
            done["spans without a word left out"] += 1
            continue
        [on_words] = spans_on_words(replace(document, spans=(span,)), words)
        if on_words not in kept:
            done["spans that overlap a longer one left out"] += 1
            continue
        if on_words in written:
            done["spans that occur twice left out"] += 1
            continue
        written.add(on_words)
        widened = replace(span, start=starts[on_words[0]], end=ends[on_words[1] - 1])
        done["spans widened to whole words"] += widened != span
        yield widened
