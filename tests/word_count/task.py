"""The task: documents to windows and gold, outputs to a count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from spanbert.batches.examples import Example, HeadRows, Target
from spanbert.batches.windows import owned_parts
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Facts, OutputArray
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import open_data
from spanbert.tasks.base import TextTaskBase, WindowConfig
from spanbert.tasks.protocol import HeadContext, Mistake, WindowedDocument
from spanbert.tokens.tokenizer import TokenizerAdapter
from tests.word_count.config import WordCountConfig
from tests.word_count.result import WordCount
from tests.word_count.scoring import WordCountScorer, stated
from tests.word_count.spec import WORDS

SCALE = "scale.txt"

if TYPE_CHECKING:
    from tests.word_count.head import WordCountHead


class WordCountTask(TextTaskBase):
    """How many words a text has; what is learned from texts of one window counts the words of longer ones too."""

    spec = WORDS
    unit = "text"
    runtime_options = ("text_column", "near")

    def __init__(
        self, name: str, tokenizer: TokenizerAdapter, window: tuple[int, int], *, config: WordCountConfig
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config = config
        if config.scale is not None:
            self.assets = {SCALE: Path(config.scale)}

    @classmethod
    def from_training(
        cls, name: str, documents: Iterable[Document], *, config: WordCountConfig, window: WindowConfig,
        tokenizer: TokenizerAdapter, positions: int,
    ) -> Self:  # fmt: skip
        if not any(one.labels for one in documents):
            raise InputError(f"task {name}: no text with a number of words")
        return cls(name, tokenizer, window.fit(positions, usual=64), config=config)

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        config = WordCountConfig.model_validate(entry["options"])
        return cls(name, tokenizer, cls.stored_window(entry, positions), config=config)

    @staticmethod
    def open(config: WordCountConfig, path: Path) -> DataFile:
        return open_data(path, among=WORDS.formats, settings=ReadSettings(text_column=config.text_column))

    def is_labelled(self, document: Document) -> bool:
        return document.labels is not None

    def check(self, document: Document) -> None:
        if document.labels is not None and not document.labels[0].isdigit():
            raise InputError("not a number of words", where=document.place, got=repr(document.labels[0]))

    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """The pieces that each window answers for; row 0 is [CLS]."""
        own = zip(windowed.windows, owned_parts(windowed.windows), strict=True)
        return [HeadRows(rows=np.arange(low - start + 1, high - start + 1)) for (start, _), (low, high) in own]

    def examples(self, windowed: WindowedDocument) -> list[Example]:
        document = windowed.document
        if document.labels is None or len(windowed.windows) > 1:
            return []
        self.check(document)
        target = Target(units=1, gold=float(stated(document)))
        [window], [asked] = self.windows(windowed), self.rows(windowed)
        return [Example(task=self.name, window=window, asked=asked, target=target)]

    def build_head(self, context: HeadContext) -> WordCountHead:
        from tests.word_count.head import WordCountHead

        scale = context.assets.get(SCALE)
        return WordCountHead(context.encoder, 1.0 if scale is None else float(scale.read_text()))

    def decode(self, windowed: WindowedDocument, outputs: Sequence[OutputArray]) -> WordCount:
        return WordCount(words=float(sum(one.sum() for one in outputs)))

    def scorer(self, *, seed: int = 0) -> WordCountScorer:
        return WordCountScorer(self.config.near, seed=seed)

    def mistakes(self, document: Document, prediction: WordCount) -> Iterator[Mistake]:
        if document.labels is not None and abs(prediction.words - stated(document)) > self.config.near:
            yield Mistake(
                severity=abs(prediction.words - stated(document)),
                where=document.place,
                text=document.text,
                gold=document.labels[0],
                predicted=f"{prediction.words:.1f}",
            )
