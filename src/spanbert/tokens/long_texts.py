"""Long texts in parts that tokenise to the same pieces, so that memory is that of a part and not of the text.

What a tokenizer notes of a text while it works takes some hundred times the text's own size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_PART = 1 << 18  # characters
_BETWEEN_WORDS = re.compile(r"[A-Za-z0-9,.] (?=[A-Za-z])")  # where no normalisation joins what lies on both sides


def parts_of(text: str) -> Iterator[str]:
    """The text in parts of about `LONGEST_PART` characters, end to end, each but the first beginning with a blank.

    Where no blank between two words comes, a part goes on until one does.
    """
    begin = 0
    while begin < len(text):
        place = _BETWEEN_WORDS.search(text, begin + LONGEST_PART) if len(text) - begin > LONGEST_PART else None
        end = len(text) if place is None else place.start() + 1
        yield text[begin:end]
        begin = end
