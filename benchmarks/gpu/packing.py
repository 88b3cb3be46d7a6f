"""A token store and a model, small enough to be carried, and back.

Ids of pieces take two bytes; lzma brings them to some 9.5 bits. Which pieces begin a word follows from the ids
(WordPiece). Matrices of a model may be rounded to a byte a weight, each row with a scale of its own.
"""

from __future__ import annotations

import io
import lzma
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from spanbert.checkpoint.bundle import BundleFiles
from spanbert.checkpoint.tensors import read_tensors, read_weights, write_tensors
from spanbert.core.errors import InputError
from spanbert.core.files import read_json, remove, sha256_of, write_json
from spanbert.core.seeding import keyed_generator
from spanbert.corpus.raw.readers import ReadConfig
from spanbert.tokens.store import Split, StoredDocument, TokenStore
from spanbert.tokens.store_writer import StoreWriter
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer

Kept = Literal["int8", "float16"]
PIECES_A_CHUNK = 1 << 21
_MOST_IDS = 1 << 16
_INDEX, _SCALE = "store.json", ".row-scale"
_OF_IDS: list[dict[str, Any]] = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 3, "lp": 1, "pb": 1}]  # of two bytes
_OF_WEIGHTS: list[dict[str, Any]] = [{"id": lzma.FILTER_LZMA2, "preset": 2, "lc": 0, "lp": 0, "pb": 0}]
_LEAST_ROUNDED = 4096  # numbers of a matrix; smaller ones stay float16


def pack_store(
    train: TokenStore, held_out: TokenStore, folder: Path, *, most_bytes: int, most_pieces: int | None = None
) -> dict[str, Any]:
    """Writes held-out documents, and as many others as fit, in random order.

    Args:
        train: Whose training documents are taken.
        held_out: Whose held-out documents are taken; `train` must hold these out too.
        folder: What is made.
        most_bytes: Of all chunks together.
        most_pieces: Of training documents; they may then take more than `most_bytes`. None: as many as fit.

    Returns:
        Documents and pieces of each split.

    Raises:
        InputError: Stores of other tokenizers, or whose ids or word starts cannot be packed.
    """
    adapter = train.tokenizer()
    if adapter.fingerprint != held_out.fingerprint:
        raise InputError("two stores of different tokenizers", where=f"{train.path}, {held_out.path}")
    if adapter.is_word_start_V is None or adapter.vocab_size > _MOST_IDS:
        raise InputError("only ids of WordPiece, below 65,536, can be packed", where=str(train.path))
    folder.mkdir(parents=True)
    parts: dict[Split, Iterable[StoredDocument]] = {
        "held_out": held_out.documents("held_out"),
        "train": _mixed(train, most_pieces),
    }
    chunks: list[dict[str, Any]] = []
    used = 0
    for split, documents in parts.items():
        for number, some in enumerate(_by_size(_plain(documents, adapter))):
            packed = _packed(some)
            if split == "train" and most_pieces is None and used + len(packed) > most_bytes:
                break
            used += len(packed)
            name = f"{split}-{number:03d}.xz"
            (folder / name).write_bytes(packed)
            facts = {"documents": len(some), "pieces": sum(len(one.ids) for one in some)}
            chunks.append({"file": name, "split": split, **facts, "sha256": sha256_of(folder / name)})
    if not any(one["split"] == "train" for one in chunks):
        raise InputError("no room for text to train on", where=str(folder), got=f"{most_bytes:,} bytes")
    facts = {name: train.index[name] for name in ("held_out", "licence", "sources")}
    write_json(folder / _INDEX, {**facts, "tokenizer": adapter.fingerprint, "chunks": chunks})
    return {f"{split}_{what}": sum(one[what] for one in chunks if one["split"] == split)
            for split in parts for what in ("documents", "pieces")}  # fmt: skip


def unpack_store(packed: Path, tokenizer: Path, target: Path) -> TokenStore:
    """The token store of what `pack_store` wrote; made once.

    Args:
        packed: Its folder.
        tokenizer: The tokenizer's.
        target: Where the store is made.

    Raises:
        InputError: A chunk is not what was written, or the tokenizer is another.
    """
    if target.is_dir():
        return TokenStore(target, verify=False)
    index, adapter = read_json(packed / _INDEX), load_tokenizer(tokenizer)
    if adapter.fingerprint != index["tokenizer"]:
        raise InputError("not the tokenizer of the packed store", where=str(tokenizer))
    origin: Any = SimpleNamespace(options=ReadConfig(), sources=index["sources"], modified=[])
    work = target.with_name(f".{target.name}.unpacking")
    remove(work)  # of a process that was killed
    writer = StoreWriter(work, adapter, origin, index["held_out"], 1 << 24, index["licence"])
    for chunk in index["chunks"]:
        file = packed / chunk["file"]
        if sha256_of(file) != chunk["sha256"]:
            raise InputError("not the file that was packed", where=str(file), remedy="Make the inputs again")
        for document in _unpacked(file.read_bytes(), adapter):
            writer.add(document)
    writer.finish(target)
    return TokenStore(target, verify=False)


