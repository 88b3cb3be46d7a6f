"""Settings of sequence labelling."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spanbert.core.config import Config
from spanbert.core.tagging import Scheme
from spanbert.tasks.entry import Labels, TextTaskEntry

_TAG = re.compile("O|[A-Z]-.*", re.DOTALL)


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


class TagEntry(TextTaskEntry):
    """What a manifest says of a flat tagger in addition.

    Attributes:
        labels: The tags, in the order of the logits.
        scheme: How they make spans; None: they are tags of single words.
        joined: How text without words is split.
    """

    labels: Annotated[Labels, Field(min_length=1)]
    scheme: Scheme | None
    joined: bool

    @model_validator(mode="after")
    def _check_tags(self) -> Self:
        odd = [tag for tag in self.labels if self.scheme is not None and not _TAG.fullmatch(tag)]
        if odd:
            raise ValueError(f"labels: {odd[0]!r} is no tag of {self.scheme}")
        return self


class NestedEntry(TextTaskEntry):
    """What a manifest says of a tagger of nested entities in addition: `labels` are their types."""

    nested: Literal[True]
    labels: Annotated[Labels, Field(min_length=1)]
    joined: bool
