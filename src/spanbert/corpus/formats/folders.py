"""Formats whose files hold one text each: the files of a folder, and names for those that are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.types import Document

_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST = 100


def files_under(folder: Path, suffix: str) -> list[Path]:
    """The files of a folder and all in it with some suffix, in a stable order, but for hidden ones."""
    return sorted(
        path
        for path in folder.rglob(f"*{suffix}")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def file_names(documents: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    """Each document with a name for its file, without a suffix: its id, as far as it can be one, and not twice."""
    used: set[str] = set()
    for document in documents:
        parts = [_UNSAFE.sub("_", part).strip(".")[:_LONGEST] for part in document.id.split("/")]
        first = name = "/".join(part for part in parts if part) or "text"
        number = 1
        while name.lower() in used:
            number += 1
            name = f"{first}-{number}"
        used.add(name.lower())
        yield document, name


def one_document(documents: Iterable[Document], target: Path) -> Document:
    """The only document.

    Raises:
        InputError: There are several, or none.
    """
    found = None
    for document in documents:
        if found is not None:
            remedy = f"Name a folder, such as {target.with_suffix('')}"
            raise InputError("several texts, and one file", where=str(target), expected="one text", remedy=remedy)
        found = document
    if found is None:
        raise InputError("no text to write", where=str(target))
    return found
