"""Where output may go: every verb refuses the same places, before any work is done.

Nothing that is read is written over, whatever link or spelling names it, and nothing lands inside a folder that is
read. What exists is replaced when `--overwrite` says so, and a folder only if spanbert made it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import is_leftover, is_special, open_descriptor, read_json, real_path, remove

_MADE = {  # files that tell what spanbert made, and a key of each
    "spanbert.json": "format",  # a bundle
    "run.json": "settings",  # a run of training
    "index.json": "shards",  # a token store
}
WEIGHTS = (  # with config.json: a model
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def check_output_file(
    target: Path, *, inputs: Iterable[str | os.PathLike[str] | None], overwrite: bool, option: str = "--out"
) -> None:
    """Refuses a file to write.

    Devices, pipes and descriptors such as `/dev/stdout` are no files that could be lost: they are written to.

    Args:
        target: The file.
        inputs: Files and folders that are read; what is no path, such as a hub id, does not matter.
        overwrite: Whether a file that exists may be replaced.
        option: How the user named it.

    Raises:
        InputError: It is an input or lies in one, a folder, a disk or a socket, or exists already.
    """
    where = f"{option} {target}"
    _refuse_inputs(target, inputs, where)
    _refuse_parents(target, where)
    if open_descriptor(target) is not None:
        return
    if target.is_dir():
        raise InputError("a folder, where a file is written", where=where, remedy="Name a file in it")
    if is_special(target):
        mode = target.stat().st_mode
        if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise InputError("a disk or a socket, where a file is written", where=where)
    elif target.exists() and not overwrite:
        raise InputError(
            "the file exists already", where=where, remedy="Pass --overwrite to replace it, or choose another file"
        )


def check_output_folder(
    target: Path,
    *,
    inputs: Iterable[str | os.PathLike[str] | None],
    overwrite: bool,
    resume: bool = False,
    option: str = "--out",
    remedy: str = "Pass --overwrite to replace it, or choose another one",
) -> None:
    """Refuses a folder to make; one that is empty, or has only what a killed writer left in it, is as good as none.

    Args:
        target: The folder.
        inputs: Files and folders that are read; what is no path, such as a hub id, does not matter.
        overwrite: Whether a folder that spanbert made may be replaced.
        resume: Whether it may stay as it is, since the work in it goes on.
        option: How the user named it.
        remedy: What can be done where it exists and may not be replaced.

    Raises:
        InputError: It is an input, lies in one or holds one; a file; or it exists already.
    """
    where = f"{option} {target}"
    given = list(inputs)
    _refuse_inputs(target, given, where)
    _refuse_parents(target, where)
    if not _exists(target):
        return
    if not target.is_dir():
        raise InputError("a file, where a folder is made", where=where, remedy="Choose another one")
    if resume or all(map(_is_nothing, target.iterdir())):
        return
    if not _is_made(target):
        raise InputError(
            "the folder exists already, and is no store, model or run that could be replaced",
            where=where,
            got=", ".join(sorted(path.name for path in target.iterdir())[:5]),
            remedy="Choose another one",
        )
    if not overwrite:
        raise InputError("the folder exists already", where=where, remedy=remedy)
    if any(_holds(target, Path(one)) for one in given if one is not None):
        raise InputError(
            "the output would replace a folder that holds an input", where=where, remedy="Choose another one"
        )


def empty_folder(target: Path) -> None:
    """Removes what is in a folder, where there is one; `check_output_folder` said that it may be."""
    for path in list(target.iterdir()) if target.is_dir() else ():
        remove(path)


def _is_nothing(path: Path) -> bool:
    """Whether something is what a killed writer left, or a folder with nothing else in it."""
    if is_leftover(path):
        return True
    return path.is_dir() and not path.is_symlink() and all(map(_is_nothing, path.iterdir()))


def _is_made(folder: Path) -> bool:
    is_model = (folder / "config.json").is_file() and any((folder / name).is_file() for name in WEIGHTS)
    of_seeds = sorted(folder.glob("seeds/*/run.json"))
    is_run = folder.name.endswith(".run") and (folder / "training").is_dir()  # whatever became of its run.json
    return is_model or is_run or bool(of_seeds) or any(_has_key(folder / name, key) for name, key in _MADE.items())


def _has_key(file: Path, key: str) -> bool:
    try:
        content = read_json(file)
    except InputError:
        return False
    return isinstance(content, dict) and key in content


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _refuse_inputs(target: Path, inputs: Iterable[str | os.PathLike[str] | None], where: str) -> None:
    for one in inputs:
        source = None if one is None else Path(one).expanduser()
        if source is None or not source.exists() or _is_terminal_like(source):
            continue
        if (target.exists() and target.samefile(source)) or real_path(target) == real_path(source):
            raise InputError(
                "the output would replace an input", where=where, got=str(one), remedy="Choose another one"
            )
        if source.is_dir() and _holds(source, target):
            raise InputError(
                "the output would lie inside an input", where=where, got=str(one), remedy="Choose a place outside of it"
            )


def _is_terminal_like(path: Path) -> bool:
    return stat.S_ISCHR(path.stat().st_mode)  # reading from it and writing to it do not meet


def _holds(folder: Path, path: Path) -> bool:
    """Whether a path, which need not exist, lies in a folder, whatever names the two have."""
    return any(parent.exists() and parent.samefile(folder) for parent in real_path(path).parents)


def _refuse_parents(target: Path, where: str) -> None:
    """Refuses a place below a file; folders that are missing are made."""
    parents = target.absolute().parents
    nearest = next((parent for parent in parents if parent.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise InputError(
            "not a folder, so nothing can be written in it", where=where, got=str(nearest), remedy="Choose another one"
        )
