"""Settings of relation extraction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from spanbert.core.config import Config
from spanbert.scores.relations import Averaging
from spanbert.tasks.entry import Labels, TextTaskEntry

Pool = Literal["cls", "start"]


class RelationConfig(Config):
    """What of a marked text is read, and how answers are compared.

    Attributes:
        pool: What a pair is judged by: `start`, the markers at which both entities begin (Baldini Soares et al. 2019),
            or `cls`, the first piece.
        typed: Let the markers name the types of the entities; `auto`: where the training data has two or
            more.
        averaging: The main score: `micro`, F1 over all relations but none (TACRED), or `semeval`, the official macro F1
            of SemEval-2010 Task 8; `auto`: the latter where labels have directions and one of them is `Other`.
    """

    pool: Pool = "start"
    typed: Literal["auto", "yes", "no"] = "auto"
    averaging: Literal["auto", "micro", "semeval"] = "auto"


class RelationEntry(TextTaskEntry):
    """What a manifest says of such a task in addition.

    Attributes:
        labels: In the order of the logits.
        markers: The special tokens around entities.
        averaging: The main score.
        type_pairs: The types of head and tail that were seen in training.
        untyped: Entities without a type were seen too.
    """

    labels: Annotated[Labels, Field(min_length=1)]
    markers: Annotated[list[str], Field(min_length=1)]
    averaging: Averaging
    type_pairs: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    untyped: bool
