"""Where exported models lie that have no place of their own: a folder of the user's cache, by what they were made of.

CACHE/exports/FINGERPRINT/NAME-RUNTIME-PRECISION    an exported model; `load(BUNDLE, precision="int8")` finds it
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import get_args

from spanbert.checkpoint.bundle import BundleFiles
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.core.errors import InputError
from spanbert.core.model_path import model_name

CACHE = "SPANBERT_CACHE"  # of the environment; without it a folder of the system's cache of this user
_LENGTH = 16  # of a fingerprint


def cached_place(files: BundleFiles, runtime: ExportRuntime, precision: ExportPrecision) -> Path:
    """Where the export of a bundle lies that has no other place.

    Args:
        files: The bundle; another one, or the same with other weights, has a place of its own.
        runtime: What runs the export.
        precision: Of its products.
    """
    return _folder(files) / f"{model_name(files.path)}-{runtime}-{precision}"


def cached_export(files: BundleFiles, precision: ExportPrecision) -> Path:
    """The export of a bundle in its place; of several runtimes, the one that was made last.

    Raises:
        InputError: There is none; says how it is made.
    """
    places = (cached_place(files, runtime, precision) for runtime in get_args(ExportRuntime))
    made = [place for place in places if (place / "config.json").is_file()]
    if not made:
        needs = "" if files.dev_data else " --data DEV"
        raise InputError(
            f"no {precision} of this bundle yet",
            where=str(files.path),
            remedy=f"Make it once: spanbert export {model_name(files.path)} --precision {precision}{needs}",
        )
    return max(made, key=lambda place: place.stat().st_mtime)


def _folder(files: BundleFiles) -> Path:
    stated = json.dumps(files.manifest.get("files") or files.config, sort_keys=True)
    return _cache() / "exports" / hashlib.sha256(stated.encode("utf-8")).hexdigest()[:_LENGTH]


def _cache() -> Path:
    stated = os.environ.get(CACHE)
    if stated:
        return Path(stated).expanduser()
    of_system = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(of_system) if of_system else Path.home() / ".cache") / "spanbert"
