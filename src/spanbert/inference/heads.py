"""Heads as bundles hold them, and as plain Hugging Face directories do: torch modules and their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from spanbert.checkpoint import tensors
from spanbert.checkpoint.bundle import HEADS_PREFIX, BundleFiles
from spanbert.encoder.int8 import load_exported_encoder
from spanbert.encoder.model import Encoder, load_encoder
from spanbert.inference.exported import sbo_positions
from spanbert.inference.loading import task_entries
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tasks.head import Head
from spanbert.tasks.pretrain.heads import TASK
from spanbert.tasks.pretrain.scorer import TorchPieceScorer
from spanbert.tasks.pretrain.scorer import stored_head as fill_head
from spanbert.tasks.protocol import TextTask


def load_predictor(
    files: BundleFiles,
    tasks: Mapping[str, TextTask],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
    pack: bool = True,
) -> Predictor:
    """Encoder and heads of some of a bundle's tasks, in eval mode.

    Args:
        files: The bundle.
        tasks: Of the bundle, by name.
        dtype: Of the encoder's products.
        device: What computes; None: the CPU.
        pack: Pack the encoder's weights for a CPU; gradients do not go through packed ones.

    Raises:
        InputError: A head is missing, or does not fit.
    """
    encoder, given = load_encoder(files)
    heads: dict[str, Head[Any]] = {}
    for name, task in tasks.items():
        head = task.build_head(task.head_context(encoder.config))
        head.load_stored(stored_head(files, name, head, given, encoder), where=str(files.path))
        heads[name] = head.eval()
    if device is None or device.type == "cpu":
        if pack:
            encoder.pack_weights(dtype)
    else:
        encoder.to(device)
        encoder.cast_weights(dtype)
        for head in heads.values():
            head.to(device)
    return Predictor(TorchBackend(encoder, heads, dtype=dtype), tasks)


def load_torch_predictor(files: BundleFiles, tasks: Mapping[str, TextTask]) -> Predictor:
    """An exported model that torch runs: the encoder in int8 or bfloat16, heads in float32.

    Args:
        files: The exported model.
        tasks: Of it, by name.

    Raises:
        InputError: A tensor is missing or does not fit, or this processor lacks such products.
    """
    encoder = load_exported_encoder(files)
    heads: dict[str, Head[Any]] = {}
    for name, task in tasks.items():
        head = task.build_head(task.head_context(encoder.config))
        head.load_stored(tensors.read_head(files, name), where=str(files.path))
        heads[name] = head.eval()
    return Predictor(TorchBackend(encoder, heads), tasks)


def load_torch_scorer(files: BundleFiles) -> TorchPieceScorer:
    """What fills the blanks of texts by an exported model that torch runs.

    Args:
        files: The exported model.

    Raises:
        InputError: It fills none; otherwise as `load_torch_predictor`.
    """
    positions = sbo_positions(files)
    encoder = load_exported_encoder(files)
    head = fill_head(encoder.config, tensors.read_head(files, TASK), where=str(files.path))
    return TorchPieceScorer(encoder, head.eval(), positions)


def stored_head(
    files: BundleFiles, name: str, head: Head[Any], given: Mapping[str, Tensor], encoder: Encoder
) -> dict[str, Tensor]:
    """The tensors of a task's head, from wherever the bundle keeps them.

    Args:
        files: The bundle.
        name: The task's.
        head: The head that they are for.
        given: The tensors that `load_encoder` found in addition to the encoder's.
        encoder: The encoder.
    """
    if task_entries(files)[name].get("named", False):
        return named_head(head, given, encoder)
    return tensors.read_head(files, name)


def named_head(head: Head[Any], given: Mapping[str, Tensor], encoder: Encoder) -> dict[str, Tensor]:
    """The head that lies among the weights under Hugging Face's names; a pooler of its own may be BERT's."""
    values = {key.removeprefix("task."): value for key, value in given.items() if key.startswith("task.")}
    lacks_pooler = "pooler.weight" in head.state_dict() and "pooler.weight" not in values
    if lacks_pooler and encoder.config.has_pooler:
        values |= {f"pooler.{name}": value for name, value in encoder.pooler.state_dict().items()}
    return values


def head_weights(name: str, head: Head[Any], *, named: bool, family: str) -> dict[str, Tensor]:
    """The tensors of a head by the names under which they are saved with the encoder's own.

    Args:
        name: The task's.
        head: The head.
        named: Under Hugging Face's names: `task.*`, but BERT's `pooler.*` as the encoder's.
        family: The encoder's.
    """
    state = head.stored()
    if not named:
        return {f"{HEADS_PREFIX}{name}.{key}": value for key, value in state.items()}
    return named_weights(state, family=family)


def named_weights(state: Mapping[str, Tensor], *, family: str) -> dict[str, Tensor]:
    """The tensors of a head as they are stored with the encoder's: `task.*`, but BERT's `pooler.*` as the encoder's."""
    beside = ("pooler.",) if family == "bert" else ()
    return {key if key.startswith(beside) else f"task.{key}": value for key, value in state.items()}


def start_from_pooler(head: nn.Module, encoder: Encoder) -> None:
    """Lets a new classification head begin with the checkpoint's pooler, as Hugging Face's does."""
    pooler = getattr(head, "pooler", None)
    if isinstance(pooler, nn.Linear) and encoder.config.has_pooler and encoder.config.family == "bert":
        with torch.no_grad():
            pooler.load_state_dict(encoder.pooler.state_dict())
