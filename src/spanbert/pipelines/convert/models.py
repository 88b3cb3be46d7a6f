"""Models from one layout of files to another, without any change of their weights.

bundle            config.json, model.safetensors by Hugging Face's names, heads.safetensors, spanbert.json
hugging-face      encoder and one head, of those that Hugging Face has a name for
head-checkpoint   pytorch_model.bin with encoder, MLM and SBO heads, as SpanBERT's authors released theirs
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import yaml

from spanbert import __version__
from spanbert.checkpoint import names
from spanbert.checkpoint.bundle import MANIFEST, BundleFiles, open_bundle
from spanbert.core.errors import InputError, nearest
from spanbert.core.files import directory_written_whole, only_writer, write_json
from spanbert.core.outputs import check_output_folder
from spanbert.core.texts import require_path
from spanbert.core.types import Facts, Record
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.card import task_card
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.registry import spec_of
from spanbert.tasks.registry import specs as registered

if TYPE_CHECKING:
    from spanbert.encoder.saving import SavedModel

Layout = Literal["bundle", "hugging-face", "head-checkpoint"]
PRECISIONS = ("float32", "float16", "bfloat16")
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Tensors = Record
_TASKS = "tasks."
_OF_A_HEAD = ("id2label", "label2id", "num_labels", "problem_type")


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


def convert(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str,
    task: str | None = None,
    precision: str | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Writes a model in another layout; its weights stay as they are, bit for bit, unless a precision is asked for.

    Args:
        source: A bundle, a Hugging Face directory, a head checkpoint, or a hub id.
        out: The directory to make.
        to: `bundle`, `hugging-face` or `head-checkpoint`.
        task: With `hugging-face`, the fine-tuned task whose head is included; None: the one whose head already has
            Hugging Face's names, or the MLM head if there is no fine-tuned task.
        precision: Store weights as `float32`, or in half the bytes as `float16` or `bfloat16`; whoever loads them
            computes in float32. None: as they are.
        overwrite: Replace a model, store or run that is there.

    Raises:
        InputError: No such layout, no such model or task, one that the layout has no names for, or an `out` that exists
            or is read.
    """
    if to not in LAYOUTS:
        raise InputError(f"no layout {to!r}; {nearest(str(to), LAYOUTS)}", where="--to")
    if precision not in (None, *PRECISIONS):
        raise InputError("no such precision", where="--precision", got=precision, expected=", ".join(PRECISIONS))
    if task is not None and to != "hugging-face":
        raise InputError("only hugging-face holds one task alone", where="--task", got=f"--to {to}")
    require_path(source, "source")
    require_path(out, "out")
    target = Path(out)
    files = open_bundle(os.fspath(source))
    shape = EncoderConfig.of_bundle(files)
    if shape.kind != "transformer":
        raise InputError("only Transformers have names elsewhere", where=str(files.path), got=f"a {shape.kind}")
    with only_writer(target):
        check_output_folder(target, inputs=[files.path], overwrite=overwrite, option="OUT")
        if shape.attention_span is not None and to != "bundle":
            raise InputError(
                "other programs attend within the whole text, so that this model would be another one there",
                where=str(files.path),
                got=f"attention_span {shape.attention_span}",
                remedy="Keep it as a bundle",
            )
        ours, left_out = _read(files, shape)
        _require_usable(files, shape, ours)
        ours = ours if precision is None else _stored_as(ours, precision)
        with directory_written_whole(target, last=MANIFEST, replace=overwrite) as fresh:
            writers: dict[str, Callable[[], tuple[Tensors, list[str]]]] = {
                "bundle": lambda: _write_bundle(files, shape, ours, fresh),
                "hugging-face": lambda: _write_hugging_face(files, shape, ours, fresh, task, title=target.name),
                "head-checkpoint": lambda: _write_head_checkpoint(files, shape, ours, fresh),
            }
            written, more = writers[to]()
    return Conversion(path=target, tensors=len(written), left_out=tuple(sorted([*left_out, *more])))


def _require_usable(files: BundleFiles, shape: EncoderConfig, ours: Tensors) -> None:
    """Refuses a model that could not be loaded: what cannot be used here is of no use elsewhere either.

    Raises:
        InputError: Encoder, a head or the tokenizer does not fit the rest, or a weight is not a number.
    """
    from spanbert.inference.heads import load_predictor
    from spanbert.inference.loading import stored_tasks, stored_tokenizer
    from spanbert.tasks.pretrain.scorer import stored_head

    load_predictor(files, stored_tasks(files, stored_tokenizer(files)))
    of_text = {name: tensor for name, tensor in ours.items() if name.startswith(("mlm.", "sbo."))}
    if any(name.startswith("mlm.") for name in of_text):
        stored_head(shape, of_text, where=str(files.path))


