"""Where a model or tokenizer comes from: a path on the disk, an installed package that holds a model, a hub id."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.texts import require_path

_PACKAGED = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)+")
_FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "pytorch_model.bin")


def resolve(name: str | os.PathLike[str]) -> Path:
    """The local path of a model: the path itself if it exists, else that of an installed package, else a hub snapshot.

    A package `spanbert_small_en` holds the model `small-en` in its folder `model`.

    Args:
        name: A file, a directory, the name of a packaged model, or a hub id such as `google-bert/bert-base-cased`.

    Raises:
        InputError: Neither a path nor a name; or no such path, and no hub repository of that name can be had (or
            HF_HUB_OFFLINE is set).
    """
    require_path(name, "model")
    path = Path(name).expanduser()
    if path.exists():
        return path
    text = os.fspath(name)
    packaged = _packaged(text)
    if packaged is not None:
        return packaged
    if text.startswith((".", "/", "~")) or text.count("/") > 1 or text.endswith("/"):
        raise InputError("no such file or directory", where=text)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(text, allow_patterns=list(_FILES)))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise InputError(
            "no such path, and the hub cannot be reached (or HF_HUB_OFFLINE is set)",
            where=text,
            remedy="Give the path of a model directory"
            if "/" in text
            else f"Give the path of a model directory, or install the package spanbert-{text} if it is one of ours",
        ) from None
    except (HfHubHTTPError, HFValidationError) as error:
        raise InputError("no such path, and no such model on the hub", where=text, got=type(error).__name__) from None


def _packaged(name: str) -> Path | None:
    """The directory of a model that an installed package holds."""
    if not _PACKAGED.fullmatch(name):
        return None
    spec = find_spec(f"spanbert_{name.replace('-', '_')}")
    folders = [Path(folder) / "model" for folder in (spec.submodule_search_locations or [])] if spec else []
    return next((folder for folder in folders if folder.is_dir()), None)
