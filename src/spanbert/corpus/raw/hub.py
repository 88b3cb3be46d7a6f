"""Hugging Face data sets as sources of text: `hf:NAME[@CONFIG][:SPLIT]`, streaming; needs the extra `hf`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.raw.tables import require_column

PREFIX = "hf:"
_SOURCE = re.compile(r"hf:(?P<name>[^@:]+)(?:@(?P<config>[^:]+))?(?::(?P<split>[\w.]+))?$")


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
        try:
            import datasets
        except ModuleNotFoundError:
            raise InputError(
                "hub data sets need the library datasets", where=self.label, remedy="pip install 'spanbert[hf]'"
            ) from None
        try:
            rows: Any = datasets.load_dataset(self.name, self.config, split=self.split, streaming=True)
        except (ValueError, OSError) as error:  # all of datasets' own errors are one of them
            raise InputError(
                "the data set cannot be opened", where=self.label, got=str(error).splitlines()[0]
            ) from None
        for number, record in enumerate(rows, start=1):
            if number == 1:
                require_column(list(record), text_field, self.label)
            yield Document(id=str(record.get("id", f"{self.label}:{number}")), text=record[text_field] or "")