def _read(files: BundleFiles, shape: EncoderConfig) -> tuple[Tensors, list[str]]:
    """The model's tensors by our names, and the names of those that no layout here has a place for.

    Ours are the encoder's, `mlm.*`, `sbo.*`, `task.*` of the head with Hugging Face's names, `tasks.NAME.*` of others.
    """
    from spanbert.checkpoint import tensors
    from spanbert.inference.loading import task_entries
    from spanbert.tasks.pretrain.heads import SBO_PREFIX

    ours, left_out = names.from_hugging_face(
        tensors.read_weights(files.weights),
        shape.layers,
        tensors.stack,
        family=names.FAMILIES[shape.family],
        where=str(files.weights),
        same=tensors.same,
        slug=names.slug_of(files.config.get("architectures")),
    )
    tasks = tuple(f"{_TASKS}{name}." for name in task_entries(files))
    for name, tensor in tensors.read_tensors(files.heads).items() if files.heads is not None else ():
        if name.startswith(f"{SBO_PREFIX}sbo."):
            ours[name.removeprefix(SBO_PREFIX)] = tensor
        elif name.startswith(tasks):
            ours[name] = tensor
        else:
            left_out.append(name)
    return ours, left_out


def _stored_as(ours: Tensors, precision: str) -> Tensors:
    """The tensors in another type.

    Raises:
        InputError: A value that the type cannot hold.
    """
    import torch

    found = {name: tensor.to(getattr(torch, precision)) for name, tensor in ours.items()}
    for name, tensor in found.items():
        if not bool(torch.isfinite(tensor).all()):
            raise InputError("a weight that the precision cannot hold", where=f"--precision {precision}", got=name)
    return found


def _saved(
    files: BundleFiles,
    shape: EncoderConfig,
    weights: Tensors,
    slug: str | None = None,
    *,
    heads: Tensors | None = None,
    card: str | None = None,
) -> SavedModel:
    """A model with the tokenizer of the source, and with its card, which names the licence of the text."""
    from spanbert.encoder.saving import CARD, SavedModel
    from spanbert.inference.loading import stored_tokenizer

    theirs = files.path / CARD
    if card is None and theirs.is_file():
        card = theirs.read_text(encoding="utf-8")
    assets = {name: files.assets(name) for name in files.tasks} if heads is not None else {}
    return SavedModel(
        shape=shape,
        weights=weights,
        slug=slug,
        heads=heads or {},
        tokenizer=stored_tokenizer(files),
        assets=assets,
        dev_data=files.dev_data if heads is not None else {},
        card=card,
    )


def _without(ours: Tensors, *prefixes: str) -> Tensors:
    return {name: tensor for name, tensor in ours.items() if not name.startswith(prefixes)}


def _config(files: BundleFiles, shape: EncoderConfig, architecture: str | None, said: Facts) -> Record:
    """The source's config.json with another head's class and labels."""
    kept = {key: value for key, value in files.config.items() if key not in _OF_A_HEAD}
    stated = {} if architecture is None else {"architectures": [architecture]}
    return {**kept, "model_type": shape.family, **stated, **said}


def _masked_lm(ours: Tensors, shape: EncoderConfig) -> str | None:
    """The class that holds the MLM head, where there is one."""
    return names.FAMILIES[shape.family].masked_lm if any(name.startswith("mlm.") for name in ours) else None


def _write_bundle(files: BundleFiles, shape: EncoderConfig, ours: Tensors, target: Path) -> tuple[Tensors, list[str]]:
    from spanbert.inference.loading import task_entries
    from spanbert.tasks.pretrain.heads import SBO_PREFIX

    slug = names.slug_of(files.config.get("architectures"))
    heads = {f"{SBO_PREFIX}{name}": tensor for name, tensor in ours.items() if name.startswith("sbo.")}
    heads |= {name: tensor for name, tensor in ours.items() if name.startswith(_TASKS)}
    saved = _saved(files, shape, _without(ours, "sbo.", _TASKS), slug, heads=heads)
    has_mlm = _masked_lm(ours, shape) is not None
    kept = {key: value for key, value in files.manifest.items() if key not in ("format", "files")}
    made: Facts = {
        "spanbert_version": __version__,
        "tasks": {**task_entries(files), **({"pretrain": {"kind": "pretrain", "scores": {}}} if has_mlm else {})},
        "base": files.path.name,
    }
    said = {key: files.config[key] for key in _OF_A_HEAD if key in files.config}
    config = _config(files, shape, _masked_lm(ours, shape) if slug is None else None, said)
    saved.write_bundle(target, config=config, manifest=kept or made)
    return {**saved.named_weights(), **heads}, []


