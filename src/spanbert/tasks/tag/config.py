"""Settings of sequence labelling."""

from __future__ import annotations

from pydantic import Field

from spanbert.core.config import Config


class TagConfig(Config):
    """What is read from the files, and as what.

    Attributes:
        column: `ner`, `upos` or `xpos`; `auto`: entities where the file has any, else its tags as they are.
        nested: Entities may lie in one another: spans are classified instead of words tagged.
        longest_span: With `nested`, words of the longest entity that can be found.
    """

    column: str = Field(default="auto", pattern="^(auto|ner|upos|xpos)$")
    nested: bool = False
    longest_span: int = Field(default=12, ge=1, le=64)
