"""Training state: what `--resume` needs, apart from the bundle, and without pickle.

    OUT.run/training/last/    model.safetensors  optimizer.safetensors  state.json (step, plan position, time used)
    OUT.run/training/best/    model.safetensors  state.json

Several processes that train together write one file each in place of the first two; any number of processes reads both.
Each is written into a temporary directory and renamed; between two renames the older one waits as `last.old`, so a
kill at any moment leaves one whole state.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from spanbert.checkpoint.shards import read_shards
from spanbert.checkpoint.tensors import read_tensors, write_tensors
from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, remove, remove_leftovers, sha256_of, write_json
from spanbert.core.schema import FileName, Schema, read_checked

_MODEL, _OPTIMIZER = "model.safetensors", "optimizer.safetensors"
OF_MODEL, OF_OPTIMIZER = "model.", "optimizer."  # names of tensors in the files of several processes


class _Checked(Schema):
    """What every state.json holds; the rest is of whoever saved it."""

    checksums: dict[FileName, str]


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """A training state read back.

    Attributes:
        model: Encoder and head tensors by our names.
        optimizer: `<parameter>.<slot>` to tensor; empty for a best state.
        facts: Step, plan position, tokens, seconds used, held-out figures.
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    facts: dict[str, Any]


def save_state(
    directory: Path, *, model: Mapping[str, Tensor], optimizer: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Writes a state in place of the one before it."""
    with state_written_whole(directory) as temporary:
        for name, tensors in ((_MODEL, model), (_OPTIMIZER, optimizer)):
            if tensors:
                write_tensors(temporary / name, tensors)
        write_facts(temporary, facts)


def write_facts(directory: Path, facts: Mapping[str, Any]) -> None:
    """Completes a state whose tensors are written: what else it says, and the checksums of their files."""
    checksums = {file.name: sha256_of(file) for file in sorted(directory.iterdir())}
    write_json(directory / "state.json", {**facts, "checksums": checksums})


@contextmanager
def state_written_whole(directory: Path) -> Iterator[Path]:
    """A directory to write a state into, which takes the place of the one before it when the block ends."""
    fresh = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with directory_written_whole(fresh) as temporary:
        yield temporary
    old = directory.with_name(f"{directory.name}.old")
    if directory.exists():
        shutil.rmtree(old, ignore_errors=True)
        directory.rename(old)
    fresh.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def sweep_state(directory: Path) -> None:
    """Removes what a killed writer of a state left beside it; the caller is the only writer now.

    Earlier versions left directories with another ending.
    """
    fresh = directory.with_name(f"{directory.name}.new")
    remove(fresh)
    remove_leftovers(fresh)
    for earlier in directory.parent.glob(f".{fresh.name}.*"):
        remove(earlier)
    if (directory / "state.json").is_file():
        remove(directory.with_name(f"{directory.name}.old"))


def load_state(directory: Path) -> SavedState | None:
    """Reads the newest whole state; None where there is none.

    Raises:
        InputError: A state that is damaged.
    """
    candidates = [directory, directory.with_name(f"{directory.name}.old")]
    found = next((path for path in candidates if (path / "state.json").is_file()), None)
    if found is None:
        return None
    try:
        facts = read_checked(_Checked, found / "state.json")
    except InputError as error:
        raise _damaged(found / "state.json", error.what) from error
    tensors: dict[str, dict[str, Tensor]] = {}
    for name, checksum in facts.pop("checksums").items():
        if not (found / name).is_file() or sha256_of(found / name) != checksum:
            raise _damaged(found / name)
        if name in (_MODEL, _OPTIMIZER):
            tensors[name] = read_tensors(found / name)
    if not tensors:
        for name, tensor in read_shards(found).items():
            prefix, file = (OF_MODEL, _MODEL) if name.startswith(OF_MODEL) else (OF_OPTIMIZER, _OPTIMIZER)
            tensors.setdefault(file, {})[name.removeprefix(prefix)] = tensor
    return SavedState(model=tensors.get(_MODEL, {}), optimizer=tensors.get(_OPTIMIZER, {}), facts=facts)


def _damaged(file: Path, what: str | None = None) -> InputError:
    remedy = "Start again with --overwrite in place of --resume, or choose another --out"
    return InputError("the training state is damaged", where=str(file), got=what, remedy=remedy)
