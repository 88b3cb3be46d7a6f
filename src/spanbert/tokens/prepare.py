"""Raw text to a token store: tokenised on all cores, in bounded memory, resumed after a kill.

    documents -> batches of about a million characters -> ids and word starts -> open shards, one a split
                                                          when a shard is full: close, fsync, rename, note progress

The unfinished store is next to the target as `.STORE.preparing`; a restart with the same inputs and options skips
the documents that finished shards hold and continues. The result is the same, byte for byte, as without the kill.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from spanbert.core.errors import InputError
from spanbert.core.files import (
    only_writer,
    real_path,
)
from spanbert.core.in_lines import InLines
from spanbert.core.outputs import check_output_folder
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import described, require_many, require_path
from spanbert.core.types import Document, Facts
from spanbert.corpus.raw.readers import DocumentReader, ReadConfig, ReadSummary
from spanbert.tokens.alignment import pieces_of_spans
from spanbert.tokens.store import SPLITS, Split, StoredDocument, TokenStore
from spanbert.tokens.store_writer import StoreWriter
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer

_BATCH_CHARACTERS = 1 << 20
_BATCH_DOCUMENTS = 4096
_MUCH_UNKNOWN = 0.01


@dataclass(frozen=True, kw_only=True, repr=False)
class PrepareResult(InLines):
    """What was read and stored; Python shows it as the command line does.

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

    @property
    def lines(self) -> list[str]:
        """The main of it for people."""
        return summary_lines(self)


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
            _fill_store(StoreWriter(work, adapter, reader, held_out, shard_pieces, licence), reader, place, reporter)
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


def _fill_store(writer: StoreWriter, reader: DocumentReader, target: Path, reporter: Reporter) -> None:
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
