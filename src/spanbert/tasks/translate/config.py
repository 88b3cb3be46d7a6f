"""Settings of translation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from spanbert.core.config import Config
from spanbert.core.schema import Schema
from spanbert.tasks.entry import TextTaskEntry

_WIDEST, _DEEPEST = 1 << 16, 1000  # what bounds a decoder before its weights are seen


class TranslateConfig(Config):
    """What is read, what the decoder is, and how it writes.

    Attributes:
        text_column: Column of the text, or its language in files with a text in each language; None: by its name.
        target_column: The same of the translation.
        vocabulary: What translations are written with: a number of pieces to train on the target texts, `encoder` for
            the encoder's own, or the path of a tokenizer.
        vocabulary_model: How pieces are trained: byte-pair encoding, or a unigram language model.
        layers: Layers of the decoder.
        width: Its width; None: the encoder's.
        heads: Its attention heads; None: the encoder's if they divide the width, else one for each 64 units.
        feed_forward: Width of its feed-forward layers; None: four times its width.
        dropout: In the decoder.
        label_smoothing: Share of the probability that the loss wants spread over the vocabulary.
        beam: Hypotheses that are kept open for each text; 1 is greedy.
        length_penalty: Higher prefers longer translations; 0 ranks by probability alone.
        n_best: How many translations of each text are given, at most `beam`.
        max_ratio: Pieces of a translation for each piece of its text, at most; None: by the training data.
        split: Which texts are cut into sentences: `auto` those that are longer than in training, and all if training
            texts are single sentences; `always`; `never`. Sentences of more than twice the usual length are cut too;
            with `never` those alone that are too long for the encoder.
        language: Of the texts, whose abbreviations do not end a sentence, as sentencex names it (`en`, `de`).
        tokenizer: How sacreBLEU divides words: 13a, zh, ja-mecab, ko-mecab, char, intl, none; `auto`: by the script of
            the target texts.
        ter: Score TER too.
        alignments: Give how words of the translation look at words of the text.
    """

    text_column: str | None = None
    target_column: str | None = None
    vocabulary: int | str = 8000
    vocabulary_model: Literal["bpe", "unigram"] = "bpe"
    layers: int = Field(default=3, ge=1, le=_DEEPEST)
    width: int | None = Field(default=None, ge=2, le=_WIDEST)
    heads: int | None = Field(default=None, ge=1)
    feed_forward: int | None = Field(default=None, ge=1, le=_WIDEST)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    beam: int = Field(default=5, ge=1, le=100)
    length_penalty: float = Field(default=1.0, ge=0)
    n_best: int = Field(default=1, ge=1)
    max_ratio: float | None = Field(default=None, gt=0)
    split: Literal["auto", "always", "never"] = "auto"
    language: str = Field(default="en", pattern="^[a-z]{2,3}$")
    tokenizer: Literal["auto", "13a", "zh", "ja-mecab", "ko-mecab", "char", "intl", "none"] = "auto"
    ter: bool = False
    alignments: bool = False
    _vocabulary_file: Path | None = PrivateAttr(default=None)  # that of the task that is continued


class DecoderEntry(Schema):
    """The dimensions of a decoder."""

    width: int = Field(ge=1, le=_WIDEST)
    layers: int = Field(ge=1, le=_DEEPEST)
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=1, le=_WIDEST)

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class TranslateEntry(TextTaskEntry):
    """What a manifest says of such a task in addition; see `translate.task.Learned`."""

    usual: int = Field(ge=0)
    one_sentence: bool
    ratio: float = Field(gt=0)
    tokenizer: Literal["13a", "zh", "ja-mecab", "ko-mecab", "char", "intl", "none"]
    decoder: DecoderEntry
