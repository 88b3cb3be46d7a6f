"""Settings of sequence labelling."""

from __future__ import annotations

from pydantic import Field

from spanbert.core.config import Config


class TagConfig(Config):
    """What is read from the files, and as what.

    Attributes:
        column: `ner`, `upos` or `xpos`; `auto`: entities where the file has any, else its tags as they are.
        text_column: Of a table or of lists of words, the column or field of the words; None: guessed.
        label_column: The same of the tags.
        label_names: What tags that are numbers stand for, from 0: names with commas between, or a file with one a line;
            None: the file or what lies beside it says it.
        nested: Entities may lie in one another: spans are classified instead of words tagged.
        longest_span: With `nested`, words of the longest entity that can be found.
    """

    column: str = Field(default="auto", pattern="^(auto|ner|upos|xpos)$")
    text_column: str | None = None
    label_column: str | None = None
    label_names: str | None = None
    nested: bool = False
    longest_span: int = Field(default=12, ge=1, le=64)
