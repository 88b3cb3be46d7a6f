"""Labelled words: illegal tags, spans that the task cannot hold, words that the tokenizer drops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from typing_extensions import override

from spanbert.core.findings import Rule
from spanbert.core.hashes import Repeats
from spanbert.core.tagging import Scheme, decode_tags, encode_tags
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.column_format import ColumnFormat, guess_format
from spanbert.corpus.formats.columns import format_of, lines_of_words
from spanbert.corpus.formats.tagged_words import scheme_read
from spanbert.corpus.io.files import SourceFile
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.survey import Item, Survey
from spanbert.tasks.tag.base import WordTask
from spanbert.tasks.tag.read import is_outside, spans_on_words
from spanbert.tasks.tag.repair import repair_words
from spanbert.tasks.tag.task import without_overlaps

_EMPTY = Rule(severity="warning", name="empty", what="texts without words", remedy="They teach nothing")
_UNLABELLED = Rule(
    severity="warning", name="unlabelled", what="texts without annotation", remedy="They are left out in training"
)
_CONFLICTS = Rule(
    severity="warning",
    name="conflicts",
    what="texts that occur several times, with different labels",
    remedy="Check whether both are right; --fix leaves them as they are",
)
ILLEGAL = Rule(
    severity="warning",
    name="illegal_tags",
    what="illegal tags",
    remedy="They are read as the scorer of CoNLL-2000 does; --fix writes them so",
)
OUTSIDE = Rule(
    severity="error", name="outside", what="spans that hold no word", remedy="Correct them; --fix leaves them out"
)
OVERLAPS = Rule(
    severity="error",
    name="overlaps",
    what="spans that overlap a longer one, which one tag per word cannot express",
    remedy="Pass --nested to learn them all; --fix keeps the longest",
)
INSIDE = Rule(
    severity="warning",
    name="inside_word",
    what="spans that begin or end inside a word",
    remedy="They are widened to whole words; --fix writes them so",
)
_TWICE = Rule(
    severity="note", name="same_span", what="spans that occur twice with the same label", remedy="They are learned once"
)
_TWO_LABELS = Rule(
    severity="warning",
    name="two_labels",
    what="spans with several labels",
    remedy="One of them is learned; decide which",
)
_DROPPED = Rule(
    severity="note",
    name="dropped_words",
    what="words that have no piece of their own",
    remedy="They are not learned, and get the tag of their neighbour's piece",
)
_OTHER_COLUMNS = Rule(
    severity="note",
    name="other_columns",
    what="further columns of such tags, which are not read",
    remedy="Pass --nested if they hold entities within entities",
)


class TagSurvey(Survey[WordTask]):
    """A file of labelled words."""

    conflicts = _CONFLICTS

    @override
    def items_of(self, document: Document) -> Iterator[Item]:
        """A sentence or text."""
        label = None
        if document.spans is not None:
            spans = sorted(f"{span.start}-{span.end} {span.label}" for span in document.spans)
            label = ", ".join(spans) or "no spans"
        elif TAGS in document.columns:
            label = " ".join(document.columns[TAGS])
        if label is not None and document.text.strip():
            yield Item(self.place(document), document.text, label)

    @override
    def look(self, document: Document) -> Document:
        if not document.text.strip():
            self.ledger.add(_EMPTY, self.place(document))
        if document.spans is not None:
            self.labels.update(span.label or "" for span in document.spans)
        elif TAGS in document.columns:
            self.labels.update(document.columns[TAGS])
        else:
            self.ledger.add(_UNLABELLED, self.shown(document))
        columns = format_of(document)
        if columns is not None and columns.scheme is not None:
            if self.texts == 1:
                self._look_at_columns(columns)
            for name in columns.tag_names:
                self._look_at_tags(document, columns, document.columns[name])
        scheme = scheme_read(document)
        if scheme is not None and TAGS in document.columns:
            self._tell_illegal(document.columns[TAGS], scheme, lambda word: self.place(document))
        return document

    def _look_at_columns(self, columns: ColumnFormat) -> None:
        every = guess_format(SourceFile(path=self.path, name=self.path.name), task="nested").tag_columns
        others = [place for place in every if place not in columns.tag_columns]
        if others:
            self.ledger.add(
                _OTHER_COLUMNS, f"column {', '.join(str(place + 1) for place in others)}", times=len(others)
            )

    def _look_at_tags(self, document: Document, columns: ColumnFormat, tags: Sequence[str]) -> None:
        def place(word: int) -> str:
            lines = lines_of_words(document)
            return f"{self.path.name}:{int(document.id.rpartition(':')[2]) + lines[word] - lines[0]}"

        assert columns.scheme is not None
        self._tell_illegal(tags, columns.scheme, place)

    def _tell_illegal(self, tags: Sequence[str], scheme: Scheme, place: Callable[[int], str]) -> None:
        legal = encode_tags(decode_tags(tags, scheme), len(tags), scheme)
        wrong = [word for word, (old, new) in enumerate(zip(tags, legal, strict=True)) if old != new]
        if not wrong:
            return
        first = wrong[0]
        before = tags[first - 1] if first else "the beginning"
        example = f"{place(first)} {tags[first]} after {before}, read as {legal[first]}"
        self.ledger.add(ILLEGAL, example, times=len(wrong))

    @override
    def examine(self, windowed: WindowedDocument, task: WordTask) -> None:
        document, words = windowed.document, task.words(windowed)
        if document.spans:
            self._examine_spans(document, words)
        _, _, own_W = task.pieces_of(windowed, words)
        for word in (~own_W).nonzero()[0].tolist():
            self.ledger.add(_DROPPED, self.shown(document, words[word]))

    def _examine_spans(self, document: Document, words: Sequence[Span]) -> None:
        starts, ends = {word.start for word in words}, {word.end for word in words}
        for span in document.spans or ():
            if is_outside(span, words):
                self.ledger.add(OUTSIDE, self._shown(document, span))
            elif span.start not in starts or span.end not in ends:
                self.ledger.add(INSIDE, self._shown(document, span))
        listed = spans_on_words(document, words)
        on_words = sorted(set(listed))
        if len(on_words) < len(listed):
            self.ledger.add(_TWICE, self.place(document), times=len(listed) - len(on_words))
        if not self.config.nested:
            lost = [span for span in on_words if span not in without_overlaps(on_words)]
            for first, last, label in lost:
                place = Span(start=words[first].start, end=words[last - 1].end, label=label)
                self.ledger.add(OVERLAPS, self._shown(document, place))
            return
        for (first, last), same in groupby(on_words, key=lambda span: span[:2]):
            labels = [label for _, _, label in same]
            place = Span(start=words[first].start, end=words[last - 1].end, label=" and ".join(labels))
            if len(labels) > 1:
                self.ledger.add(_TWO_LABELS, self._shown(document, place))
            if last - first > self.config.longest_span:
                self.ledger.add(self._too_long(), self._shown(document, place), times=len(labels))

    def _too_long(self) -> Rule:
        return Rule(
            severity="warning",
            name="too_long",
            what=f"spans of more than {self.config.longest_span} words, which are never learned or found",
            remedy="Raise tag.longest_span (at most 64); time and memory grow with it",
        )

    def _shown(self, document: Document, span: Span) -> str:
        return f"{self.shown(document, span)} ({span.label})"

    @override
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Illegal tags as they are read; spans on whole words, fewer where they overlap."""
        return repair_words(self, target)
