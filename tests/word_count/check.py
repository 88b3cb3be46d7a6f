"""Faults of its data: texts with another number of words than stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from spanbert.core.findings import Rule
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.survey import Item, Survey
from tests.word_count.scoring import stated
from tests.word_count.task import WordCountTask


class WordCountSurvey(Survey[WordCountTask]):
    """A file of texts, each with the number of words that its author counted."""

    conflicts = Rule(severity="warning", name="conflicts", what="texts whose words were counted twice, differently")
    miscounted = Rule(severity="error", name="miscounted", what="texts with another number of words than stated")
    split = Rule(severity="note", name="split", what="texts with more pieces than words")
    total = Rule(severity="note", name="total", what="words in all")

    words = 0

    def items_of(self, document: Document) -> Iterator[Item]:
        yield Item(self.place(document), document.text, str(stated(document)))

    def look(self, document: Document) -> Document:
        count = len(document.text.split())
        self.words += count
        self.labels[str(stated(document))] += 1
        if stated(document) != count:
            self.ledger.add(self.miscounted, f"{self.shown(document)} has {count}")
        return document

    def examine(self, windowed: WindowedDocument, task: WordCountTask) -> None:
        if len(windowed.pieces.ids) > len(windowed.document.text.split()):
            self.ledger.add(self.split, self.place(windowed.document))

    def finish(self) -> None:
        self.ledger.add(self.total, times=self.words)

    def counts(self) -> dict[str, int]:
        return {"counted_words": self.words}

    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        rows = [(one.text, len(one.text.split())) for one in self.read()]
        target.write_text("text\tlabel\n" + "".join(f"{text}\t{count}\n" for text, count in rows))
        return {**self.left_out(), "numbers of words corrected": self.ledger.count(self.miscounted)}