def _write_hugging_face(
    files: BundleFiles, shape: EncoderConfig, ours: Tensors, target: Path, task: str | None, *, title: str
) -> tuple[Tensors, list[str]]:
    """Encoder and one head: that of the task, else of the task with Hugging Face's names, else MLM."""
    from spanbert.inference.loading import stored_tasks, stored_tokenizer

    name, slug, said = _chosen(files, task), None, {}
    architecture, card = _masked_lm(ours, shape), None
    kept = _without(ours, "sbo.", "task.", _TASKS)
    if name is not None:
        made = stored_tasks(files, stored_tokenizer(files))[name]
        slug, said = made.spec.slug, made.hugging_face_config()
        assert slug is not None
        architecture = names.FAMILIES[shape.family].architecture(slug)
        kept = {**_without(kept, "mlm.", "pooler."), **_head_of(files, shape, ours, name)}
        card = _card(files, made, architecture, title, shape.longest_segment)
    saved = _saved(files, shape, kept, slug, card=card)
    write_json(target / "config.json", _config(files, shape, architecture, said))
    saved.write_into(target)
    used = {id(tensor) for tensor in kept.values()}
    return saved.named_weights(), [name for name, tensor in ours.items() if id(tensor) not in used]


def _chosen(files: BundleFiles, task: str | None) -> str | None:
    """The fine-tuned task whose head is written; None where the model has no such task.

    Raises:
        InputError: No such task, or one that Hugging Face has no name for.
    """
    from spanbert.inference.loading import task_entries

    entries = task_entries(files)
    where = str(files.path)
    if task is not None and task not in entries:
        raise InputError(
            f"no fine-tuned task {task!r}" + (f"; {nearest(task, entries)}" if entries else ""),
            where=where,
            got=None if entries else "a model without fine-tuned tasks",
        )
    named = [name for name, entry in entries.items() if entry.get("named", False)]
    name = task or next(iter(named), None)
    specs = {name: spec_of(entry["kind"], entry) for name, entry in entries.items()}
    if entries and (name is None or specs[name].slug is None):
        chosen = name or next(iter(entries))
        what = specs[chosen].title if specs[chosen].variant else f"the kind {specs[chosen].kind}"
        raise InputError(
            f"Hugging Face has no class for {what}",
            where=where,
            got=f"task {chosen}",
            expected=f"a task of {', '.join(spec.title for spec in registered() if spec.slug is not None)}",
            remedy="Keep it as a bundle",
        )
    return name


def _head_of(files: BundleFiles, shape: EncoderConfig, ours: Tensors, name: str) -> Tensors:
    """The tensors of a task's head by the names under which they are stored with the encoder's."""
    from spanbert.inference.heads import named_weights
    from spanbert.inference.loading import task_entries

    entry = task_entries(files)[name]
    if entry.get("named", False):
        keeps_pooler = names.FAMILIES[shape.family].keeps_pooler(spec_of(entry["kind"], entry).slug)
        beside = ("task.", "pooler.") if keeps_pooler else ("task.",)
        return {key: tensor for key, tensor in ours.items() if key.startswith(beside)}
    prefix = f"{_TASKS}{name}."
    state = {key.removeprefix(prefix): tensor for key, tensor in ours.items() if key.startswith(prefix)}
    return named_weights(state, family=shape.family)


def _card(files: BundleFiles, task: TextTask, architecture: str, title: str, positions: int) -> str | None:
    """A model card for one task only; None if the source states nothing about its data."""
    if "data" not in files.manifest:
        return None
    entry = files.tasks[task.name]
    return task_card(
        title=title,
        what=f"An encoder fine-tuned with spanbert, with the head of its task {task.name} ({task.kind})",
        entries={task.name: entry},
        named=task.name,
        positions=positions,
        loads=f"`transformers` loads it as `{architecture}`.",
        base=files.manifest.get("base", "not stated"),
        base_model=files.manifest.get("base_model"),
        data=files.manifest["data"],
        recipe=yaml.safe_dump(files.manifest.get("recipe", {}), sort_keys=False),
        scores=task.score_lines(entry.get("scores", {})),
    )


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
    kept = _without(ours, "task.", _TASKS)
    saved = _saved(files, shape, kept)
    weights = names.with_tied_decoders(saved.named_weights(), family=names.FAMILIES[shape.family])
    write_json(target / "config.json", _config(files, shape, _masked_lm(ours, shape), {}))
    tensors.write_pickled(target / "pytorch_model.bin", weights)
    saved.write_beside(target)
    return weights, [name for name in ours if name not in kept]
