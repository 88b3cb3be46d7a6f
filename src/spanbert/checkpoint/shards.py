"""Tensors of which several processes hold shares, as safetensors files: torch.distributed.checkpoint without pickle."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save


def write_shards(directory: Path, tensors: Mapping[str, Tensor], group: dist.ProcessGroup) -> Future[Any]:
    """Begins to write tensors, each process the shares that it holds; what all hold is written by one of them.

    The tensors are copied first, so that training may go on while files are written.

    Args:
        directory: Where the files go, on a disk that all processes write to.
        tensors: The same names on all processes.
        group: All of them, on the CPU; used by nothing else until this is done.

    Returns:
        Done when all processes have written their files.
    """
    writer = HuggingFaceStorageWriter(str(directory), save_distributed=True)
    begun: Future[Any] = async_save(dict(tensors), storage_writer=writer, process_group=group)  # type: ignore[assignment]
    return begun


def read_shards(directory: Path) -> dict[str, Tensor]:
    """All tensors of `write_shards`, whole, by however many processes they were written."""
    metadata = HuggingFaceStorageReader(str(directory)).read_metadata()
    found: dict[str, Any] = {
        name: torch.empty(one.size, dtype=one.properties.dtype)  # type: ignore[union-attr]
        for name, one in metadata.state_dict_metadata.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that no other process reads along
        load(found, storage_reader=HuggingFaceStorageReader(str(directory)), no_dist=True)
    return found
