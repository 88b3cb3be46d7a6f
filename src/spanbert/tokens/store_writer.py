"""A token store while it is written: open shards, one a split; closed ones are noted, so that a killed run goes on.

documents -> record batches -> STORE.preparing/SPLIT.open -> when full: close, fsync, rename, progress.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanbert.core.files import move_into_place, remove, sha256_of, sync_file, write_json
from spanbert.core.schema import read_checked
from spanbert.corpus.raw.readers import DocumentReader
from spanbert.tokens.one_held_out import held_out_fraction, hold_one_out
from spanbert.tokens.store import FORMAT, INDEX_NAME, StoredDocument, shard_schema
from spanbert.tokens.store_schemas import PrepareProgress
from spanbert.tokens.tokenizer import TokenizerAdapter

_PIECES_A_RECORD_BATCH = 1 << 20
_PROGRESS = "progress.json"


class _SplitWriter:
    """The open shard of one split: appends record batches to a temporary file."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.schema = path, schema
        self.documents = self.pieces = 0
        self._buffer: list[StoredDocument] = []
        self._buffered = 0
        self._writer = pa.ipc.new_file(str(path), schema)

    def add(self, document: StoredDocument) -> None:
        self._buffer.append(document)
        self._buffered += len(document.ids)
        self.documents += 1
        self.pieces += len(document.ids)
        if self._buffered >= _PIECES_A_RECORD_BATCH:
            self._flush()

    def _flush(self) -> None:
        if not self._buffer:
            return
        buffer = self._buffer
        columns = [
            pa.array([document.id for document in buffer], type=pa.string()),
            self._lists("ids", [document.ids for document in buffer]),
            self._lists("word_starts", [document.word_starts for document in buffer]),
            self._lists("entities", [document.entities.reshape(-1) for document in buffer]),
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=self.schema))
        self._buffer, self._buffered = [], 0

    def _lists(self, column: str, parts: Sequence[npt.NDArray[Any]]) -> pa.Array:
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        values = pa.array(np.concatenate(parts), type=self.schema.field(column).type.value_type)
        return pa.LargeListArray.from_arrays(offsets, values)

    def close(self) -> None:
        self._flush()
        self._writer.close()
        sync_file(self.path)


class StoreWriter:
    """Writes the store in its working directory and knows how far finished shards reach.

    Args:
        work: The working directory; finished shards in it, of a killed run with the same plan, are taken over.
        adapter: The tokenizer.
        reader: What is read.
        held_out: Share of the documents that are held out, 0..1.
        shard_pieces: Pieces a shard.
        licence: Of the text.
    """

    def __init__(
        self,
        work: Path,
        adapter: TokenizerAdapter,
        reader: DocumentReader,
        held_out: float,
        shard_pieces: int,
        licence: str | None,
    ) -> None:
        self.work, self.adapter, self.held_out, self.shard_pieces = work, adapter, held_out, shard_pieces
        self.plan = {
            "tokenizer": adapter.fingerprint,
            "held_out": held_out,
            "shard_pieces": shard_pieces,
            "licence": licence,
            "options": reader.options.model_dump(),
            "sources": reader.sources,
            "modified": reader.modified,
        }
        self.schema = shard_schema(adapter.vocab_size)
        self.counts_V: npt.NDArray[np.int64] = np.zeros(adapter.vocab_size, dtype=np.int64)
        self.shards: list[dict[str, Any]] = []
        self.documents_done = 0
        self._documents_open = 0
        self._open: dict[str, _SplitWriter] = {}
        self._recover()
        self.pieces_total = sum(shard["pieces"] for shard in self.shards)

    @property
    def _key(self) -> str:
        return hashlib.sha256(json.dumps(self.plan, sort_keys=True).encode()).hexdigest()

    def _recover(self) -> None:
        """Takes over the finished shards of a killed run with the same plan; removes anything else."""
        progress = self.work / _PROGRESS
        if progress.is_file():
            noted = read_checked(PrepareProgress, progress)
            if noted["key"] == self._key:
                self.shards, self.documents_done = noted["shards"], noted["documents_done"]
                self.counts_V = np.array(noted["counts"], dtype=np.int64)
                kept = {shard["file"] for shard in self.shards} | {progress.name}
                for leftover in [path for path in self.work.iterdir() if path.name not in kept]:
                    remove(leftover)
                return
        if self.work.exists():
            remove(self.work)
        self.work.mkdir(parents=True)

    def add(self, document: StoredDocument) -> None:
        """Stores one document; closes the shards when they are full."""
        self._documents_open += 1
        if len(document.ids):
            split = "held_out" if held_out_fraction(document.id) < self.held_out else "train"
            if split == "train":
                self.counts_V += np.bincount(document.ids, minlength=len(self.counts_V))
            if split not in self._open:
                self._open[split] = _SplitWriter(self.work / f"{split}.open", self.schema)
            self._open[split].add(document)
            self.pieces_total += len(document.ids)
        if sum(writer.pieces for writer in self._open.values()) >= self.shard_pieces:
            self._close_shards()

    def _close_shards(self) -> None:
        for split, writer in sorted(self._open.items()):
            writer.close()
            number = sum(shard["split"] == split for shard in self.shards)
            name = f"{split}-{number:05d}.arrow"
            writer.path.rename(self.work / name)
            self.shards.append({"file": name, "split": split, "documents": writer.documents, "pieces": writer.pieces})
        self._open = {}
        self.documents_done += self._documents_open
        self._documents_open = 0
        sync_file(self.work)
        noted = {"key": self._key, "documents_done": self.documents_done, "shards": self.shards}
        write_json(self.work / _PROGRESS, {**noted, "counts": self.counts_V.tolist()})

    def finish(self, target: Path) -> None:
        """Closes the store and gives it its name."""
        self._close_shards()
        progress = self.work / _PROGRESS
        if self.held_out and all(shard["split"] == "train" for shard in self.shards):
            progress.unlink()  # shards change, which cannot be continued
            moved = hold_one_out(self.work, self.shards)
            if moved is not None:
                self.shards = [dict(shard) for shard in moved[0]]
                self.counts_V -= np.bincount(moved[1], minlength=len(self.counts_V))
        np.save(self.work / "unigram.npy", self.counts_V)
        (self.work / "tokenizer").mkdir()
        self.adapter.save(self.work / "tokenizer")
        files = sorted(path for path in self.work.rglob("*") if path.is_file() and path != progress)
        for path in files:
            sync_file(path)
        index = {
            "kind": "spanbert token store",
            "format": FORMAT,
            "tokenizer": {
                "name": Path(self.adapter.name).parent.name,
                "fingerprint": self.adapter.fingerprint,
                "vocab_size": self.adapter.vocab_size,
            },
            "shards": self.shards,
            **{name: self.plan[name] for name in ("held_out", "licence", "options", "sources")},
            "files": {
                path.relative_to(self.work).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for path in files
            },
        }
        write_json(self.work / INDEX_NAME, index)
        progress.unlink(missing_ok=True)
        sync_file(self.work)
        move_into_place(self.work, target, last=INDEX_NAME, replace=True)
        remove(self.work)
