"""Coreference resolution as a `TextTask`: mentions of the same thing, anywhere in a text of any length.

Shapes: w words of a window, W most words of a mention.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.core.errors import InputError
from spanbert.core.excerpts import excerpt
from spanbert.core.predictions import Coreference
from spanbert.core.types import Document, Facts, IntArray, Record, Scores, Span
from spanbert.corpus.formats.clusters import in_two_clusters
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.gap import is_gap
from spanbert.corpus.formats.registry import open_data
from spanbert.corpus.text.sentences import sentence_numbers
from spanbert.corpus.text.words import words_of
from spanbert.tasks.base import TextTaskBase, WindowConfig
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.decode import ClusterDecoder
from spanbert.tasks.coref.links import word_hashes
from spanbert.tasks.coref.scoring import CorefDocumentScorer
from spanbert.tasks.coref.speakers import NOBODY, speaker_numbers
from spanbert.tasks.coref.spec import COREF
from spanbert.tasks.coref.stretches import stretches
from spanbert.tasks.coref.targets import (
    CorefGold,
    WordPieces,
    candidates,
    mentions_on_words,
    rows_of_window,
    window_gold,
    window_parts,
    words_of_window,
)
from spanbert.tasks.protocol import HeadContext, Mistake, TextTask, WindowedDocument
from spanbert.tokens.pieces import rows_of_words
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.coref.head import CorefHead

_USUAL_WINDOW = 512
_NEAR = 200  # characters from which on a mistake is shown without the antecedent
_SINGLETONS = 0.1  # OntoGUM has one cluster of one mention in a thousand, by mistake; LitBank three in four


class CorefTask(TextTaskBase):
    """Clusters of mentions.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
        config: Sizes, and how much is kept.
        has_singletons: Whether the training data has clusters of one mention, and not by mistake: a tenth of all.
        speakers: Whether pairs are scored by their speakers too.
        repeated: Mentions of the training data that are in two clusters.
    """

    spec = COREF
    unit = "mention"
    runtime_options = ("depth", "singletons", "kept")

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: CorefConfig,
        has_singletons: bool,
        speakers: bool = False,
        repeated: int = 0,
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config, self.has_singletons = config, has_singletons
        self.speakers, self.repeated = speakers, repeated

    @property
    def singletons(self) -> bool:
        """Whether a mention that is linked to no other is a cluster."""
        stated = self.config.singletons
        return self.has_singletons if stated == "auto" else stated == "keep"

    @property
    @override
    def comparison_key(self) -> str:
        return f"{self.main_metric}, singletons {'kept' if self.singletons else 'dropped'}"

    @classmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: CorefConfig,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training documents pose.

        Raises:
            InputError: No clusters, or GAP's, which cover only two of the names in a text.
        """
        mentions = links = alone = repeated = 0
        speakers = config.speakers == "yes"
        for document in documents:
            if config.speakers == "auto" and not speakers:
                speakers = speaker_numbers(document, words_of(document, joined=False)).max(initial=NOBODY) > 1
            if is_gap(document):
                raise InputError(
                    f"task {name}: GAP annotates only two names in each text",
                    where=document.place,
                    remedy="Train on whole clusters (CoNLL-2012 or JSON lines) and score on GAP",
                )
            repeated += len(in_two_clusters(document))
            for cluster in document.clusters or ():
                mentions += len(cluster)
                links += len(cluster) > 1
                alone += len(cluster) == 1
        if not links:
            raise InputError(f"task {name}: no clusters to learn from", got=f"{mentions} mentions, none of them linked")
        length, overlap = window.fit(positions, usual=_USUAL_WINDOW)
        fitted = (length, min(max(overlap, 2 * config.longest_mention), length // 2))  # no mention is lost at a border
        kept = alone >= _SINGLETONS * (alone + links)
        return cls(
            name,
            tokenizer,
            fitted,
            config=config,
            has_singletons=kept,
            speakers=bool(speakers),
            repeated=repeated,
        )

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        return cls(
            name,
            tokenizer,
            cls.stored_window(entry, positions),
            config=CorefConfig.model_validate(_as_now(entry["options"])),
            has_singletons=entry["singletons"],
            speakers=entry.get("speakers", False),
        )

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            "singletons": self.has_singletons,
            "size": self.config.size,
            "same_words": self.config.same_words,
            **({"speakers": True} if self.speakers else {}),  # unstated, as by earlier versions, where there are none
        }

    @staticmethod
    def open(config: CorefConfig, path: Path) -> DataFile:
        """CoNLL-2012, JSON lines or GAP."""
        return open_data(path, among=COREF.formats)

    @override
    def remarks(self, others: Sequence[TextTask]) -> Iterator[str]:
        """Says that some gold is ambiguous."""
        if self.repeated:
            count = f"{self.repeated:,} mentions" if self.repeated > 1 else "a mention"
            yield f"{self.name}: {count} in two clusters; learned in the first (spanbert doctor coref shows them)"

    @override
    def is_labelled(self, document: Document) -> bool:
        return document.clusters is not None

    @override
    def check(self, document: Document) -> None:
        """Weights are chosen by clusters, which GAP does not have."""
        if is_gap(document):
            raise InputError(
                "GAP cannot choose weights", where=document.place, remedy="Score on it with spanbert evaluate"
            )

    def words(self, document: Document) -> Sequence[Span]:
        """The document's words, or those that its text is split into at every mark: `Ann` of `Ann's` is a mention."""
        return words_of(document, joined=False)

    @override
    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """First pieces of a window's words, then last ones; which spans of them may be mentions."""
        words = self.words(windowed.document)
        if not words or not len(windowed.pieces.ids):
            nothing = np.zeros((0, self.config.longest_mention), dtype=bool)
            return [HeadRows(rows=np.zeros(0, dtype=np.int64), candidates=nothing)] * len(windowed.windows)
        pieces = self.pieces_of(windowed, words)
        found = []
        for window, owned in window_parts(windowed):
            part = words_of_window(window, owned, pieces)
            allowed_wW = candidates(part, self.config.longest_mention, pieces)
            found.append(HeadRows(rows=rows_of_window(window, part, pieces), candidates=allowed_wW))
        return found

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """Those of the document, and of stretches of it where these are learned from as well."""
        found = self._of_document(windowed)
        if found and self.config.stretches:
            for part in self.tokenize(list(stretches(windowed.document))):
                found += self._of_document(part)
        return found

    def _of_document(self, windowed: WindowedDocument) -> list[Example]:
        """Neighbouring windows are one example, so that links between them are learned."""
        words = self.words(windowed.document)
        if not words or not len(windowed.pieces.ids) or windowed.document.clusters is None:
            return []
        pieces = self.pieces_of(windowed, words)
        parts = [words_of_window(window, part, pieces) for window, part in window_parts(windowed)]
        allowed = [candidates(part, self.config.longest_mention, pieces) for part in parts]
        clusters = mentions_on_words(windowed.document, words)
        hashes = word_hashes([windowed.document.text[word.start : word.end] for word in words])
        speakers_W = self.speakers_of(windowed.document, words)
        found = []
        most = self.config.train_windows
        for start in range(0, len(parts), most):
            chosen = [
                number for number in range(len(parts))[start : start + most] if parts[number][0] < parts[number][1]
            ]
            if chosen:
                targets = tuple(window_gold(parts[number], clusters, allowed[number]) for number in chosen)
                windows = [windowed.windows[number] for number in chosen]
                whole = CorefGold(windows=targets, words=hashes, speakers=speakers_W)
                found.append(self._example(windows, [parts[number] for number in chosen], windowed, pieces, whole))
        return found

    def speakers_of(self, document: Document, words: Sequence[Span]) -> IntArray:
        """The speaker of each word; nobody where they are not looked at."""
        if not self.speakers:
            return np.full(len(words), NOBODY, dtype=np.int64)
        return speaker_numbers(document, words)

    def pieces_of(self, windowed: WindowedDocument, words: Sequence[Span]) -> WordPieces:
        """Pieces and sentences of the words of a document that has some."""
        first_W, last_W, own_W = rows_of_words(windowed.pieces, words)
        sentence_W = np.array(sentence_numbers(windowed.document, words), dtype=np.int64)
        return WordPieces(first_W=first_W, last_W=last_W, own_W=own_W, sentence_W=sentence_W)

    def _example(
        self,
        windows: Sequence[tuple[int, int]],
        parts: Sequence[tuple[int, int, int]],
        windowed: WindowedDocument,
        pieces: WordPieces,
        gold: CorefGold,
    ) -> Example:
        """Windows end to end."""
        ids: list[IntArray] = []
        rows: list[IntArray] = []
        cuts: list[int] = []
        offset = 0
        for (start, end), part in zip(windows, parts, strict=True):
            framed = self.framer.one(windowed.pieces.ids[start:end])
            rows.append(rows_of_window((start, end), part, pieces) + offset)
            ids.append(framed.ids)
            offset += len(framed.ids)
            cuts.append(offset)
        units = max(sum(len(one.mentions_G3) for one in gold.windows), 1)
        return Example(
            task=self.name,
            window=Window(ids=np.concatenate(ids), cuts=tuple(cuts[:-1])),
            asked=HeadRows(rows=np.concatenate(rows)),
            target=Target(units=units, gold=gold),
        )

    @override
    def build_head(self, context: HeadContext) -> CorefHead:
        from spanbert.tasks.coref.head import CorefHead

        return CorefHead(context.encoder, self.config, speakers=self.speakers)

    @override
    def decoder(self, windowed: WindowedDocument) -> ClusterDecoder:
        """The windows' mentions are linked over the whole document."""
        words = self.words(windowed.document)
        firsts: list[int] = []
        if words and len(windowed.pieces.ids):
            pieces = self.pieces_of(windowed, words)
            firsts = [words_of_window(window, part, pieces)[0] for window, part in window_parts(windowed)]
        return ClusterDecoder(
            windowed.document.text,
            words,
            first_words=firsts or [0] * len(windowed.windows),
            config=self.config,
            singletons=self.singletons,
            speakers_W=self.speakers_of(windowed.document, words) if self.speakers else None,
        )

    @override
    def scorer(self, *, seed: int = 0) -> CorefDocumentScorer:
        return CorefDocumentScorer(singletons="keep" if self.singletons else "drop", seed=seed)

    @override
    def score_lines(self, scores: Scores) -> list[str]:
        """Also which gold was ambiguous."""
        return [*super().score_lines(scores), *(f"warning: {one}" for one in scores.get("warnings", ()))]

    @override
    def mistakes(self, document: Document, prediction: Coreference) -> Iterator[Mistake]:
        """Links between mentions of different gold clusters, surest first."""
        owner = {
            (mention.start, mention.end): number
            for number, cluster in enumerate(document.clusters or ())
            for mention in cluster
        }
        for link in prediction.links:
            one, other = (owner.get((span.start, span.end)) for span in (link.mention, link.antecedent))
            if one is None or one != other:
                said = f"{_text(document, link.mention)} -> {_text(document, link.antecedent)}"
                gold = (
                    "no mention" if one is None else "another" if other is not None else "its antecedent is no mention"
                )
                marks = [(span.start, span.end, "[", "]") for span in (link.antecedent, link.mention)]
                near = link.mention.start - link.antecedent.end < _NEAR
                around = excerpt(document.text, marks if near else marks[1:])
                yield Mistake(severity=link.score, where=document.id, text=around, gold=gold, predicted=said)


def _as_now(options: Facts) -> Record:
    """The settings of a bundle without what version 0.1.0 stated and is no more: limits over a whole document."""
    stated = {key: value for key, value in options.items() if key != "max_mentions"}
    return {key: value for key, value in stated.items() if (key, value) != ("depth", None)}


def _text(document: Document, span: Span) -> str:
    return document.text[span.start : span.end]
