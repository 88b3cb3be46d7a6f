"""Where a model or tokenizer comes from: a path on the disk first, then a hub id."""

from __future__ import annotations

import os
from pathlib import Path

from spanbert.core.errors import InputError

_FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "pytorch_model.bin")


def resolve(name: str | os.PathLike[str]) -> Path:
    """The local path of a model: the path itself if it exists, else a hub snapshot of that id.

    Args:
        name: A file, a directory, or a hub id such as `google-bert/bert-base-cased`.

    Raises:
        InputError: No such path, and no hub repository of that name can be had (or HF_HUB_OFFLINE is set).
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    text = os.fspath(name)
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
            remedy="Give the path of a model directory",
        ) from None
    except (HfHubHTTPError, HFValidationError) as error:
        raise InputError("no such path, and no such model on the hub", where=text, got=type(error).__name__) from None
