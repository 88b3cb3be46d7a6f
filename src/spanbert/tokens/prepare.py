"""Raw text to a token store: tokenised on all cores, in bounded memory, resumed after a kill.

    documents -> batches of about a million characters -> ids and word starts -> open shards, one a split
                                                          when a shard is full: close, fsync, rename, note progress

The unfinished store is next to the target as `.STORE.preparing`; a restart with the same inputs and options skips
the documents that finished shards hold and continues. The result is the same, byte for byte, as without the kill.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanbert.core.errors import InputError
from spanbert.core.files import (
    move_into_place,
    only_writer,
    read_json,
    real_path,
    remove,
    sha256_of,
    sync_file,
    write_json,
)
from spanbert.core.outputs import check_output_folder
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import described, require_many, require_path
from spanbert.core.types import Document, Facts
from spanbert.corpus.raw.readers import DocumentReader, ReadConfig, ReadSummary
from spanbert.tokens.alignment import pieces_of_spans
from spanbert.tokens.one_held_out import held_out_fraction, hold_one_out
from spanbert.tokens.store import FORMAT, INDEX_NAME, SPLITS, Split, StoredDocument, TokenStore, shard_schema
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer

_BATCH_CHARACTERS = 1 << 20
_BATCH_DOCUMENTS = 4096
_PIECES_A_RECORD_BATCH = 1 << 20
_MUCH_UNKNOWN = 0.01


@dataclass(frozen=True, kw_only=True)
class PrepareResult:
    """What was read and stored.

    Attributes:
        path: The store.
        documents: Documents a split.
        pieces: Pieces a split.
        unknown: Share of the train pieces that are [UNK]: text that the tokenizer cannot say.
        read: What the reading met: duplicates, broken lines, ...
    """

    path: Path
    documents: dict[Split, int]
    pieces: dict[Split, int]
    unknown: float
    read: ReadSummary


@shows_progress
def prepare(
    inputs: str | Path | Sequence[str | Path],
    *,
    tokenizer: str | Path | TokenizerAdapter,
    out: str | Path,
    held_out: float = 0.005,
    options: ReadConfig | Facts | None = None,
    licence: str | None = None,
    shard_pieces: int = 1 << 24,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> PrepareResult:
    """Turns text files into a token store.

    Args:
        inputs: One or several files, folders, globs or hub data sets: see `corpus.raw.readers.DocumentReader`.
        tokenizer: Path or hub id of a tokenizer, or one that was loaded or trained.
        out: The store to make.
        held_out: Share (0..1) of the documents kept for evaluation, chosen by the hash of their ids; one at least,
            unless it is 0.
        options: How to read the text; a dictionary will do.
        licence: Licence and attribution of the text, for the model cards of what is trained on it.
        shard_pieces: Pieces a shard; progress is kept shard by shard.
        overwrite: Replace a store, model or run that is there, when the new one is whole.
        reporter: Receives progress; None: shown on a terminal and in a notebook (`SilentReporter()` keeps quiet).

    Raises:
        InputError: Unusable input or tokenizer, or an `out` that exists or is read.
    """
    require_path(out, "out")
    target, reporter = Path(out), reporter or SilentReporter()
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    require_many(given, "inputs", things="paths", or_one="a path")
    for one in given:
        require_path(one, "inputs")
    if not isinstance(tokenizer, TokenizerAdapter):
        require_path(tokenizer, "tokenizer")
    if isinstance(held_out, bool) or not isinstance(held_out, int | float) or not 0 <= held_out < 1:
        raise InputError("not a share", where="--held-out", got=described(held_out), expected="0 <= share < 1, or 0.5%")
    reader = DocumentReader(given, ReadConfig.of(options))
    own = [] if isinstance(tokenizer, TokenizerAdapter) else [tokenizer]
    check_output_folder(target, inputs=[*given, *own], overwrite=overwrite)
    adapter = tokenizer if isinstance(tokenizer, TokenizerAdapter) else load_tokenizer(tokenizer)
    place = real_path(target)
    work = place.with_name(f".{place.name}.preparing")
    with only_writer(target):
        try:
            _fill_store(_StoreWriter(work, adapter, reader, held_out, shard_pieces, licence), reader, place, reporter)
        except InputError:  # other input makes a different store: nothing here can be continued
            shutil.rmtree(work, ignore_errors=True)
            raise
    store = TokenStore(target, verify=False)
    return PrepareResult(
        path=target,
        documents={split: store.count(split, "documents") for split in SPLITS},
        pieces={split: store.count(split, "pieces") for split in SPLITS},
        unknown=float(store.unigram_counts()[adapter.special["unk"]] / store.unigram_counts().sum()),
        read=reader.summary,
    )


def _fill_store(writer: _StoreWriter, reader: DocumentReader, target: Path, reporter: Reporter) -> None:
    """Reads, tokenises and stores everything that is not stored yet, and gives the store its name."""
    if writer.documents_done:
        reporter.say(f"resuming: {writer.documents_done:,} documents are stored already")
    for batch in _batches(islice(iter(reader), writer.documents_done, None)):
        for document in encode_documents(batch, writer.adapter):
            writer.add(document)
        seen = reader.summary
        reporter.update(
            "prepare",
            seen.bytes_read.done / max(seen.bytes_total, 1),
            {"documents": f"{seen.documents:,}", "pieces": f"{writer.pieces_total:,}"},
        )
    reporter.finish("prepare")
    if writer.pieces_total == 0:
        raise InputError(
            "no text in the input",
            where=", ".join(str(source["name"]) for source in reader.sources[:3]),
            got=_describe(reader.summary),
        )
    if not writer.counts_V.any():
        raise InputError("every document was held out", where="--held-out", got=str(writer.held_out))
    writer.finish(target)


def encode_documents(documents: Sequence[Document], adapter: TokenizerAdapter) -> Iterator[StoredDocument]:
    """Pieces, word starts and entities of documents, tokenised together on all cores."""
    encoded = adapter.encode_batch([document.text for document in documents])
    annotated = [document.text for document in documents if document.spans]
    offsets = iter(adapter.offsets_batch(annotated)) if annotated else iter(())
    for document, (ids, starts) in zip(documents, encoded, strict=True):
        entities = pieces_of_spans(next(offsets), starts, document.spans) if document.spans else []
        pairs = np.array(entities, dtype=np.int64).reshape(-1, 2)
        yield StoredDocument(id=document.id, ids=ids, word_starts=starts, entities=pairs)


def _describe(summary: ReadSummary) -> str:
    return f"{summary.files} files, {summary.empty} empty documents, {summary.broken_lines} broken lines"


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Groups of about a million characters: enough for all cores, little enough for the memory."""
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.text)
        if characters >= _BATCH_CHARACTERS or len(batch) >= _BATCH_DOCUMENTS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


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


