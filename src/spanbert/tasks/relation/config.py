"""Settings of relation extraction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from spanbert.core.config import Config
from spanbert.tasks.entry import Labels, TextTaskEntry

Pool = Literal["cls", "start"]
NegativePairs = Literal["auto", "no", "reversed", "all"]
Order = Literal["forward", "backward", "both"]  # the head comes first in the text, or the tail, or either
MOST_PAIRS = 1000  # a text of 40 sentences with five entities each has 800


class RelationConfig(Config):
    """What of a marked text is read, and how answers are compared.

    Attributes:
        pool: What a pair is judged by: `start`, the markers at which both entities begin (Baldini Soares et al. 2019),
            or `cls`, the first piece.
        typed: Let the markers name the types of the entities; `auto`: where the training data has two or
            more.
        averaging: The main score: `micro`, F1 over all relations but none (TACRED), or `semeval`, the official macro F1
            of SemEval-2010 Task 8; `auto`: the latter where labels have directions and one of them is `Other`.
        negatives: Which pairs of the training texts, beside those that the data lists, are learned as not related:
            `reversed` ones (tail and head), `all`: those and other pairs of entities of a sentence, or `no` others;
            `auto`: `reversed` where the unrelated pairs of the data stand in one order, `all` where it has none.
        max_pairs: Most pairs of the entities of a text that are judged: of more, the nearest by sentences and then by
            characters between them.
        all_pairs: Let results hold the pairs that are not related too, with the label for that.
    """

    pool: Pool = "start"
    typed: Literal["auto", "yes", "no"] = "auto"
    averaging: Literal["auto", "micro", "semeval"] = "auto"
    negatives: NegativePairs = "auto"
    max_pairs: int = Field(default=MOST_PAIRS, ge=1)
    all_pairs: bool = False


class RelationEntry(TextTaskEntry):
    """What a manifest says of such a task in addition.

    Attributes:
        labels: In the order of the logits.
        markers: The special tokens around entities.
        averaging: The main score.
        type_pairs: The types of head and tail that were seen in training.
        untyped: Entities without a type were seen too.
        order: In which pairs of raw text are asked about; earlier versions do not say.
    """

    labels: Annotated[Labels, Field(min_length=1)]
    markers: Annotated[list[str], Field(min_length=1)]
    averaging: Literal["micro", "semeval"]
    type_pairs: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    untyped: bool
    order: Order = "both"
