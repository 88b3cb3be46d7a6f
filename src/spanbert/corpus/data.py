"""What a task is learned from and scored on: an opened file, or documents that are in memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from spanbert.core.files import sha256_of
from spanbert.core.types import Document
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.io.files import require_data
from spanbert.corpus.raw.hub import PREFIX, HubDataset

Source = DataFile | Sequence[Document]


def local_file(given: str | os.PathLike[str]) -> Path:
    """The file that a user names: a path, or `hf:NAME[@CONFIG][:SPLIT]`, a data set of the Hugging Face hub.

    Raises:
        InputError: No such data set, or the hub cannot be reached.
    """
    name = os.fspath(given)
    return HubDataset.parse(name).as_file() if name.startswith(PREFIX) else Path(name)


def opened(given: Path | Source, open_file: Callable[[Path], DataFile]) -> Source:
    """Turns what the user passed into a source: a path is opened, anything else is already a source.

    Args:
        given: A path, or a source.
        open_file: Opens a file as the task reads it.

    Raises:
        InputError: No such file, or one that cannot be used.
    """
    if not isinstance(given, Path):
        return given
    require_data(given)
    return open_file(given)


def documents_of(source: Source) -> Iterable[Document]:
    """The documents of a source; those of a file stream by.

    Raises:
        InputError: The file cannot be read.
    """
    return source.documents() if isinstance(source, DataFile) else source


def name_of(source: Source) -> str:
    """What to call a source in a line for people."""
    return source.name if isinstance(source, DataFile) else f"{len(source):,} documents"


def source_facts(given: Path | Source, companion: Path | None = None) -> dict[str, str]:
    """Name and SHA-256 of a file's bytes, or of everything that documents hold.

    Args:
        given: A path, or a source.
        companion: The file with the other side of each line.
    """
    if isinstance(given, DataFile):
        whole = source_facts(given.path, given.settings.companion)
        if given.part is None:
            return whole
        kept = np.packbits(given.part.kept_N).tobytes()
        return {"name": given.name, "sha256": hashlib.sha256(whole["sha256"].encode() + kept).hexdigest()}
    if isinstance(given, Path) and companion is not None:
        both = sha256_of(given), sha256_of(companion)
        return {
            "name": f"{given.name} + {companion.name}",
            "sha256": hashlib.sha256("".join(both).encode()).hexdigest(),
        }
    if isinstance(given, Path):
        return {"name": given.name, "sha256": _sha256_of_folder(given) if given.is_dir() else sha256_of(given)}
    digest = hashlib.sha256()
    for document in given:
        digest.update(json.dumps(asdict(document, dict_factory=_held), sort_keys=True, default=str).encode())
    return {"name": name_of(given), "sha256": digest.hexdigest()}


def _held(items: list[tuple[str, object]]) -> dict[str, object]:
    """What is learned from: not the fields beside it, and nothing where a span does not know its text."""
    return {name: value for name, value in items if name != "fields" and (name != "text" or value is not None)}


def _sha256_of_folder(folder: Path) -> str:
    """Of the names of all its files and their bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = "".join(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n" for path in files)
    return hashlib.sha256(listed.encode()).hexdigest()
