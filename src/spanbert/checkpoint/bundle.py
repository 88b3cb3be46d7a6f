"""Bundles: directories that `transformers.AutoModel.from_pretrained` loads unchanged, plus what spanbert adds.

    config.json  model.safetensors  tokenizer.json  tokenizer_config.json  vocab.txt   Hugging Face names and layout
    heads.safetensors   every head that Hugging Face has no name for, under tasks.<task>.*
    spanbert.json       format, tasks, recipe, data, checksums of the other files (written last)
    assets/TASK/        what a task brings of its own
    README.md           model card

Nothing else is in it: what a run needs lies beside it (`train.run_directory`).

A plain Hugging Face directory reads as a bundle without tasks. An exported model is such a directory too, with a
graph, `model.onnx`, an encoder in int8 or bfloat16, `encoder.safetensors`, or CTranslate2's own model in
`ctranslate2/` in place of the weights, and with `export` in spanbert.json; it cannot be trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from spanbert.checkpoint.manifest import HuggingFaceConfig, Manifest, WeightIndex
from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, read_json, sha256_of, sync_file, write_json
from spanbert.core.model_path import resolve
from spanbert.core.outputs import WEIGHTS
from spanbert.core.schema import checked, read_checked

FORMAT = 1
MANIFEST = "spanbert.json"
HEADS_PREFIX = "tasks."  # before a task's name, of the tensors in heads.safetensors
ASSETS = "assets"
DEV = "dev"
HEADS = "heads.safetensors"
GRAPH = "model.onnx"  # of an exported model, or:
INT8_ENCODER = "encoder.safetensors"
TRANSLATOR = "ctranslate2"  # or a folder with:
_EXPORTED = {"onnx": GRAPH, "openvino": GRAPH, "torch": INT8_ENCODER, "ctranslate2": f"{TRANSLATOR}/model.bin"}
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")


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
        """The file with the weights, or the index of several."""
        return next((self.path / name for name in WEIGHTS if (self.path / name).is_file()), self.path / WEIGHTS[0])

    @property
    def runtime(self) -> str | None:
        """What runs an exported model; None: it is none."""
        export = self.manifest.get("export")
        found: str | None = None if export is None else export["runtime"]
        return found

    @property
    def is_exported(self) -> bool:
        """Whether it is an exported model, which has no weights that could be trained."""
        return self.runtime is not None

    @property
    def exported(self) -> Path:
        """The graph, or the encoder, of an exported model."""
        assert self.runtime is not None
        return self.path / _EXPORTED[self.runtime]

    @property
    def heads(self) -> Path | None:
        """heads.safetensors, where there is one."""
        path = self.path / HEADS
        return path if path.is_file() else None

    def assets(self, task: str) -> dict[str, Path]:
        """A task's own files, by their names in `assets/TASK/`."""
        folder = self.path / ASSETS / task
        return {path.name: path for path in sorted(folder.iterdir())} if folder.is_dir() else {}

    @property
    def dev_data(self) -> dict[str, Path]:
        """Labelled texts that the bundle brings, by task: `dev/TASK.jsonl`, `dev/TASK.conll.gz` and the like."""
        folder = self.path / DEV
        return {path.name.partition(".")[0]: path for path in sorted(folder.iterdir())} if folder.is_dir() else {}

    @property
    def tasks(self) -> dict[str, Any]:
        """The manifest's tasks by name."""
        tasks: dict[str, Any] = self.manifest.get("tasks", {})
        return tasks


def open_bundle(source: str | Path, *, verify: bool = True, exported: bool = False) -> BundleFiles:
    """Finds and checks a bundle, a Hugging Face directory or a hub id.

    Args:
        source: Path or hub id.
        verify: Compare the files of a bundle with their checksums.
        exported: Whether it may be an exported model, which can only answer.

    Raises:
        InputError: Not a model directory, incomplete, damaged, or of a newer format.
    """
    path = resolve(source)
    if not (path / "config.json").is_file():
        raise InputError("not a model directory (no config.json)", where=str(path))
    config = read_checked(HuggingFaceConfig, path / "config.json")
    manifest = _read_manifest(path / MANIFEST) if (path / MANIFEST).is_file() else {}
    files = BundleFiles(path=path, config=config, manifest=manifest)
    if files.is_exported and not exported:
        raise InputError(
            "an exported model, which answers and does nothing else",
            where=str(path),
            expected="a bundle with weights",
            remedy="Name the bundle that it was made of",
        )
    if not files.is_exported and not any((path / name).is_file() for name in WEIGHTS):
        raise InputError("no weights here", where=str(path), expected=" or ".join(WEIGHTS))
    for name, entry in manifest.get("files", {}).items():
        _check(path / name, entry, verify)
    if manifest:
        _require_listed(files)
    return files


