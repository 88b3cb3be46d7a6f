"""What a task is learned from and scored on: a file that the task reads, or documents that are in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import sha256_of
from spanbert.core.types import Document

Source = Path | Sequence[Document]


def documents_of(source: Source, read: Callable[[Path], Iterable[Document]]) -> Iterable[Document]:
    """The documents of a source; those of a file stream by.

    Args:
        source: A file, or documents.
        read: Reads a file.

    Raises:
        InputError: No such file, or one that cannot be read.
    """
    if not isinstance(source, Path):
        return source
    require_file(source)
    return read(source)


def require_file(source: Source) -> None:
    """Refuses a file that is not there.

    Raises:
        InputError: It is not.
    """
    if isinstance(source, Path) and not source.is_file():
        raise InputError("no such file", where=str(source))


def name_of(source: Source) -> str:
    """What to call a source in a line for people."""
    return source.name if isinstance(source, Path) else f"{len(source):,} documents"


def source_facts(source: Source) -> dict[str, str]:
    """Name and SHA-256 of a source: of a file its bytes, of documents everything that they hold."""
    if isinstance(source, Path):
        return {"name": source.name, "sha256": sha256_of(source)}
    digest = hashlib.sha256()
    for document in source:
        digest.update(json.dumps(asdict(document), sort_keys=True, default=str).encode())
    return {"name": name_of(source), "sha256": digest.hexdigest()}
