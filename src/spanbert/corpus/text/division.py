"""What a document is in plain text: a line, what stands between blank lines, or the whole file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from spanbert.core.errors import InputError

Documents = Literal["line", "blank", "file"]
DOCUMENTS: tuple[Documents, ...] = get_args(Documents)


def require_documents(stated: str) -> Documents:
    """What the user states of documents.

    Raises:
        InputError: None of `DOCUMENTS`.
    """
    for known in DOCUMENTS:
        if stated == known:
            return known
    raise InputError(f"no kind of document {stated!r}", where="--documents", expected=", ".join(DOCUMENTS))


def divided(lines: Iterable[tuple[int, str]], documents: Documents) -> Iterator[tuple[int, str]]:
    """The documents of a plain text, each with the number of its first line; streaming.

    Args:
        lines: With their numbers, without line ends.
        documents: What a document is; with `line`, blank lines are documents too.
    """
    start, kept = 0, list[str]()
    for number, line in lines:
        if documents == "blank" and not line.strip():
            if kept:
                yield start, "\n".join(kept)
            kept = []
            continue
        start = start if kept else number
        kept.append(line)
        if documents == "line":
            yield start, line
            kept = []
    if kept:
        yield start, "\n".join(kept)
