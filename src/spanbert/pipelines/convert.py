"""Models from one layout of files to another, without any change of their weights.

bundle            config.json, model.safetensors by Hugging Face's names, heads.safetensors, spanbert.json
hugging-face      the same without what Hugging Face has no name for
head-checkpoint   pytorch_model.bin with encoder, MLM and SBO heads, as SpanBERT's authors released theirs
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from spanbert import __version__
from spanbert.checkpoint import names
from spanbert.checkpoint.bundle import BundleFiles, open_bundle, write_bundle
from spanbert.core.errors import InputError, nearest
from spanbert.core.files import directory_written_whole, only_writer, write_json
from spanbert.encoder.config import EncoderConfig
from spanbert.tokens.tokenizer import load_tokenizer

Layout = Literal["bundle", "hugging-face", "head-checkpoint"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Tensors = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What a conversion did.

    Attributes:
        path: The new directory.
        tensors: How many tensors it holds, a tied one once for each name.
        left_out: Names of tensors that the new layout has no place for.
    """

    path: Path
    tensors: int
    left_out: tuple[str, ...]


def convert(source: str | os.PathLike[str], out: str | os.PathLike[str], *, to: str) -> Conversion:
    """Writes a model in another layout; its weights stay as they are, bit for bit.

    Args:
        source: A bundle, a Hugging Face directory, a head checkpoint, or a hub id.
        out: A directory that does not exist yet.
        to: `bundle`, `hugging-face` or `head-checkpoint`.

    Raises:
        InputError: No such layout, no such model, one that the layout has no names for, or `out` exists.
    """
    if to not in LAYOUTS:
        raise InputError(f"no layout {to!r}; {nearest(to, LAYOUTS)}", where="--to")
    target = Path(out)
    files = open_bundle(os.fspath(source))
    shape = EncoderConfig.from_hugging_face(files.config, where=str(files.path / "config.json"))
    if shape.kind != "transformer":
        raise InputError("only Transformers have names elsewhere", where=str(files.path), got=f"a {shape.kind}")
    with only_writer(target):
        if target.exists():
            raise InputError("the directory exists already", where=str(target), remedy="Choose another one")
        if shape.attention_span is not None and to != "bundle":
            raise InputError(
                "other programs attend within the whole text, so that this model would be another one there",
                where=str(files.path),
                got=f"attention_span {shape.attention_span}",
                remedy="Keep it as a bundle",
            )
        ours, left_out = _read(files, shape)
        writers: dict[str, Callable[[], tuple[Tensors, list[str]]]] = {
            "bundle": lambda: _write_bundle(files, shape, ours, target),
            "hugging-face": lambda: _write_hugging_face(files, shape, ours, target),
            "head-checkpoint": lambda: _write_head_checkpoint(files, shape, ours, target),
        }
        written, more = writers[to]()
    return Conversion(path=target, tensors=len(written), left_out=tuple(sorted([*left_out, *more])))


def _read(files: BundleFiles, shape: EncoderConfig) -> tuple[Tensors, list[str]]:
    """The model's tensors by our names, and the names of those that no layout here has a place for."""
    from spanbert.checkpoint import tensors
    from spanbert.tasks.pretrain.heads import HEADS_PREFIX

    family = names.FAMILIES[shape.family]
    where = str(files.weights)
    ours, left_out = names.from_hugging_face(
        tensors.read_weights(files.weights), shape.layers, tensors.stack, family=family, where=where, same=tensors.same
    )
    if files.heads is not None:
        for name, tensor in tensors.read_tensors(files.heads).items():
            if name.startswith(f"{HEADS_PREFIX}sbo."):
                ours[name.removeprefix(HEADS_PREFIX)] = tensor
            else:
                left_out.append(name)
    return ours, left_out


