"""Settings of relation extraction."""

from __future__ import annotations

from typing import Literal

from spanbert.core.config import Config

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