class _StoreWriter:
    """Writes the store in its working directory and knows how far finished shards reach."""

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
        progress = self.work / "progress.json"
        if progress.is_file():
            noted = read_json(progress)
            if noted["key"] == self._key:
                self.shards, self.documents_done = noted["shards"], noted["documents_done"]
                self.counts_V = np.array(noted["counts"], dtype=np.int64)
                kept = {shard["file"] for shard in self.shards} | {progress.name}
                for leftover in [path for path in self.work.iterdir() if path.name not in kept]:
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
                return
        if self.work.exists():
            shutil.rmtree(self.work)
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
        write_json(self.work / "progress.json", {**noted, "counts": self.counts_V.tolist()})

    def finish(self, target: Path) -> None:
        """Closes the store and gives it its name."""
        self._close_shards()
        (self.work / "progress.json").unlink()  # what follows cannot be continued, and is done again in a moment
        if self.held_out and all(shard["split"] == "train" for shard in self.shards):
            moved = hold_one_out(self.work, self.shards)
            if moved is not None:
                self.shards = [dict(shard) for shard in moved[0]]
                self.counts_V -= np.bincount(moved[1], minlength=len(self.counts_V))
        np.save(self.work / "unigram.npy", self.counts_V)
        (self.work / "tokenizer").mkdir()
        self.adapter.save(self.work / "tokenizer")
        files = sorted(path for path in self.work.rglob("*") if path.is_file())
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
        sync_file(self.work)
        move_into_place(self.work, target, last=INDEX_NAME, replace=True)
        remove(self.work)


def summary_lines(result: PrepareResult) -> list[str]:
    """The result in plain lines, for people."""
    read = asdict(result.read)
    lines = [
        f"{result.path}: {result.documents['train']:,} documents, {result.pieces['train']:,} pieces to train on; "
        f"{result.documents['held_out']:,} documents, {result.pieces['held_out']:,} pieces held out"
    ]
    named = {
        "duplicates": "duplicates left out",
        "empty": "empty documents left out",
        "other_languages": "documents in other languages left out",
        "broken_lines": "broken lines skipped",
    }
    notes = [f"{read[key]:,} {words}" for key, words in named.items() if read[key]]
    if notes:
        lines.append("; ".join(notes))
    if result.unknown > _MUCH_UNKNOWN:
        lines.append(f"{result.unknown:.1%} of the pieces are [UNK]: this tokenizer does not fit the text")
    lines += [f"  skipped: {example}" for example in result.read.broken_examples]
    if not result.documents["held_out"]:
        lines.append("no document was held out, so nothing can be evaluated: there is one alone, or --held-out is 0")
    return lines
