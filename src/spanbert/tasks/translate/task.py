"""Translation as a `TextTask`: texts whole or sentence by sentence to translations."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.core.errors import InputError
from spanbert.core.predictions import Candidate, Translation
from spanbert.core.types import Document, Facts, IntArray, Record, Scores
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import open_data
from spanbert.scores.translation import sentence_chrf
from spanbert.tasks.base import TextTaskBase, WindowConfig
from spanbert.tasks.protocol import Generated, HeadContext, Mistake, TextTask, WindowedDocument
from spanbert.tasks.translate.alignment import alignment
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.tasks.translate.learned import Learned, target_vocabulary
from spanbert.tasks.translate.parts import WindowedSentences, joined, parts_of
from spanbert.tasks.translate.scoring import TranslateScorer
from spanbert.tasks.translate.shape import DecoderShape
from spanbert.tasks.translate.spec import TRANSLATE
from spanbert.tokens.pieces import read_pieces
from spanbert.tokens.target_vocabulary import END, TargetVocabulary
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.translate.head import TranslateHead

VOCABULARY = "target_vocabulary.json"
_USUAL_WINDOW = 512
_LONGEST_TARGET = 1024  # pieces of a training target
_SAMPLE = 20_000  # pairs that lengths and scripts are judged by
_MORE = 10  # pieces that a translation may have beyond the ratio


class TranslateTask(TextTaskBase):
    """Translations of whole texts.

    Args:
        name: Its name in the bundle.
        tokenizer: The encoder's.
        window: Tokens of a window and of the overlap, which is not used.
        config: The settings.
        learned: What the training texts say.
    """

    spec = TRANSLATE
    unit = "target token"
    in_points = 1.0
    shares_encoder_pass = False
    runtime_options = (
        "text_column", "target_column", "beam", "length_penalty", "n_best", "max_ratio", "split", "language",
        "tokenizer", "ter", "alignments",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: TranslateConfig,
        learned: Learned,
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config, self.learned = config, learned
        self.counts_V: IntArray | None = None
        self._vocabulary: TargetVocabulary | None = None
        self._assets: Mapping[str, Path | bytes] = {}

    @property
    def assets(self) -> Mapping[str, Path | bytes]:
        """The vocabulary of the translations."""
        return self._assets

    @assets.setter
    def assets(self, files: Mapping[str, Path | bytes]) -> None:
        self._assets, self._vocabulary = files, None

    @property
    def vocabulary(self) -> TargetVocabulary:
        """What translations are written with.

        Raises:
            InputError: The bundle lacks it.
        """
        if self._vocabulary is None:
            if VOCABULARY not in self._assets:
                raise InputError(f"task {self.name}: no {VOCABULARY} among its files", remedy="Copy the bundle again")
            given = self._assets[VOCABULARY]
            definition = given.decode() if isinstance(given, bytes) else given.read_text(encoding="utf-8")
            self._vocabulary = TargetVocabulary.from_json(definition, VOCABULARY)
        return self._vocabulary

    @classmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: TranslateConfig,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training pairs pose; trains the vocabulary of the translations.

        Raises:
            InputError: No pairs, or settings that do not fit together.
        """
        _require_hypotheses(config)
        sample: list[tuple[str, str]] = []

        def targets() -> Iterator[str]:
            for document in documents:
                if document.target is not None and document.target.strip() and document.text.strip():
                    if len(sample) < _SAMPLE:
                        sample.append((document.text, document.target))
                    yield document.target

        vocabulary = target_vocabulary(config, tokenizer, targets())
        if not sample:
            raise InputError(
                f"task {name}: no text with a translation",
                remedy="Name the columns with --text-column and --target-column, or the second file",
            )
        sources = tokenizer.ids_batch([text for text, _ in sample])
        written = vocabulary.encode_batch([target for _, target in sample])
        learned = Learned.of(sample, sources, written, config.language)
        task = cls(name, tokenizer, window.fit(positions, usual=_USUAL_WINDOW), config=config, learned=learned)
        task.assets = {VOCABULARY: vocabulary.to_json().encode()}
        task.counts_V = np.bincount(np.concatenate(written), minlength=vocabulary.size)
        task.counts_V[END] = len(written)
        return task

    @classmethod
    @override
    def continued(cls, config: TranslateConfig, entry: Facts, assets: Mapping[str, Path]) -> TranslateConfig:
        """With the earlier task's vocabulary and decoder, where nothing else is asked for."""
        asked = config.model_fields_set
        if asked & {"vocabulary", "vocabulary_model"}:
            return config
        same = {key: value for key, value in entry["decoder"].items() if key not in asked}
        changed = config.model_copy(update=same)
        changed._vocabulary_file = assets[VOCABULARY]
        return changed

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        config = TranslateConfig.model_validate(entry["options"])
        _require_hypotheses(config)
        return cls(name, tokenizer, cls.stored_window(entry, positions), config=config, learned=Learned.of_entry(entry))

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            **self.learned.entry(),
            "vocabulary": self.vocabulary.fingerprint,
            "vocabulary_size": self.vocabulary.size,
        }

    @staticmethod
    def open(config: TranslateConfig, path: Path) -> DataFile:
        """A table, JSON lines or a memory, by the settings' columns or guessed ones."""
        settings = ReadSettings(text_column=config.text_column, target_column=config.target_column)
        return open_data(path, among=TRANSLATE.formats, settings=settings)

    @staticmethod
    def open_aligned(config: TranslateConfig, path: Path, companion: Path) -> DataFile:
        """Two files, line by line."""
        return open_data(path, among=("aligned",), settings=ReadSettings(companion=companion))

    @override
    def opened(self, path: Path, *, companion: Path | None = None) -> DataFile:
        """Files to be scored on have no empty sides."""
        return replace(super().opened(path, companion=companion), check=self.check)

    @property
    @override
    def comparison_key(self) -> str:
        """The main score, and how words are divided."""
        return f"{self.main_metric}, tokenizer {self.bleu_tokenizer}"

    @property
    def bleu_tokenizer(self) -> str:
        """How sacreBLEU divides words."""
        return self.learned.tokenizer if self.config.tokenizer == "auto" else self.config.tokenizer

    @override
    def remarks(self, others: Sequence[TextTask]) -> Iterator[str]:
        """How BLEU will be counted, where that is not the usual way."""
        if self.bleu_tokenizer != "13a":
            chosen = "by the script of the targets" if self.config.tokenizer == "auto" else "as set"
            yield f"{self.name}: BLEU divides words by sacreBLEU's {self.bleu_tokenizer!r}, {chosen}"

    @property
    @override
    def generation(self) -> Mapping[str, float]:
        return {
            "beam": self.config.beam,
            "length_penalty": self.config.length_penalty,
            "best": self.config.n_best,
            "ratio": self.config.max_ratio or self.learned.ratio,
            "more": _MORE,
            "attention": float(self.config.alignments),
        }

    @override
    def for_report(self) -> TextTask:
        """With alignments."""
        task = copy.copy(self)
        task.config = self.config.model_copy(update={"alignments": True})
        return task

    @override
    def is_labelled(self, document: Document) -> bool:
        return document.target is not None

    @override
    def check(self, document: Document) -> None:
        """Texts and translations that are not empty."""
        if document.target is None:
            return
        for what, text in (("text", document.text), ("translation", document.target)):
            if not text.strip():
                raise InputError(f"an empty {what}", where=document.place, remedy="Leave such pairs out")

    @override
    def tokenize(self, documents: Sequence[Document]) -> list[WindowedDocument]:
        """Texts in parts to translate: a line, its sentences, or of long ones parts of these."""
        found: list[WindowedDocument] = []
        plain = [Document(id=one.id, text=one.text) for one in documents]  # words of its own would add blanks
        for document, pieces in zip(documents, read_pieces(self.tokenizer, plain), strict=True):
            parts = list(
                parts_of(document.text, pieces, longest=self._longest, config=self.config, learned=self.learned)
            )
            found.append(
                WindowedSentences(
                    document=document,
                    pieces=pieces,
                    windows=[window for window, _ in parts],
                    stretches=[stretch for _, stretch in parts],
                )
            )
        return found

    @property
    def _longest(self) -> int:
        """Most pieces of a window, specials not counted."""
        return self.window[0] - self.framer.specials[0]

    @override
    def windows(self, windowed: WindowedDocument) -> list[Window]:
        """One a part; none for an empty text."""
        return [self.framer.one(windowed.pieces.ids[start:end]) for start, end in windowed.windows]

    @override
    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """All rows of each part."""
        return [HeadRows(rows=np.arange(end - start + 2)) for start, end in windowed.windows]

    @override
    def references(self, windowed: WindowedDocument) -> list[IntArray | None]:
        """The translation of a text in one part."""
        target = windowed.document.target
        if target is None or len(windowed.windows) != 1:
            return [None] * len(windowed.windows)
        return list(self.vocabulary.encode_batch([target]))

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """A text with its translation, whole; none where one is empty or too long."""
        document, ids = windowed.document, windowed.pieces.ids
        if document.target is None or not document.target.strip() or not len(ids):
            return []
        [target] = self.vocabulary.encode_batch([document.target])
        if len(ids) > self._longest or len(target) >= _LONGEST_TARGET:
            return []
        window = self.framer.one(ids)
        return [
            Example(
                task=self.name,
                window=window,
                asked=HeadRows(rows=np.arange(len(window.ids))),
                target=Target(units=len(target) + 1, gold=target),
                written=len(target) + 1,
            )
        ]

    @override
    def build_head(self, context: HeadContext) -> TranslateHead:
        from spanbert.tasks.translate.head import TranslateHead

        if not self.learned.decoder:
            self._shape(context)
        shape = DecoderShape(
            vocabulary=self.vocabulary.size,
            source=context.encoder.hidden_size,
            dropout=self.config.dropout,
            **self.learned.decoder,
        )
        return TranslateHead(
            shape, self.vocabulary.may_write_V, smoothing=self.config.label_smoothing, counts_V=self.counts_V
        )

    def _shape(self, context: HeadContext) -> None:
        """Decides the decoder's dimensions by settings and encoder."""
        config, encoder = self.config, context.encoder
        width = config.width or encoder.hidden_size
        usual = encoder.heads if width % encoder.heads == 0 else max(1, width // 64)
        heads = config.heads or usual
        if width % heads:
            raise InputError("heads that do not divide the width", got=f"{heads} heads, width {width}")
        decoder = {
            "width": width,
            "layers": config.layers,
            "heads": heads,
            "feed_forward": config.feed_forward or 4 * width,
        }
        self.learned = replace(self.learned, decoder=decoder)

    @override
    def decode(self, windowed: WindowedDocument, outputs: Sequence[Generated]) -> Translation:
        """The parts' translations, with the white space that lies between the parts."""
        assert isinstance(windowed, WindowedSentences)
        text = windowed.document.text
        if not outputs:
            return Translation(text=text, score=0.0, candidates=(Candidate(text=text, score=0.0),))
        count = min(self.config.n_best, max(len(one.hypotheses) for one in outputs))
        candidates = []
        for rank in range(count):
            own = [one.hypotheses[min(rank, len(one.hypotheses) - 1)] for one in outputs]
            said = [self.vocabulary.decode(one.ids.tolist()) for one in own]
            whole = joined(text, windowed.stretches, said, spaced=self.learned.is_spaced)
            candidates.append(Candidate(text=whole, score=float(np.mean([one.score for one in own]))))
        alignments = [
            alignment(self.tokenizer, self.vocabulary, windowed.pieces, text, window, one)
            for window, one in zip(windowed.windows, outputs, strict=True)
            if one.attention_TR is not None
        ]
        return Translation(
            text=candidates[0].text,
            score=candidates[0].score,
            candidates=tuple(candidates),
            reference=outputs[0].reference if len(outputs) == 1 else None,
            alignments=tuple(alignments),
        )

    @override
    def scorer(self, *, seed: int = 0) -> TranslateScorer:
        return TranslateScorer(self.bleu_tokenizer, ter=self.config.ter, seed=seed)

    @override
    def mistakes(self, document: Document, prediction: Translation) -> Iterator[Mistake]:
        """Translations unlike the reference; how bad is 100 minus chrF++."""
        if document.target is not None and document.target != prediction.text:
            yield Mistake(
                severity=100 - sentence_chrf(prediction.text, document.target),
                where=document.place,
                text=document.text,
                gold=document.target,
                predicted=prediction.text,
            )

    @override
    def selection_score(self, scores: Scores) -> float:
        """BLEU as a fraction, beside which other tasks' scores can stand."""
        return float(scores[self.main_metric]) / 100

    @override
    def headline(self, scores: Scores) -> str:
        return f"BLEU {scores['bleu']:.2f}, chrF++ {scores['chrf']:.2f}, perplexity {scores['ppl']:.2f}"


def _require_hypotheses(config: TranslateConfig) -> None:
    """Refuses more translations than the search has hypotheses."""
    if config.n_best > config.beam:
        raise InputError("more translations than hypotheses", got=f"n_best {config.n_best}, beam {config.beam}")
