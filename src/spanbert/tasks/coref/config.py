"""Settings of coreference resolution."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from spanbert.core.config import Config
from spanbert.tasks.entry import TextTaskEntry


class CorefConfig(Config):
    """How mentions are found and linked.

    Attributes:
        singletons: Whether mentions that are linked to no other are clusters; `auto`: where a tenth of
            the clusters of the training data are such.
        longest_mention: Pieces of the longest mention.
        kept: Mentions kept a window for each word that it reads, best first (lambda in Lee et al. 2017).
        depth: Mentions before it that a mention is compared with in prediction, nearest first; what lies further back
            is remembered by its names and descriptions, the latest in each wording of each cluster.
        size: Size of the vectors of starts and ends.
        dropout: Dropout of these vectors in training.
        train_windows: Windows of one training example; longer documents are several.
        stretches: Learn from stretches of each document as well, of one sentence to 63: a model that has read long
            documents alone links little in short texts.
        mention_weight: Weight of the loss that distinguishes mentions from other spans; that of the antecedents has 1.
        same_words: Let the score of a pair know whether both mentions are the same words, in lower case.
        speakers: Let it know whether both mentions are said by the same speaker, as the format states, or as names
            before speeches (`ANN: ...`) do; `auto`: where some document of the training data has two speakers.
    """

    singletons: Literal["auto", "keep", "drop"] = "auto"
    longest_mention: int = Field(default=30, ge=1, le=100)
    kept: float = Field(default=0.4, gt=0, le=2)
    depth: int = Field(default=1000, ge=1)
    size: int = Field(default=512, ge=8, le=1 << 16)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    train_windows: int = Field(default=8, ge=1)
    stretches: bool = False
    mention_weight: float = Field(default=1.0, ge=0)
    same_words: bool = True
    speakers: Literal["auto", "yes", "no"] = "auto"


class CorefEntry(TextTaskEntry):
    """What a manifest says of such a task in addition: whether mentions that are linked to no other are clusters,
    and whether speakers count (earlier versions do not say)."""

    singletons: bool
    speakers: bool = False
