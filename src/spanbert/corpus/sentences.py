"""Sentences of a text that comes without: cut at line breaks and after the marks that end one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spanbert.core.types import Span

_END = re.compile(r"""[.!?…]+["'”’)\]]*\s+(?=["'“‘(\[]*[A-Z0-9])|[。！？]+[”’」』）]*|\s*\n\s*""")
_TITLE = re.compile(r"(?:^|\s|[(\"“])(?:Mr|Mrs|Ms|Dr|Prof|St|Sen|Rep|Gen|Gov|Capt|Col|Lt|Sgt|Jr|Sr|vs|No|[A-Z])\.\s+$")


def split_sentences(text: str, *, kept_whole: Sequence[Span] = ()) -> list[tuple[int, int]]:
    """Splits a text into sentences; nothing is cut after a title or an initial (`Dr.`, `J.`).

    Args:
        text: The text.
        kept_whole: Stretches that no sentence may end inside, such as entities.

    Returns:
        Half-open stretches of the text, in order, without the white space between them.
    """
    sentences: list[tuple[int, int]] = []

    def take(begin: int, end: int) -> None:
        part = text[begin:end]
        if part.strip():
            sentences.append((end - len(part.lstrip()), begin + len(part.rstrip())))

    begin = 0
    for match in _END.finditer(text):
        end = match.start() + len(match[0].rstrip())
        is_line = "\n" in match[0]
        if not is_line and _TITLE.search(text, max(begin, match.start() - 8), match.end()):
            continue
        if any(span.start < match.end() and end < span.end for span in kept_whole):
            continue
        take(begin, end)
        begin = match.end()
    take(begin, len(text))
    return sentences