def _copy_what_goes_along(files: BundleFiles, shape: EncoderConfig, directory: Path) -> None:
    """Tokenizer, and the model card with the licence of the text."""
    load_tokenizer(files.path).save(directory, longest=shape.longest_segment)
    card = files.path / "README.md"
    if card.is_file():
        shutil.copyfile(card, directory / card.name)


def _without_sbo(ours: Tensors) -> Tensors:
    return {name: tensor for name, tensor in ours.items() if not name.startswith("sbo.")}


def _in_their_names(ours: Tensors, shape: EncoderConfig) -> Tensors:
    from spanbert.checkpoint import tensors

    return names.to_hugging_face(ours, shape.layers, tensors.split, family=names.FAMILIES[shape.family])


def _config(files: BundleFiles, shape: EncoderConfig, ours: Tensors) -> dict[str, Any]:
    """The source's config.json; it names the masked language model where its head is there."""
    has_mlm = any(name.startswith("mlm.") for name in ours)
    return {
        **files.config,
        "model_type": shape.family,
        **({"architectures": [names.FAMILIES[shape.family].masked_lm]} if has_mlm else {}),
    }


def _write_bundle(files: BundleFiles, shape: EncoderConfig, ours: Tensors, target: Path) -> tuple[Tensors, list[str]]:
    from spanbert.checkpoint import tensors
    from spanbert.tasks.pretrain.heads import HEADS_PREFIX

    weights = _in_their_names(_without_sbo(ours), shape)
    heads = {f"{HEADS_PREFIX}{name}": tensor for name, tensor in ours.items() if name.startswith("sbo.")}
    has_heads = any(name.startswith("mlm.") for name in ours)

    def write_files(directory: Path) -> None:
        tensors.write_tensors(directory / "model.safetensors", weights)
        if heads:
            tensors.write_tensors(directory / "heads.safetensors", heads)
        _copy_what_goes_along(files, shape, directory)

    kept = {key: value for key, value in files.manifest.items() if key not in ("format", "files")}
    made: Mapping[str, Any] = {
        "spanbert_version": __version__,
        "tasks": {"pretrain": {"kind": "pretrain", "scores": {}}} if has_heads else {},
        "base": files.path.name,
    }
    write_bundle(target, config=_config(files, shape, ours), manifest=kept or made, write_files=write_files)
    return {**weights, **heads}, []


def _write_hugging_face(
    files: BundleFiles, shape: EncoderConfig, ours: Tensors, target: Path
) -> tuple[Tensors, list[str]]:
    from spanbert.checkpoint import tensors

    weights = _in_their_names(_without_sbo(ours), shape)
    with directory_written_whole(target) as directory:
        write_json(directory / "config.json", _config(files, shape, ours))
        tensors.write_tensors(directory / "model.safetensors", weights)
        _copy_what_goes_along(files, shape, directory)
    return weights, [name for name in ours if name.startswith("sbo.")]


def _write_head_checkpoint(
    files: BundleFiles, shape: EncoderConfig, ours: Tensors, target: Path
) -> tuple[Tensors, list[str]]:
    from spanbert.checkpoint import tensors

    heads = {"MLM": "mlm.", "SBO": "sbo."}
    lacking = [label for label, prefix in heads.items() if not any(name.startswith(prefix) for name in ours)]
    if lacking or shape.family != "bert":
        raise InputError(
            "a head checkpoint is a BERT encoder with MLM and SBO heads",
            where=str(files.path),
            got=f"no {' and no '.join(lacking)} head" if lacking else f"family {shape.family}",
            remedy="Train the heads with spanbert pretrain --freeze-encoder" if lacking else None,
        )
    weights = names.with_tied_decoders(_in_their_names(ours, shape), family=names.FAMILIES[shape.family])
    with directory_written_whole(target) as directory:
        write_json(directory / "config.json", _config(files, shape, ours))
        tensors.write_pickled(directory / "pytorch_model.bin", weights)
        _copy_what_goes_along(files, shape, directory)
    return weights, []
