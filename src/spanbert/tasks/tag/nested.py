"""Nested and overlapping entities as a `TextTask`: every span of a few words is classified.

Shapes: w words of a window, K words of the longest span, C candidate spans, L labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target
from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.types import Document, Facts, IntArray, OutputArray, Record, Span
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.protocol import HeadContext, WindowedDocument
from spanbert.tasks.tag.base import USUAL_WINDOW, WordTask, owned_words
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.read import spans_on_words
from spanbert.tasks.tag.scoring import EntityDocumentScorer
from spanbert.tasks.tag.spec import NESTED
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.tag.heads import SpanHead


class NestedTask(WordTask):
    """Labels of spans.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
        config: With `longest_span`.
        joined: How text without words is split.
        labels: In the order of the logits, after the one for none.
    """

    spec = NESTED

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: TagConfig,
        joined: bool,
        labels: Sequence[str],
    ) -> None:
        super().__init__(name, tokenizer, window, config=config, joined=joined)
        self.labels = tuple(labels)
        self._number = {label: number for number, label in enumerate(self.labels, start=1)}

    @classmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: TagConfig,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training documents pose.

        Raises:
            InputError: No spans.
        """
        labels: set[str] = set()
        joined = False
        for document in documents:
            labels |= {span.label or "" for span in document.spans or ()}
            joined = joined or document.words is not None
        if not labels:
            raise InputError(f"task {name}: no entities to learn")
        fitted = window.fit(positions, usual=USUAL_WINDOW)
        return cls(name, tokenizer, fitted, config=config, joined=joined, labels=sorted(labels))

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        return cls(
            name,
            tokenizer,
            cls.stored_window(entry, positions),
            config=TagConfig.model_validate(entry["options"]),
            joined=entry["joined"],
            labels=entry["labels"],
        )

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            "nested": True,
            "labels": list(self.labels),
            "joined": self.joined,
        }

    @property
    @override
    def entity_types(self) -> frozenset[str]:
        return frozenset(self.labels)

    @override
    def is_labelled(self, document: Document) -> bool:
        return document.spans is not None

    @override
    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """First and last pieces of the words that lie whole in each window."""
        first_W, last_W, _ = self.pieces_of(windowed, self.words(windowed))
        found = []
        for start, end in windowed.windows:
            low, high = words_inside(first_W, last_W, start, end)
            found.append(HeadRows(rows=np.concatenate([first_W[low:high], last_W[low:high]]) - start + 1))
        return found

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        if windowed.document.spans is None:
            return []
        words = self.words(windowed)
        first_W, last_W, _ = self.pieces_of(windowed, words)
        spans = spans_on_words(windowed.document, words)
        found = []
        for window, asked, (start, end) in zip(
            self.windows(windowed), self.rows(windowed), windowed.windows, strict=True
        ):
            low, high = words_inside(first_W, last_W, start, end)
            if low < high:
                target = Target(units=high - low, gold=self._gold(spans, low, high))
                found.append(Example(task=self.name, window=window, asked=asked, target=target))
        return found

    def _gold(self, spans: Sequence[tuple[int, int, str]], low: int, high: int) -> IntArray:
        """The label of every candidate span of words low..high."""
        words, longest = high - low, self.config.longest_span
        widths = [words - more for more in range(min(longest, words))]
        first_of_width = np.cumsum([0, *widths])
        labels_C = np.zeros(sum(widths), dtype=np.int64)
        for start, end, label in spans:
            if low <= start and end <= high and end - start <= longest:
                labels_C[first_of_width[end - start - 1] + start - low] = self._number[label]
        return labels_C

    @override
    def build_head(self, context: HeadContext) -> SpanHead:
        from spanbert.tasks.tag.heads import SpanHead

        return SpanHead(context.encoder, len(self.labels), self.config.longest_span)

    @override
    def decode(self, windowed: WindowedDocument, outputs: Sequence[OutputArray]) -> Tagging:
        """Every span whose best label is not none.

        A span is taken from the window that its first word belongs to or, where it reaches past that window's end,
        from the first that holds it whole.
        """
        words = self.words(windowed)
        first_W, last_W, _ = self.pieces_of(windowed, words)
        spans = []
        high_before = 0
        for (start, end), (own_low, own_high), logits_CL in zip(
            windowed.windows, owned_words(windowed, first_W), outputs, strict=True
        ):
            low, high = words_inside(first_W, last_W, start, end)
            count = high - low
            widths = range(min(self.config.longest_span, count))
            first_C = (
                np.concatenate([np.arange(count - more) for more in widths] or [np.zeros(0, dtype=np.int64)]) + low
            )
            more_C = np.repeat(np.arange(len(widths)), [count - more for more in widths])
            best_C = logits_CL.argmax(1)
            here_C = (first_C >= own_low) | (first_C + more_C >= high_before)
            chosen = np.flatnonzero((best_C > 0) & here_C & (first_C < own_high))
            high_before = high
            shifted = logits_CL[chosen].astype(np.float64)
            shifted -= shifted.max(1, keepdims=True)
            sure = 1 / np.exp(shifted).sum(1)
            spans += [
                Span(
                    start=words[first].start,
                    end=words[first + more].end,
                    label=self.labels[label - 1],
                    score=score,
                )
                for first, more, label, score in zip(
                    first_C[chosen].tolist(),
                    more_C[chosen].tolist(),
                    best_C[chosen].tolist(),
                    sure.tolist(),
                    strict=True,
                )
            ]
        ordered = sorted(spans, key=lambda span: (span.start, -span.end, span.label or ""))
        return Tagging(words=tuple(Span(start=word.start, end=word.end) for word in words), spans=tuple(ordered))

    @override
    def scorer(self, *, seed: int = 0) -> EntityDocumentScorer:
        return EntityDocumentScorer(scheme=None, seed=seed)


def words_inside(first_W: IntArray, last_W: IntArray, start: int, end: int) -> tuple[int, int]:
    """Half-open range of the words whose pieces all lie in a window."""
    low = int(np.searchsorted(first_W, start))
    return low, max(low, int(np.searchsorted(last_W, end)))
