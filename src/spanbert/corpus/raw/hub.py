"""Hugging Face data sets: `hf:NAME[@CONFIG][:SPLIT]`, as streams of text or as Parquet files; needs the extra `hf`."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.core.types import Document
from spanbert.corpus.raw.tables import require_column

PREFIX = "hf:"
_SOURCE = re.compile(r"hf:(?P<name>[^@:]+)(?:@(?P<config>[^:]+))?(?::(?P<split>[\w.]+))?$")


_SPLIT = re.compile(r"[\w.]+")


def split_sources(text: str) -> list[str]:
    """The sources between which there are colons; a data set of the hub has colons of its own.

    What follows the name of a data set is its split, if it can be one.
    """
    rest, found = text.split(":"), list[str]()
    while rest:
        source = rest.pop(0)
        if f"{source}:" == PREFIX and rest:
            source = f"{PREFIX}{rest.pop(0)}"
            if rest and f"{rest[0]}:" != PREFIX and _SPLIT.fullmatch(rest[0]):
                source = f"{source}:{rest.pop(0)}"
        found.append(source)
    return found


@dataclass(frozen=True, kw_only=True)
class HubDataset:
    """A data set on the hub (or a folder that `datasets` can read).

    Attributes:
        name: Hub id or folder.
        config: Its configuration, where it has several.
        split: The split to read.
    """

    name: str
    config: str | None
    split: str

    @classmethod
    def parse(cls, source: str) -> Self:
        """Reads `hf:wikimedia/wikipedia@20231101.en:train`.

        Raises:
            InputError: Not of that form.
        """
        match = _SOURCE.match(source)
        if not match:
            raise InputError("not a data set", where=source, expected="hf:NAME[@CONFIG][:SPLIT]")
        return cls(name=match["name"], config=match["config"], split=match["split"] or "train")

    @property
    def label(self) -> str:
        """Its name in document ids."""
        return f"hf:{self.name}" + (f"@{self.config}" if self.config else "") + f":{self.split}"

    def read(self, text_field: str) -> Iterator[Document]:
        """Its documents, streaming.

        Raises:
            InputError: No such data set or column, the hub cannot be reached, or `datasets` is not installed.
        """
        rows = self._load(streaming=True)
        for number, record in enumerate(rows, start=1):
            if number == 1:
                require_column(list(record), text_field, self.label)
            yield Document(id=str(record.get("id", f"{self.label}:{number}")), text=record[text_field] or "")

    def as_file(self) -> Path:
        """Its rows in a Parquet file in the cache of `datasets`, with what it says of its columns; made once.

        Raises:
            InputError: See `read`.
        """
        data = self._load(streaming=False)
        import datasets

        versions = [self.label, *(str(one["filename"]) for one in data.cache_files)]
        digest = hashlib.sha256("\n".join(versions).encode()).hexdigest()[:12]
        folder = Path(datasets.config.HF_DATASETS_CACHE) / "spanbert"
        name = re.sub(r"[^\w.-]+", "-", self.label.removeprefix(PREFIX))[-80:].strip("-")
        target = folder / f"{name}-{digest}.parquet"
        if not target.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                made = Path(temporary) / target.name
                data.to_parquet(os.fspath(made))
                made.replace(target)
        return target

    def _load(self, *, streaming: bool) -> Any:
        try:
            import datasets
        except ModuleNotFoundError:
            raise InputError(
                "hub data sets need the library datasets", where=self.label, remedy=how_to_get("datasets")
            ) from None
        is_saved = _is_saved(Path(self.name))
        try:
            if is_saved:
                found = datasets.load_from_disk(self.name)
            else:
                found = datasets.load_dataset(self.name, self.config, split=self.split, streaming=streaming)
        except (ValueError, OSError) as error:  # all of datasets' own errors are one of them
            raise InputError(
                "the data set cannot be opened", where=self.label, got=str(error).splitlines()[0]
            ) from None
        return self._of_saved(found, streaming=streaming) if is_saved else found

    def _of_saved(self, saved: Any, *, streaming: bool) -> Any:
        """The split of what `save_to_disk` wrote: all splits of a data set, or one that has its name or none."""
        if isinstance(saved, dict):
            if self.split not in saved:
                raise InputError("no such split", where=self.label, got=self.split, expected=", ".join(map(str, saved)))
            saved = saved[self.split]
        return saved.to_iterable_dataset() if streaming else saved


def is_folder_of_a_dataset(path: Path) -> bool:
    """Whether a folder looks like a data set of Hugging Face: one of the hub, or one that `save_to_disk` wrote."""
    return path.is_dir() and (_is_saved(path) or next(path.rglob("*.parquet"), None) is not None)


def _is_saved(path: Path) -> bool:
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()
