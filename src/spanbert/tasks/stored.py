"""Tasks and heads as bundles hold them, and as plain Hugging Face directories do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import HEADS_PREFIX, BundleFiles
from spanbert.core.errors import InputError
from spanbert.core.tagging import scheme_of_tags
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder, load_encoder
from spanbert.tasks import REGISTRY, task_class
from spanbert.tasks.base import changed_options
from spanbert.tasks.head import Head
from spanbert.tasks.inference import Predictor
from spanbert.tasks.protocol import TextTask
from spanbert.tokens.tokenizer import TokenizerAdapter

_SAME_HEAD = ("kind", "mode", "labels", "scheme", "nested", "markers", "pool", "size", "same_words")
_PROBLEMS = {"single": "single_label_classification", "multi": "multi_label_classification", "regression": "regression"}


def task_entries(files: BundleFiles) -> dict[str, dict[str, Any]]:
    """What a bundle says of its tasks on labelled texts, by name; of a Hugging Face directory, its one task."""
    if files.manifest:
        return {name: entry for name, entry in files.tasks.items() if entry["kind"] in REGISTRY}
    kind = names.kind_of(files.config.get("architectures"))
    return {} if kind is None else {kind: _foreign_entry(kind, files.config)}


def stored_tasks(
    files: BundleFiles, tokenizer: TokenizerAdapter, options: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, TextTask]:
    """The tasks of a bundle or a Hugging Face directory, by name.

    Args:
        files: The bundle.
        tokenizer: Its tokenizer.
        options: By kind of task, settings in place of those that it was trained with.

    Raises:
        InputError: A setting that the kind does not have, or a kind that the bundle has no task of.
    """
    entries, given = task_entries(files), options or {}
    for kind in given.keys() - {entry["kind"] for entry in entries.values()}:
        kinds = ", ".join(sorted({entry["kind"] for entry in entries.values()})) or "no fine-tuned task"
        raise InputError(f"a setting of {kind}, which this bundle has no task of", where=str(files.path), got=kinds)
    shape = EncoderConfig.from_hugging_face(files.config, where=str(files.path / "config.json"))
    found: dict[str, TextTask] = {}
    for name, entry in entries.items():
        made = task_class(entry["kind"], nested=entry.get("nested", False))
        if entry["kind"] in given:
            changed = changed_options(made, entry["options"], given[entry["kind"]])
            entry = {**entry, "options": changed.model_dump()}
        found[name] = made.from_manifest(name, entry, tokenizer=tokenizer, positions=shape.longest_segment)
    return found


def load_predictor(
    files: BundleFiles, tasks: Mapping[str, TextTask], *, dtype: torch.dtype = torch.float32
) -> Predictor:
    """Encoder and heads of some of a bundle's tasks, in eval mode, the encoder's weights packed.

    Args:
        files: The bundle.
        tasks: Of the bundle, by name.
        dtype: Of the encoder's products.

    Raises:
        InputError: A head is missing, or does not fit.
    """
    encoder, given = load_encoder(files)
    heads: dict[str, Head[Any]] = {}
    for name, task in tasks.items():
        head = task.build_head(task.head_context(encoder.config))
        head.load_stored(stored_head(files, name, given, encoder), where=str(files.path))
        heads[name] = head.eval()
    encoder.pack_weights(dtype)
    return Predictor(encoder, tasks, heads)


def stored_head(files: BundleFiles, name: str, given: Mapping[str, Tensor], encoder: Encoder) -> dict[str, Tensor]:
    """The tensors of a task's head, from wherever the bundle keeps them.

    Args:
        files: The bundle.
        name: The task's.
        given: What `load_encoder` found beside the encoder.
        encoder: The encoder.
    """
    entry = task_entries(files)[name]
    if entry.get("named", False):
        return named_head(entry["kind"], given, encoder)
    return tensors.read_head(files, name)


def task_to_go_on_with(files: BundleFiles, task: TextTask) -> str | None:
    """The task of a bundle whose head a new task can begin with: of the same kind, with the same labels.

    That of the same name comes first.
    """
    wanted = task.manifest()
    fitting = [
        name
        for name, entry in task_entries(files).items()
        if all(entry.get(key) == wanted.get(key) for key in _SAME_HEAD)
    ]
    return task.name if task.name in fitting else next(iter(fitting), None)


def named_head(kind: str, given: Mapping[str, Tensor], encoder: Encoder) -> dict[str, Tensor]:
    """The head that lies among the weights under Hugging Face's names; BERT's pooler is the classifier's."""
    values = {key.removeprefix("task."): value for key, value in given.items() if key.startswith("task.")}
    if kind == "classify" and encoder.config.has_pooler and "pooler.weight" not in values:
        values |= {f"pooler.{name}": value for name, value in encoder.pooler.state_dict().items()}
    return values


def head_weights(name: str, kind: str, head: Head[Any], *, named: bool, family: str) -> dict[str, Tensor]:
    """The tensors of a head by the names under which they are saved beside the encoder's own.

    Args:
        name: The task's.
        kind: Its kind.
        head: The head.
        named: Under Hugging Face's names: `task.*`, but BERT's `pooler.*` as the encoder's.
        family: The encoder's.
    """
    state = head.stored()
    if not named:
        return {f"{HEADS_PREFIX}{name}.{key}": value for key, value in state.items()}
    return named_weights(kind, state, family=family)


def named_weights(kind: str, state: Mapping[str, Tensor], *, family: str) -> dict[str, Tensor]:
    """The tensors of a head as they lie beside the encoder's: `task.*`, but BERT's `pooler.*` as the encoder's."""
    beside = kind == "classify" and family == "bert"
    return {key if beside and key.startswith("pooler.") else f"task.{key}": value for key, value in state.items()}


def start_from_pooler(head: nn.Module, encoder: Encoder) -> None:
    """Lets a new classification head begin with the checkpoint's pooler, as Hugging Face's does."""
    pooler = getattr(head, "pooler", None)
    if isinstance(pooler, nn.Linear) and encoder.config.has_pooler and encoder.config.family == "bert":
        with torch.no_grad():
            pooler.load_state_dict(encoder.pooler.state_dict())


def hugging_face_labels(task: TextTask) -> dict[str, Any]:
    """What config.json says of a task: labels and the kind of problem."""
    entry = task.manifest()
    labels = entry.get("labels")
    if labels is None:
        return {}
    said: dict[str, Any] = {
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }
    if task.kind == "classify":
        said["problem_type"] = _PROBLEMS[entry["mode"]]
    return said


def _foreign_entry(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    stated = config.get("id2label")
    count = int(config.get("num_labels", 2))
    by_number = stated if isinstance(stated, Mapping) else {str(number): f"LABEL_{number}" for number in range(count)}
    try:
        labels = [str(by_number[key]) for key in sorted(by_number, key=int)]
    except ValueError:
        raise InputError("labels that are not numbered", where="config.json: id2label", got=str(stated)[:80]) from None
    entry: dict[str, Any] = {"kind": kind, "named": True, "window": [512, 128], "options": {}}
    if kind == "classify":
        problem = config.get("problem_type")
        single = "regression" if len(labels) == 1 else "single"
        modes = {theirs: ours for ours, theirs in _PROBLEMS.items()}
        return {**entry, "mode": modes.get(str(problem), single), "labels": labels, "threshold": 0.5, "pairs": None}
    if kind == "tag":
        return {**entry, "labels": labels, "scheme": scheme_of_tags(labels), "joined": True, "nested": False}
    return {**entry, "window": [384, 128], "language": "en", "threshold": None}