def _read_manifest(file: Path) -> dict[str, Any]:
    """spanbert.json, once it is known to hold what it must.

    Raises:
        InputError: It does not, or is of another format.
    """
    manifest = read_json(file)
    if isinstance(manifest, dict) and manifest.get("format") != FORMAT:
        raise InputError(
            "a bundle of another format",
            where=str(file),
            got=f"format {manifest.get('format')}",
            expected=f"format {FORMAT}",
            remedy="Use the spanbert version that wrote it",
        )
    checked(Manifest, manifest, str(file))
    return dict(manifest)


def all_exported(models: Iterable[str | Path]) -> bool:
    """Whether all of some models are exported ones, which compute on the CPU and may need no torch.

    Args:
        models: As `open_bundle` takes them.

    Raises:
        InputError: Not a model.
    """
    return all(open_bundle(one, verify=False, exported=True).is_exported for one in models)


def _require_listed(files: BundleFiles) -> None:
    """Refuses a bundle with a file that is read but has no checksum.

    Raises:
        InputError: It has one.
    """
    listed = files.manifest["files"]
    weights = [files.exported] if files.is_exported else weight_files(files.weights)
    read = [files.path / "config.json", *weights, *([files.heads] if files.heads else [])]
    read += [files.path / name for name in _TOKENIZER if (files.path / name).is_file()]
    if files.runtime == "ctranslate2":
        read += files.exported.parent.iterdir()
    read += [asset for task in files.tasks for asset in files.assets(task).values()]
    read += files.dev_data.values()
    for path in read:
        if path.relative_to(files.path).as_posix() not in listed:
            raise InputError(
                "a file of the bundle that its list does not name",
                where=str(files.path / MANIFEST),
                got=path.relative_to(files.path).as_posix(),
                remedy="Copy or train the bundle again",
            )


def tensor_shapes(files: BundleFiles) -> dict[str, tuple[int, ...]]:
    """Names and shapes of weights and heads in safetensors files, without reading them; `.bin` files are left out.

    Raises:
        InputError: Not a whole safetensors file.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    weights = [] if files.is_exported else weight_files(files.weights)
    for path in weights + ([files.heads] if files.heads else []):
        if path.suffix != ".safetensors":
            continue
        try:
            with safe_open(path, framework="np") as stream:
                shapes |= {name: tuple(stream.get_slice(name).get_shape()) for name in stream.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise InputError("not a whole safetensors file", where=str(path), got=str(error)) from None
    return shapes


def weight_files(weights: Path) -> list[Path]:
    """The files behind `BundleFiles.weights`: itself, or the shards that an index names."""
    if weights.suffix != ".json":
        return [weights]
    index = read_checked(WeightIndex, weights)
    return [weights.parent / name for name in sorted(set(index["weight_map"].values()))]


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
    """Writes a bundle whole or not at all; where there is an earlier one, the manifest comes last.

    Args:
        target: The bundle's directory.
        config: Hugging Face's config.json.
        manifest: What spanbert.json says, without format and checksums.
        write_files: Writes tensors, tokenizer and model card into the directory it is given.
    """
    with directory_written_whole(target, last=MANIFEST) as temporary:
        write_json(temporary / "config.json", dict(config))
        write_files(temporary)
        files = sorted(path for path in temporary.rglob("*") if path.is_file())
        for path in files:
            sync_file(path)
        checked = {
            path.relative_to(temporary).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in files
            if path.name != "README.md"  # the card is for people to edit
        }
        write_json(temporary / MANIFEST, {"format": FORMAT, **manifest, "files": checked})


def write_with_more(bundle: Path, target: Path, write_more: Callable[[Path], None]) -> None:
    """Writes a bundle with more files in it, whole or not at all.

    Args:
        bundle: What is there already.
        target: Where to; it may be the same.
        write_more: Writes the others into the directory it is given.

    Raises:
        InputError: Not a bundle, or damaged.
    """
    before = open_bundle(bundle)

    def write_files(directory: Path) -> None:
        shutil.copytree(before.path, directory, dirs_exist_ok=True)
        (directory / MANIFEST).unlink()
        write_more(directory)

    manifest = {key: value for key, value in before.manifest.items() if key not in ("format", "files")}
    write_bundle(target, config=before.config, manifest=manifest, write_files=write_files)


def copy_assets(assets: Mapping[str, Path | bytes], directory: Path, task: str) -> None:
    """Copies a task's own files to where a bundle keeps them.

    Args:
        assets: By name: where they are, or what they hold.
        directory: The bundle's.
        task: The task's name.
    """
    for name, asset in assets.items():
        folder = directory / ASSETS / task
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(asset, bytes):
            (folder / name).write_bytes(asset)
        else:
            shutil.copyfile(asset, folder / name)


def copy_dev_data(data: Mapping[str, Path], directory: Path) -> None:
    """Copies labelled texts to where a bundle brings them, by which it can be exported in int8 without others.

    Args:
        data: By task.
        directory: The bundle's.
    """
    for task, path in data.items():
        (directory / DEV).mkdir(exist_ok=True)
        shutil.copyfile(path, directory / DEV / f"{task}{''.join(path.suffixes)}")
