"""What flat and nested tagging share: words, their pieces, and which window answers for which word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from typing_extensions import override

from spanbert.batches.windows import owned_parts
from spanbert.core.excerpts import excerpt
from spanbert.core.predictions import Tagging
from spanbert.core.types import TAGS, BoolArray, Document, IntArray, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.text.words import words_of
from spanbert.tasks.base import TextTaskBase
from spanbert.tasks.protocol import Mistake, WindowedDocument
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.read import open_tagged
from spanbert.tokens.pieces import rows_of_words
from spanbert.tokens.tokenizer import TokenizerAdapter

USUAL_WINDOW = 512


class WordTask(TextTaskBase):
    """Reads words.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
        config: Column and so on.
        joined: How text without words is split: like the words of column files (`U.S.` is one), else at every mark.
    """

    unit = "word"
    runtime_options = ("column", "text_column", "label_column", "label_names")

    def __init__(
        self, name: str, tokenizer: TokenizerAdapter, window: tuple[int, int], *, config: TagConfig, joined: bool
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config, self.joined = config, joined

    @staticmethod
    def open(config: TagConfig, path: Path) -> DataFile:
        """Words or texts with labels, in any of the formats of the kind."""
        return open_tagged(config, path)

    @override
    def mistakes(self, document: Document, prediction: Tagging) -> Iterator[Mistake]:
        """Spans that are not gold, gold spans that were not found, words with another tag.

        A span that overlaps a gold one is one mistake with it, and both are shown: `[found]` and `{gold}` in the text.
        """
        if prediction.spans is None:
            for word, gold in zip(prediction.words, document.columns.get(TAGS, ()), strict=False):
                if word.label != gold:
                    yield _mistake(document, word, None, gold, f"{word.label}", word.score or 0.0)
            return
        if document.spans is None:
            return
        gold_spans = {(span.start, span.end): span.label for span in document.spans}
        found = {(span.start, span.end): span for span in prediction.spans}
        missed = [span for span in document.spans if (span.start, span.end) not in found]
        for place, span in found.items():
            if gold_spans.get(place) == span.label:
                continue
            sure = span.score or 0.0
            if place in gold_spans:
                yield _mistake(document, span, None, f"{gold_spans[place]}", f"{span.label}", sure)
                continue
            meant = next((one for one in missed if one.start < span.end and span.start < one.end), None)
            if meant is None:
                yield _mistake(document, span, None, "no entity", f"{span.label}", sure)
                continue
            missed.remove(meant)
            gold, said = (f"{one.label}: {document.text[one.start : one.end]}" for one in (meant, span))
            yield _mistake(document, span, meant, gold, said, sure)
        for gold_span in missed:
            yield _mistake(document, gold_span, None, f"{gold_span.label}", "no entity", 0.0)

    def words(self, windowed: WindowedDocument) -> Sequence[Span]:
        """The words of a document; they are found once."""
        if self.joined not in windowed.split:
            windowed.split[self.joined] = words_of(windowed.document, joined=self.joined)
        return windowed.split[self.joined]

    def pieces_of(self, windowed: WindowedDocument, words: Sequence[Span]) -> tuple[IntArray, IntArray, BoolArray]:
        """First and last piece of each word, and which have their own; empty where the text has no pieces."""
        if not len(windowed.pieces.ids) or not words:
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, nothing.astype(bool)
        return rows_of_words(windowed.pieces, words)


def owned_words(windowed: WindowedDocument, first_W: IntArray) -> list[tuple[int, int]]:
    """Half-open ranges of the words that each window answers for: those whose first piece lies in its own part."""
    return [
        (int(np.searchsorted(first_W, start)), int(np.searchsorted(first_W, end)))
        for start, end in owned_parts(windowed.windows)
    ]


def _mistake(document: Document, span: Span, other: Span | None, gold: str, predicted: str, severity: float) -> Mistake:
    """A mistake at a span, and at the gold one that overlaps it, if there is such."""
    marks = [(span.start, span.end, "[", "]")]
    marks += [] if other is None else [(other.start, other.end, "{", "}")]
    text = excerpt(document.text, marks)
    return Mistake(severity=severity, where=document.id, text=text, gold=gold, predicted=predicted)
