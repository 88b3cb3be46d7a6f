"""What the index of a token store, and the note of an unfinished one, must hold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from spanbert.core.schema import Count, FileEntry, FileName, Schema


class TokenizerFacts(Schema):
    """The tokenizer that made the ids."""

    name: str
    fingerprint: str
    vocab_size: int = Field(ge=1)


class ShardFacts(Schema):
    """A shard."""

    file: FileName
    split: Literal["train", "held_out"]
    documents: Count
    pieces: Count


class SourceFacts(Schema):
    """Something that was read."""

    name: str


class StoreIndex(Schema):
    """index.json."""

    kind: str
    format: int
    tokenizer: TokenizerFacts
    shards: list[ShardFacts]
    licence: str | None = None
    sources: list[SourceFacts]
    files: dict[FileName, FileEntry] = Field(min_length=1)


class PrepareProgress(Schema):
    """progress.json of a store that is being made."""

    key: str
    documents_done: Count
    shards: list[ShardFacts]
    counts: list[Count]


def unlisted(index: dict[str, Any]) -> str | None:
    """The first shard, or the counts, that the list of files does not name; None: it names them all."""
    needed = ["unigram.npy", *(shard["file"] for shard in index["shards"])]
    return next((name for name in needed if name not in index["files"]), None)
