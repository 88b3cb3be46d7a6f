"""Bundles: directories that `transformers.AutoModel.from_pretrained` loads unchanged, plus what spanbert adds.

    config.json  model.safetensors  tokenizer.json  tokenizer_config.json  vocab.txt   Hugging Face names and layout
    heads.safetensors   every head that Hugging Face has no name for, under tasks.<task>.*
    spanbert.json       format, tasks, recipe, data, checksums of the other files (written last)
    README.md           model card

A plain Hugging Face directory reads as a bundle without tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, read_json, sha256_of, sync_file, write_json
from spanbert.core.sources import resolve

FORMAT = 1
MANIFEST = "spanbert.json"


@dataclass(frozen=True, kw_only=True)
class BundleFiles:
    """A bundle or Hugging Face directory, read and verified but for its tensors.

    Attributes:
        path: The directory.
        config: Hugging Face's config.json.
        manifest: spanbert.json, empty for a plain Hugging Face directory.
    """

    path: Path
    config: dict[str, Any]
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """model.safetensors."""
        return self.path / "model.safetensors"

    @property
    def heads(self) -> Path | None:
        """heads.safetensors, where there is one."""
        path = self.path / "heads.safetensors"
        return path if path.is_file() else None

    @property
    def tasks(self) -> dict[str, Any]:
        """The manifest's tasks by name."""
        tasks: dict[str, Any] = self.manifest.get("tasks", {})
        return tasks


def open_bundle(source: str | Path, *, verify: bool = True) -> BundleFiles:
    """Finds and checks a bundle, a Hugging Face directory or a hub id.

    Args:
        source: Path or hub id.
        verify: Compare the files of a bundle with their checksums.

    Raises:
        InputError: Not a model directory, incomplete, damaged, or of a newer format.
    """
    path = resolve(source)
    if not (path / "config.json").is_file():
        raise InputError("not a model directory (no config.json)", where=str(path))
    config = read_json(path / "config.json")
    manifest_file = path / MANIFEST
    manifest = read_json(manifest_file) if manifest_file.is_file() else {}
    if manifest and manifest.get("format") != FORMAT:
        raise InputError(
            "a bundle of another format",
            where=str(manifest_file),
            got=f"format {manifest.get('format')}",
            expected=f"format {FORMAT}",
            remedy="Use the spanbert version that wrote it",
        )
    if not (path / "model.safetensors").is_file():
        raise InputError("no weights here", where=str(path), expected="model.safetensors")
    for name, entry in manifest.get("files", {}).items():
        _check(path / name, entry, verify)
    return BundleFiles(path=path, config=config, manifest=manifest)


def _check(file: Path, entry: Mapping[str, Any], verify: bool) -> None:
    if not file.is_file():
        raise InputError("a file of the bundle is missing", where=str(file))
    if file.stat().st_size != entry["bytes"] or (verify and sha256_of(file) != entry["sha256"]):
        raise InputError(
            "the file does not match its checksum in spanbert.json",
            where=str(file),
            got=f"{file.stat().st_size} bytes",
            expected=f"{entry['bytes']} bytes, sha256 {entry['sha256'][:12]}",
            remedy="Copy or train the bundle again",
        )


def write_bundle(
    target: Path, *, config: Mapping[str, Any], manifest: Mapping[str, Any], write_files: Callable[[Path], None]
) -> None:
    """Writes a bundle whole or not at all; in a run's own directory the manifest comes last.

    Args:
        target: The bundle's directory.
        config: Hugging Face's config.json.
        manifest: What spanbert.json says, without format and checksums.
        write_files: Writes tensors, tokenizer and model card into the directory it is given.
    """
    with directory_written_whole(target, last=MANIFEST) as temporary:
        write_json(temporary / "config.json", dict(config))
        write_files(temporary)
        files = sorted(path for path in temporary.iterdir() if path.is_file())
        for path in files:
            sync_file(path)
        checked = {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in files
            if path.name != "README.md"  # the card is for people to edit
        }
        write_json(temporary / MANIFEST, {"format": FORMAT, **manifest, "files": checked})
