"""Settings of counting words."""

from __future__ import annotations

from pydantic import Field

from spanbert.core.config import Config


class WordCountConfig(Config):
    """How the counts are learned.

    Attributes:
        text_column: Column of the text; None: guessed from the header.
        scale: A file with the number of words that a piece makes in the mean; None: 1. It is kept in the bundle.
        near: How far from the right number a prediction may be, in words, and still count as near.
    """

    text_column: str | None = None
    scale: str | None = None
    near: float = Field(default=0.5, gt=0)
