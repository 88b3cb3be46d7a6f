"""Tensors to and from safetensors files; the only place of this package that imports torch."""

from __future__ import annotations

import os
import pickle
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from spanbert.checkpoint.bundle import HEADS_PREFIX, BundleFiles, weight_files
from spanbert.core.errors import InputError
from spanbert.core.files import sync_file

_OS_ERROR = re.compile(r"os error (\d+)")  # how safetensors words what the system said


def read_tensors(path: Path, *, prefix: str = "") -> dict[str, Tensor]:
    """Reads the tensors of a safetensors file.

    Args:
        path: The file.
        prefix: How the names begin of those that are read.

    Raises:
        InputError: Missing, cut short or not safetensors.
    """
    try:
        with safe_open(path, framework="pt") as stream:
            wanted = [name for name in stream.keys() if name.startswith(prefix)]  # noqa: SIM118 (not a mapping)
            return {name: stream.get_tensor(name) for name in wanted}
    except FileNotFoundError:
        raise InputError("no such file", where=str(path)) from None
    except (SafetensorError, OSError) as error:
        raise InputError(
            "not a whole safetensors file", where=str(path), got=str(error), remedy="Copy or download it again"
        ) from None


def read_head(files: BundleFiles, task: str) -> dict[str, Tensor]:
    """The tensors of a task in a bundle's heads.safetensors, by the head's own names; empty where there are none."""
    if files.heads is None:
        return {}
    prefix = f"{HEADS_PREFIX}{task}."
    return {name.removeprefix(prefix): value for name, value in read_tensors(files.heads, prefix=prefix).items()}


def read_weights(weights: Path) -> dict[str, Tensor]:
    """Reads `model.safetensors`, `pytorch_model.bin` (no code in it is run), or the shards that an index of them names.

    Raises:
        InputError: Missing or damaged.
    """
    values: dict[str, Tensor] = {}
    for path in weight_files(weights):
        values |= read_tensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
    return values


def _read_pickled(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError("not weights that can be loaded safely", where=str(path), got=reason) from None
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError("not a state of tensors", where=str(path), got=type(content).__name__)
    return dict(content)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors to a safetensors file and forces it to the disk.

    Raises:
        OSError: The disk is full or cannot be written to.
    """
    owned = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    path.touch()  # for the mode that new files get: safetensors makes them private
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        save_file(owned, path, metadata={"format": "pt"})
    except SafetensorError as error:
        number = _OS_ERROR.search(str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
    path.chmod(mode)
    sync_file(path)


def write_pickled(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors as `pytorch_model.bin`, for programs that read nothing else; tensors that are one stay one."""
    try:
        with path.open("wb") as stream:
            torch.save(dict(tensors), stream)
    except RuntimeError as error:  # how torch ends after a write that failed
        if isinstance(error.__context__, OSError):
            raise OSError(error.__context__.errno, error.__context__.strerror, str(path)) from None
        raise
    sync_file(path)


def require_finite(values: Mapping[str, Tensor], *, where: str) -> None:
    """Refuses weights that are infinite or not a number, with which every answer would be none.

    One sum a tensor tells for all of it, since neither value leaves a sum; where it is not finite, it may only have
    grown too large, and each value is looked at.

    Raises:
        InputError: A tensor holds such a value; names it.
    """
    for name, tensor in values.items():
        if not bool(torch.isfinite(tensor.sum())) and not bool(torch.isfinite(tensor).all()):
            raise InputError(
                f"tensor {name!r} holds values that are infinite or not a number",
                where=where,
                remedy="Its training diverged or the file is damaged: take an earlier model, or train again",
            )


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal (for `checkpoint.names`)."""
    return a.shape == b.shape and bool(torch.equal(a, b))


def stack(parts: Sequence[Tensor]) -> Tensor:
    """Joins tensors along the first axis (for `checkpoint.names`)."""
    return torch.cat(list(parts))


def split(tensor: Tensor, parts: int) -> list[Tensor]:
    """Cuts a tensor into equal parts along the first axis (for `checkpoint.names`)."""
    return list(tensor.chunk(parts))
