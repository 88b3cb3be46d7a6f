"""Flat tagging as a `TextTask`: entities by a scheme of tags, or one tag a word (parts of speech).

Shapes: W words of a document, L tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target
from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.tagging import Scheme, decode_tags, encode_tags, scheme_of_tags, split_tag
from spanbert.core.types import TAGS, Document, Facts, FloatArray, OutputArray, Record, Span
from spanbert.corpus.formats.columns import format_of
from spanbert.tasks.base import WindowConfig, foreign_labels
from spanbert.tasks.protocol import HeadContext, WindowedDocument
from spanbert.tasks.tag.base import USUAL_WINDOW, WordTask, owned_words
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.decode import Steps, best_legal_tags
from spanbert.tasks.tag.read import spans_on_words
from spanbert.tasks.tag.scoring import EntityDocumentScorer, TagDocumentScorer
from spanbert.tasks.tag.spec import TAG
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.tag.heads import TagHead

_MOST_TAGS = 1000
_LETTERS: dict[Scheme, tuple[str, ...]] = {
    "BIO": ("B", "I"),
    "IOB1": ("B", "I"),
    "BIOES": ("B", "I", "E", "S"),
    "BMES": ("B", "M", "E", "S"),
    "BILOU": ("B", "I", "L", "U"),
}


class TagTask(WordTask):
    """One tag a word.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
        config: Column and so on.
        joined: How text without words is split.
        tags: In the order of the logits.
        scheme: How they make spans; None for parts of speech.
    """

    spec = TAG

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: TagConfig,
        joined: bool,
        tags: Sequence[str],
        scheme: Scheme | None,
    ) -> None:
        super().__init__(name, tokenizer, window, config=config, joined=joined)
        self.tags, self.scheme = tuple(tags), scheme
        self.main_metric = "accuracy" if scheme is None else "f1"
        self._number = {tag: number for number, tag in enumerate(self.tags)}
        self._steps = None if scheme is None else Steps.of(self.tags, scheme)

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
        """The task that some training documents pose; entities are learned in their own scheme, IOB1 as BIO.

        The column that `column=auto` chose is kept in the task's settings, so that other files are read with it.

        Raises:
            InputError: Nothing is labelled.
        """
        labels: dict[str, None] = {}
        scheme: Scheme | None = None
        joined = has_spans = False
        for document in documents:
            columns = format_of(document)
            if columns is not None:
                joined = True
                scheme = scheme or columns.scheme
            if document.spans is not None:
                has_spans = True
                labels |= dict.fromkeys(span.label or "" for span in document.spans)
            elif TAGS in document.columns:
                labels |= dict.fromkeys(document.columns[TAGS])
        if not labels or len(labels) > _MOST_TAGS:
            raise InputError(
                f"task {name}: no labels to learn" if not labels else f"task {name}: not tags of words",
                got=f"{len(labels)} different labels: {', '.join(islice(labels, 5))} ...",
                expected=f"1 to {_MOST_TAGS}",
                remedy="Choose what is read with --column ner, upos or xpos",
            )
        tags = sorted(labels)
        if has_spans:
            scheme = "BIO" if scheme in (None, "IOB1") else scheme
            assert scheme is not None
            tags = ["O", *(f"{letter}-{label}" for label in sorted(labels) for letter in _LETTERS[scheme])]
        else:
            scheme = None
        if config.column == "auto":
            config = config.model_copy(update={"column": "ner" if has_spans else "upos"})
        fitted = window.fit(positions, usual=USUAL_WINDOW)
        return cls(name, tokenizer, fitted, config=config, joined=joined, tags=tags, scheme=scheme)

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        return cls(
            name,
            tokenizer,
            cls.stored_window(entry, positions),
            config=TagConfig.model_validate(entry["options"]),
            joined=entry["joined"],
            tags=entry["labels"],
            scheme=entry["scheme"],
        )

    @classmethod
    @override
    def foreign_entry(cls, config: Facts) -> Record:
        labels = foreign_labels(config)
        scheme = scheme_of_tags(labels)
        return {"window": [512, 128], "options": {}, "labels": labels, "scheme": scheme, "joined": True}

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            "nested": False,
            "labels": list(self.tags),
            "scheme": self.scheme,
            "joined": self.joined,
        }

    @property
    @override
    def entity_types(self) -> frozenset[str]:
        return frozenset() if self.scheme is None else frozenset(split_tag(tag)[1] for tag in self.tags) - {""}

    @override
    def is_labelled(self, document: Document) -> bool:
        """Spans, or tags where tags are learned as they are."""
        return TAGS in document.columns if self.scheme is None else document.spans is not None

    @override
    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """The first piece of every word, in the window that answers for it."""
        first_W, _, _ = self.pieces_of(windowed, self.words(windowed))
        return [
            HeadRows(rows=first_W[low:high] - start + 1)
            for (start, _), (low, high) in zip(windowed.windows, owned_words(windowed, first_W), strict=True)
        ]

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """The words that have pieces of their own."""
        words = self.words(windowed)
        first_W, _, own_W = self.pieces_of(windowed, words)
        wanted_W = self._gold(windowed.document, words)
        if wanted_W is None:
            return []
        found = []
        owned = owned_words(windowed, first_W)
        for window, (start, _), (low, high) in zip(self.windows(windowed), windowed.windows, owned, strict=True):
            own = own_W[low:high]
            rows, tags = (first_W[low:high] - start + 1)[own], wanted_W[low:high][own]
            if len(rows):
                target = Target(units=len(rows), gold=tags)
                found.append(Example(task=self.name, window=window, asked=HeadRows(rows=rows), target=target))
        return found

    def _gold(self, document: Document, words: Sequence[Span]) -> npt.NDArray[np.int64] | None:
        if self.scheme is None:
            tags = document.columns.get(TAGS)
        elif document.spans is None:
            tags = None
        else:
            tags = tuple(encode_tags(without_overlaps(spans_on_words(document, words)), len(words), self.scheme))
        if tags is None:
            return None
        unknown = [tag for tag in tags if tag not in self._number]
        if unknown:
            raise InputError(
                f"task {self.name}: a tag that the model does not know",
                where=document.id,
                got=repr(unknown[0]),
                expected=", ".join(self.tags[:20]),
            )
        return np.array([self._number[tag] for tag in tags], dtype=np.int64)

    @override
    def build_head(self, context: HeadContext) -> TagHead:
        from spanbert.tasks.tag.heads import TagHead

        return TagHead(context.encoder, len(self.tags))

    @override
    def decode(self, windowed: WindowedDocument, outputs: Sequence[OutputArray]) -> Tagging:
        """The best legal tags over all windows."""
        words = self.words(windowed)
        scores_WL = self.log_probabilities(outputs)
        if not len(scores_WL):
            return Tagging(words=tuple(words), spans=None if self.scheme is None else ())
        best_W = scores_WL.argmax(1) if self._steps is None else best_legal_tags(scores_WL, self._steps)
        sure_W = np.exp(scores_WL[np.arange(len(best_W)), best_W])
        tags = [self.tags[number] for number in best_W.tolist()]
        tagged = tuple(
            Span(start=word.start, end=word.end, label=tag, score=score)
            for word, tag, score in zip(words, tags, sure_W.tolist(), strict=True)
        )
        if self.scheme is None:
            return Tagging(words=tagged)
        spans = tuple(
            Span(
                start=words[start].start,
                end=words[end - 1].end,
                label=label,
                score=float(sure_W[start:end].mean()),
            )
            for start, end, label in decode_tags(tags, self.scheme)
        )
        return Tagging(words=tagged, spans=spans)

    def log_probabilities(self, outputs: Sequence[OutputArray]) -> FloatArray:
        """The log probability of every tag for every word, (W, L), from the outputs of all windows, in order."""
        if not len(outputs):
            return np.zeros((0, len(self.tags)))
        logits_WL = np.concatenate(outputs).astype(np.float64)
        logits_WL -= logits_WL.max(1, keepdims=True)
        scores_WL: FloatArray = logits_WL - np.log(np.exp(logits_WL).sum(1, keepdims=True))
        return scores_WL

    @override
    def scorer(self, *, seed: int = 0) -> EntityDocumentScorer | TagDocumentScorer:
        if self.scheme is None:
            return TagDocumentScorer(seed=seed)
        return EntityDocumentScorer(scheme=self.scheme, seed=seed)


def without_overlaps(spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Of spans that overlap the longest, of equally long ones the first: what one column of tags can hold."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda one: (one[0] - one[1], one[0])):
        if all(span[1] <= other[0] or span[0] >= other[1] for other in kept):
            kept.append(span)
    return sorted(kept)
