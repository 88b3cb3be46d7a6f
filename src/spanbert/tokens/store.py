"""The token store: whole documents as piece ids and word starts, in memory-mapped Arrow IPC shards.

    STORE/
      index.json          format, tokenizer fingerprint, counts, checksums of every file
      tokenizer/          the tokenizer that made the ids
      unigram.npy         how often each piece occurs in the train split, int64 (V,)
      train-00000.arrow   documents: id, ids (uint16 or uint32), word_starts (bool), entities
      held_out-00000.arrow

Nothing here knows of sequence lengths: cutting and packing happen at training time (`batches`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, sha256_of
from spanbert.core.schema import checked
from spanbert.core.types import BoolArray, IntArray
from spanbert.tokens.store_schemas import StoreIndex, unlisted
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer

if TYPE_CHECKING:
    import pyarrow as pa  # spanbert-runtime has none, and opens no store

FORMAT = 1
INDEX_NAME = "index.json"
_NAMED = 4  # files that are named as where a text comes from
Split = Literal["train", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "held_out")


def shard_schema(vocab_size: int) -> pa.Schema:
    """The columns of a shard; ids take two bytes where the vocabulary allows."""
    import pyarrow as pa

    ids = pa.uint16() if vocab_size <= 1 << 16 else pa.uint32()
    return pa.schema(
        [
            ("id", pa.string()),
            ("ids", pa.large_list(ids)),
            ("word_starts", pa.large_list(pa.bool_())),
            ("entities", pa.large_list(pa.uint32())),  # start, end, start, end, ...
        ]
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredDocument:
    """One document of a store.

    Attributes:
        id: The document's id.
        ids: Piece ids without specials, (n,), a view into the mapped file.
        word_starts: Which pieces begin a word, (n,).
        entities: Half-open spans of pieces that came with the document, (m, 2), at word bounds.
    """

    id: str
    ids: IntArray
    word_starts: BoolArray
    entities: IntArray


class Shard:
    """A memory-mapped shard; opening it reads only the footer.

    Args:
        path: An `.arrow` file.

    Raises:
        InputError: Not a shard, or cut short.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        try:
            self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError("not a whole shard", where=str(path), got=str(error).splitlines()[0]) from None
        self._batch = lru_cache(maxsize=8)(self._reader.get_batch)

    def documents(self) -> Iterator[StoredDocument]:
        """All documents in their order."""
        for _, document in self.chosen():
            yield document

    def chosen(self, numbers: IntArray | None = None) -> Iterator[tuple[int, StoredDocument]]:
        """Some documents in their order, each with its number in the shard; the others are not read.

        Args:
            numbers: Which, rising; None: all.
        """
        first = 0
        for number in range(self._reader.num_record_batches):
            rows = self._batch(number).num_rows
            if numbers is None:
                here: Iterable[int] = range(rows)
            else:
                low, high = np.searchsorted(numbers, (first, first + rows))
                here = (numbers[low:high] - first).tolist()
            for row, document in self._documents_of(number, here):
                yield first + row, document
            first += rows

    def _documents_of(self, number: int, rows: Iterable[int]) -> Iterator[tuple[int, StoredDocument]]:
        batch = self._batch(number)
        offsets = np.asarray(batch.column("ids").offsets)
        ids = np.asarray(batch.column("ids").values)
        starts = batch.column("word_starts").values
        entity_offsets = np.asarray(batch.column("entities").offsets)
        entities = np.asarray(batch.column("entities").values).astype(np.int64).reshape(-1, 2)
        names = batch.column("id")
        for row in rows:
            here = slice(int(offsets[row]), int(offsets[row + 1]))
            yield (
                row,
                StoredDocument(
                    id=names[row].as_py(),
                    ids=ids[here],
                    # of this document alone: bits become bytes, and who keeps a document would keep those of its batch
                    word_starts=starts[here].to_numpy(zero_copy_only=False),
                    entities=entities[entity_offsets[row] // 2 : entity_offsets[row + 1] // 2],
                ),
            )


class TokenStore:
    """A store opened for reading.

    Args:
        path: The directory that `spanbert prepare` wrote.
        verify: Compare every file with its checksum (reads the store once).

    Raises:
        InputError: Not a store, of a newer format, incomplete, or a file that does not match its checksum.
    """

    def __init__(self, path: str | Path, *, verify: bool = True) -> None:
        self.path = Path(path)
        index_file = self.path / INDEX_NAME
        if not index_file.is_file():
            raise InputError(
                "not a token store (no index.json)",
                where=str(self.path),
                remedy="Make one: spanbert prepare TEXT --tokenizer X --out STORE",
            )
        self.index: dict[str, Any] = read_json(index_file)
        if not isinstance(self.index, dict) or self.index.get("kind") != "spanbert token store":
            raise InputError("not the index of a token store", where=str(index_file))
        if self.index.get("format") != FORMAT:
            raise InputError(
                "a store of another format",
                where=str(index_file),
                got=f"format {self.index.get('format')}",
                expected=f"format {FORMAT}",
                remedy="Prepare it again",
            )
        checked(StoreIndex, self.index, str(index_file))
        missing = unlisted(self.index)
        if missing is not None:
            raise InputError("a file of the store that its list does not name", where=str(index_file), got=missing)
        for name, entry in self.index["files"].items():
            self._check_file(self.path / name, entry, verify)

    @staticmethod
    def _check_file(file: Path, entry: dict[str, Any], verify: bool) -> None:
        remedy = "The store is damaged; prepare it again"
        if not file.is_file():
            raise InputError("a file of the store is missing", where=str(file), remedy=remedy)
        size = file.stat().st_size
        if size != entry["bytes"]:
            expected = f"{entry['bytes']} bytes"
            raise InputError("wrong size", where=str(file), got=f"{size} bytes", expected=expected, remedy=remedy)
        if verify and sha256_of(file) != entry["sha256"]:
            raise InputError("the content does not match its checksum", where=str(file), remedy=remedy)

    def tokenizer(self) -> TokenizerAdapter:
        """The tokenizer that made the ids."""
        return load_tokenizer(self.path / "tokenizer")

    @property
    def checksum(self) -> str:
        """SHA-256 of the index, which holds those of all other files."""
        return sha256_of(self.path / INDEX_NAME)

    @property
    def texts(self) -> str:
        """The names of the files that the text came from, the first few of them."""
        names = sorted({Path(source["name"]).name for source in self.index["sources"]})
        return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more files" if len(names) > _NAMED else "")

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the tokenizer."""
        return str(self.index["tokenizer"]["fingerprint"])

    def unigram_counts(self) -> IntArray:
        """How often each piece occurs in the train split, (V,)."""
        file, pieces = self.path / "unigram.npy", self.index["tokenizer"]["vocab_size"]
        try:
            counts: IntArray = np.load(file)
        except (ValueError, EOFError, OSError) as error:
            raise InputError("not counts of pieces", where=str(file), got=str(error)) from None
        if counts.shape != (pieces,) or counts.dtype != np.int64:
            got, expected = f"{counts.dtype} {counts.shape}", f"int64 ({pieces},), by index.json"
            raise InputError("not counts of pieces", where=str(file), got=got, expected=expected)
        return counts

    def shard_names(self, split: Split) -> list[str]:
        """File names of the split's shards in the order of the documents."""
        return list(self.shard_sizes(split))

    def shard_sizes(self, split: Split) -> dict[str, int]:
        """Documents of each of the split's shards, by file name, in the order of the documents."""
        return {one["file"]: int(one["documents"]) for one in self.index["shards"] if one["split"] == split}

    def shard(self, name: str) -> Shard:
        """Opens one shard."""
        return Shard(self.path / name)

    def documents(self, split: Split) -> Iterator[StoredDocument]:
        """All documents of a split, streaming."""
        for name in self.shard_names(split):
            yield from self.shard(name).documents()

    def count(self, split: Split, what: Literal["documents", "pieces"]) -> int:
        """Documents or pieces of a split."""
        return sum(int(shard[what]) for shard in self.index["shards"] if shard["split"] == split)
