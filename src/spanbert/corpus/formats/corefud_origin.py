"""What a CorefUD file says of a document beside its text and clusters; see `corefud`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spanbert.core.types import Span
from spanbert.corpus.formats.clusters import CorefLines

EMPTY = re.compile(r"\d{1,9}\.\d{1,9}")
RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")
CHUNK = re.compile(r"\(([^()]+)\)|\(([^()]+)|(?<![^()])([^()]+)\)")
ID = ("eid", "GRP")
SAID = "Speaker="  # of a word, where a sentence has several speakers


@dataclass(frozen=True, kw_only=True, slots=True)
class CorefudOrigin(CorefLines):
    """The raw lines of a document.

    Attributes:
        fields: What is between the hyphens after an opening bracket.
        names: What each cluster is called.
        opened: What stands after the opening bracket of each mention.
    """

    fields: tuple[str, ...]
    names: tuple[str, ...]
    opened: Mapping[Span, str]
