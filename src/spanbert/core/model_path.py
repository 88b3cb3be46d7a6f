"""Where a model or tokenizer comes from: a path on the disk, an installed package that holds a model, a hub id."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, NoReturn

from spanbert.core.errors import InputError
from spanbert.core.texts import require_path

SMALL_EN = "small-en"  # our own model
_PREFIX = "spanbert_"  # of the packages that hold a model
_PACKAGED = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)+")
_HUB_ID = re.compile(r"(?P<repository>[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:@(?P<revision>[\w./-]+))?")
_FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "assets/*", "dev/*", "README.md")
_PICKLED = "pytorch_model*.bin"  # whole or in shards; fetched only where there are no safetensors
LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN"


class HubId(NamedTuple):
    """A model on the hub, as `user/name` or `user/name@revision` says.

    Attributes:
        repository: `user/name`; some old models have no user.
        revision: A branch, tag or commit; None: the newest.
    """

    repository: str
    revision: str | None


def resolve(name: str | os.PathLike[str]) -> Path:
    """The local path of a model: the path itself if it exists, else that of an installed package, else a hub snapshot.

    A package `spanbert_small_en` holds the model `small-en` in its folder `model`. What was loaded from the hub once is
    kept in its cache (HF_HOME) and found there without a network.

    Args:
        name: A file, a directory, the name of a packaged model, or a hub id such as `google-bert/bert-base-cased`, with
            a revision behind it (`user/name@v2`) if it is not to be the newest.

    Raises:
        InputError: Neither a path nor a name; or no such path, and no hub repository of that name can be had (or
            HF_HUB_OFFLINE is set).
    """
    require_path(name, "model")
    path = Path(name).expanduser()
    if path.exists():
        return path
    packaged = _packaged(os.fspath(name))
    if packaged is not None:
        return packaged
    found = _as_hub_id(name)
    if found is None:
        raise InputError("no such file or directory", where=os.fspath(name))
    return _snapshot(found, os.fspath(name))


def hub_id(name: str | os.PathLike[str]) -> str | None:
    """The hub repository that a model comes from; None: from the disk or a package, or no hub has such names."""
    if Path(name).expanduser().exists() or _packaged(os.fspath(name)) is not None:
        return None
    found = _as_hub_id(name)
    return None if found is None else found.repository


def require_installed(name: str | os.PathLike[str]) -> None:
    """Refuses our own model where its package is not installed: no hub has it.

    Raises:
        InputError: It is not; says how to install it.
    """
    if os.fspath(name) == SMALL_EN and hub_id(name) is not None:
        raise InputError(
            "the packaged model is not installed",
            where=SMALL_EN,
            remedy="pip install ./models/small-en in a clone, or start from another model with --model",
        )


def is_model(name: str | os.PathLike[str]) -> bool:
    """Whether something that `resolve` has found holds a model and not a tokenizer alone; asks no hub."""
    path = Path(name).expanduser()
    folder = path if path.exists() else _packaged(os.fspath(name))
    if folder is not None:
        return (folder / "config.json").is_file()
    wanted = _as_hub_id(name)
    if wanted is None:
        return False
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(wanted.repository, "config.json", revision=wanted.revision), str)


def model_name(name: str | os.PathLike[str]) -> str:
    """What people call a model: an id on the hub, its name as a package, or that of its folder without its place."""
    if hub_id(name) is not None:
        return str(name)
    path = Path(name).resolve()
    if path.name != "model":
        return path.name
    package = path.parent.name
    return package.removeprefix(_PREFIX).replace("_", "-") if package.startswith(_PREFIX) else package


def _as_hub_id(name: str | os.PathLike[str]) -> HubId | None:
    match = _HUB_ID.fullmatch(Path(name).as_posix() if isinstance(name, Path) else os.fspath(name))
    return None if match is None else HubId(match["repository"], match["revision"])


def _snapshot(wanted: HubId, where: str) -> Path:
    """The folder of the hub's cache that holds a model's files, which are fetched if need be."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        found = _fetched(wanted, _FILES)
        return found if any(found.glob("model*.safetensors")) else _fetched(wanted, (*_FILES, _PICKLED))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise InputError(
            "no such path, and the hub cannot be reached (or HF_HUB_OFFLINE is set)",
            where=where,
            remedy="Give the path of a model directory"
            if "/" in where
            else f"Give the path of a model directory, or install the package spanbert-{where} if it is one of ours",
        ) from None
    except HFValidationError as error:
        raise InputError("no such path, and no name of a model on the hub", where=where, got=str(error)) from None
    except HfHubHTTPError as error:
        _refuse(error, wanted, where)


def _fetched(wanted: HubId, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(wanted.repository, revision=wanted.revision, allow_patterns=list(patterns)))


def _refuse(error: Exception, wanted: HubId, where: str) -> NoReturn:
    """Says what the hub answered.

    Raises:
        InputError: Always.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    what, remedy = "no such path, and the hub refuses the model", "Try again later"
    if isinstance(error, GatedRepoError):
        what, remedy = "the model's terms must be accepted first", f"Accept them on its page on the hub. {LOG_IN}"
    elif isinstance(error, RevisionNotFoundError):
        what, remedy = f"the model has no revision {wanted.revision!r}", "Name a branch, a tag or a commit"
    elif isinstance(error, RepositoryNotFoundError):
        what, remedy = (
            "no such path, and no such model on the hub",
            f"Check the name. {LOG_IN} if it is private",
        )
    raise InputError(what, where=where, got=type(error).__name__, remedy=remedy) from None


def _packaged(name: str) -> Path | None:
    """The directory of a model that an installed package holds."""
    if not _PACKAGED.fullmatch(name):
        return None
    spec = find_spec(_PREFIX + name.replace("-", "_"))
    folders = [Path(folder) / "model" for folder in (spec.submodule_search_locations or [])] if spec else []
    return next((folder for folder in folders if folder.is_dir()), None)
