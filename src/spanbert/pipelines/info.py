"""What is in a store or a bundle, without loading any weights (except pickled ones, which must be loaded)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from spanbert.batches.masking import MaskingConfig
from spanbert.batches.statistics import masking_statistics
from spanbert.checkpoint.bundle import BundleFiles, open_bundle, tensor_shapes, weight_files
from spanbert.checkpoint.names import is_derived, slug_of
from spanbert.core.errors import InputError
from spanbert.core.texts import require_path
from spanbert.core.types import Record
from spanbert.tasks.registry import spec_of_slug
from spanbert.tokens.store import INDEX_NAME, SPLITS, TokenStore

_OF_EXPORT = ("runtime", "precision", "kept_float32", "calibrated_on", "parity", "unscored", "timed_on", "memory")


def info(path: str | os.PathLike[str]) -> Record:
    """Facts about a token store, a bundle or a Hugging Face directory; verifies its checksums.

    Raises:
        InputError: None of them, or damaged.
    """
    require_path(path, "path")
    place = Path(path)
    if (place / INDEX_NAME).is_file():
        return _store_facts(TokenStore(place))
    if place.is_dir() and not (place / "config.json").is_file():
        raise InputError(
            "neither a token store nor a model", where=str(place), expected="index.json or config.json in it"
        )
    return _bundle_facts(os.fspath(path))


def masking_facts(path: str | os.PathLike[str], scheme: str, segment_length: int) -> Record:
    """What masking under a scheme would do to a store: see `batches.statistics`.

    Raises:
        InputError: Not a store, or no such scheme.
    """
    options = MaskingConfig.assemble(base={"scheme": scheme})
    facts = masking_statistics(TokenStore(Path(path)), options, segment_length=segment_length)
    return {"kind": "masking", "path": os.fspath(path), "scheme": scheme, "segment_length": segment_length, **facts}


def _store_facts(store: TokenStore) -> Record:
    index = store.index
    return {
        "kind": "token store",
        "path": str(store.path),
        "tokenizer": index["tokenizer"]["name"],
        "vocab_size": index["tokenizer"]["vocab_size"],
        "fingerprint": store.fingerprint,
        **{
            split: {"documents": store.count(split, "documents"), "pieces": store.count(split, "pieces")}
            for split in SPLITS
        },
        "shards": len(index["shards"]),
        "bytes": sum(entry["bytes"] for entry in index["files"].values()),
        "licence": index.get("licence"),
        "sources": [source["name"] for source in index["sources"]],
    }


def has_mlm_head(files: BundleFiles) -> bool:
    """Whether a bundle or an exported model fills blanks."""
    if files.is_exported:
        return files.manifest["export"].get("sbo_positions") is not None
    return _holds_mlm_head(_shapes(files))


def _holds_mlm_head(names: Iterable[str]) -> bool:
    return any(name.startswith(("cls.predictions.", "lm_head.", "mlm.")) for name in names)


def _shapes(files: BundleFiles) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors, by name."""
    shapes = dict(tensor_shapes(files))
    if any(path.suffix == ".bin" for path in weight_files(files.weights)):
        from spanbert.checkpoint.tensors import read_weights

        shapes |= {name: tuple(tensor.shape) for name, tensor in read_weights(files.weights).items()}
    return shapes


def _bundle_facts(source: str) -> Record:
    files = open_bundle(source, exported=True)
    if files.is_exported:
        return _export_facts(files)
    shapes = _shapes(files)
    config = files.config
    slug = None if files.manifest else slug_of(config.get("architectures"))
    foreign = None if slug is None else spec_of_slug(slug).kind
    return {
        "kind": "bundle" if files.manifest else "Hugging Face directory",
        "path": str(files.path),
        **_encoder_facts(config),
        "parameters": sum(math.prod(shape) for name, shape in shapes.items() if not is_derived(name)),
        "mlm_head": _holds_mlm_head(shapes),
        "sbo_head": any("pair_target_predictions." in name or ".sbo." in name for name in shapes),
        "tasks": files.tasks if foreign is None else {foreign: {"kind": foreign}},
        **{key: files.manifest[key] for key in ("base", "data", "training") if key in files.manifest},
    }


def _encoder_facts(config: Record) -> Record:
    """What config.json says of an encoder."""
    return {
        "family": config.get("model_type"),
        "layers": config.get("num_hidden_layers"),
        "hidden_size": config.get("hidden_size"),
        "vocab_size": config.get("vocab_size"),
        "positions": config.get("max_position_embeddings"),
    }


def _export_facts(files: BundleFiles) -> Record:
    facts = files.manifest["export"]
    return {
        "kind": "exported model",
        "path": str(files.path),
        **{key: facts[key] for key in _OF_EXPORT if facts.get(key)},
        **_encoder_facts(files.config),
        "parameters": facts.get("parameters"),
        "bytes": sum(entry["bytes"] for entry in files.manifest["files"].values()),
        "mlm_head": has_mlm_head(files),
        "sbo_head": bool(facts.get("sbo_positions")),
        "tasks": files.tasks,
        **{key: files.manifest[key] for key in ("base", "data") if key in files.manifest},
    }