def _mixed(store: TokenStore, most_pieces: int | None) -> Iterator[StoredDocument]:
    """The training documents in random order, up to so many pieces."""
    documents = list(store.documents("train"))
    pieces = 0
    for number in keyed_generator(0, "carried").permutation(len(documents)).tolist():
        if most_pieces is not None and pieces >= most_pieces:
            return
        pieces += len(documents[number].ids)
        yield documents[number]


def _plain(documents: Iterable[StoredDocument], adapter: TokenizerAdapter) -> Iterator[StoredDocument]:
    """Those whose word starts follow from the ids: all but some with Han text."""
    starts_V = adapter.is_word_start_V
    assert starts_V is not None
    return (one for one in documents if np.array_equal(starts_V[one.ids], one.word_starts))


def _by_size(documents: Iterable[StoredDocument]) -> Iterator[list[StoredDocument]]:
    some: list[StoredDocument] = []
    pieces = 0
    for document in documents:
        some.append(document)
        pieces += len(document.ids)
        if pieces >= PIECES_A_CHUNK:
            yield some
            some, pieces = [], 0
    if some:
        yield some


def _packed(documents: list[StoredDocument]) -> bytes:
    stream = io.BytesIO()
    np.savez(
        stream,
        ids=np.concatenate([one.ids for one in documents]).astype("<u2"),
        lengths=np.array([len(one.ids) for one in documents], dtype="<u4"),
        names=np.frombuffer("\n".join(one.id for one in documents).encode(), dtype=np.uint8),
    )
    return lzma.compress(stream.getvalue(), filters=_OF_IDS)


def _unpacked(packed: bytes, adapter: TokenizerAdapter) -> Iterator[StoredDocument]:
    starts_V = adapter.is_word_start_V
    assert starts_V is not None
    arrays = np.load(io.BytesIO(lzma.decompress(packed)))
    ids, ends = arrays["ids"].astype(np.int64), np.cumsum(arrays["lengths"], dtype=np.int64)
    names = arrays["names"].tobytes().decode().split("\n")
    none = np.zeros((0, 2), dtype=np.int64)
    for name, start, end in zip(names, [0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        some = ids[start:end]
        yield StoredDocument(id=name, ids=some, word_starts=starts_V[some], entities=none)


def pack_model(files: BundleFiles, folder: Path, kept: Kept) -> None:
    """Writes configuration and weights of a model: `config.json`, `weights.xz`, and `heads.xz` where it has heads.

    Args:
        files: The model.
        folder: What is made.
        kept: What a weight of a matrix is kept as.
    """
    folder.mkdir(parents=True)
    write_json(folder / "config.json", files.config)
    _write_packed(folder / "weights.xz", read_weights(files.weights), kept)
    if files.heads is not None:
        _write_packed(folder / "heads.xz", read_tensors(files.heads), kept)


def unpack_model(packed: Path, tokenizer: TokenizerAdapter, target: Path) -> Path:
    """A directory as Hugging Face's library writes it, of what `pack_model` wrote; made once.

    Args:
        packed: Its folder.
        tokenizer: The model's.
        target: What is made.
    """
    if target.is_dir():
        return target
    work = target.with_name(f".{target.name}.unpacking")
    remove(work)
    work.mkdir(parents=True)
    write_json(work / "config.json", read_json(packed / "config.json"))
    for name, file in (("weights", "model"), ("heads", "heads")):
        if (packed / f"{name}.xz").is_file():
            weights = load(lzma.decompress((packed / f"{name}.xz").read_bytes()))
            write_tensors(work / f"{file}.safetensors", restored(weights))
    tokenizer.save(work)
    return work.rename(target)


def _write_packed(file: Path, weights: Mapping[str, Tensor], kept: Kept) -> None:
    file.write_bytes(lzma.compress(save(rounded(weights, kept)), filters=_OF_WEIGHTS))


def rounded(weights: Mapping[str, Tensor], kept: Kept) -> dict[str, Tensor]:
    """Weights in float16, or matrices in a byte a weight: row by row 127 steps to the largest, whose scale is kept.

    Args:
        weights: By name; integers stay as they are.
        kept: What a weight of a matrix becomes.
    """
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        if not value.is_floating_point():
            found[name] = value
        elif kept == "float16" or value.ndim != 2 or value.numel() < _LEAST_ROUNDED:
            found[name] = value.to(torch.float16)
        else:
            scale = value.float().abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
            found[name] = (value.float() / scale).round().to(torch.int8)
            found[name + _SCALE] = scale
    return found


def restored(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `rounded` gave, in float32."""
    return {
        name: value.float() * weights[name + _SCALE]
        if name + _SCALE in weights
        else value.float()
        if value.is_floating_point()
        else value
        for name, value in weights.items()
        if not name.endswith(_SCALE)
    }
