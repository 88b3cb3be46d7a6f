"""`spanbert.export`: a bundle as a directory that answers without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from spanbert.checkpoint.bundle import GRAPH, HEADS_PREFIX, copy_assets, open_bundle, write_bundle
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.checkpoint.tensors import write_tensors
from spanbert.core.errors import InputError, nearest
from spanbert.core.files import only_writer, remove_leftovers
from spanbert.core.outputs import check_output_folder
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter
from spanbert.core.texts import require_path
from spanbert.encoder.graph import Graph
from spanbert.export.source import ExportSource, read_source
from spanbert.inference.loading import task_entries

_MOST_BYTES = 2**31 - 1  # of an ONNX model in one file


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What was exported.

    Attributes:
        path: The directory.
        runtime: What runs it.
        precision: Of its products.
        bytes: Size of the graph and the weights beside it.
        bytes_before: Size of the weights of the bundle.
        kept_float32: The products that are float32 all the same.
        parity: What it costs in score, by task; empty without dev data.
    """

    path: Path
    runtime: str
    precision: str
    bytes: int
    bytes_before: int
    kept_float32: tuple[str, ...]
    parity: Mapping[str, Any]


@shows_progress
def export(
    bundle: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    runtime: ExportRuntime = "onnx",
    precision: ExportPrecision = "float32",
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Export:
    """Writes a bundle as a directory that `load`, `predict` and `evaluate` take, and that answers without torch.

    Encoder and heads become one graph; tokenizer, labels and settings come along.

    Args:
        bundle: A bundle, a Hugging Face directory or a hub id.
        out: The directory to make.
        runtime: What runs it.
        precision: Of its products.
        overwrite: Whether a directory that exists may be replaced.
        reporter: Receives progress.

    Raises:
        InputError: Something that cannot be exported, or a place that cannot be written to.
    """
    require_path(bundle, "bundle")
    require_path(out, "out")
    _require_one_of("runtime", runtime, get_args(ExportRuntime))
    _require_one_of("precision", precision, get_args(ExportPrecision))
    _require_onnx()
    target = Path(out)
    files = open_bundle(os.fspath(bundle))
    with only_writer(target):
        check_output_folder(target, inputs=[files.path], overwrite=overwrite)
        remove_leftovers(target)
        source = read_source(files)
        graph = source.graph()
        facts = {"runtime": runtime, "precision": precision, "kept_float32": [], "parity": {}}
        _write(target, source, graph, facts)
    return Export(
        path=target,
        runtime=runtime,
        precision=precision,
        bytes=_size(target),
        bytes_before=_size(files.path),
        kept_float32=(),
        parity={},
    )


def _require_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        remedy = nearest(value, choices) if isinstance(value, str) else None
        raise InputError(f"no such {name}", where=name, got=repr(value), expected=", ".join(choices), remedy=remedy)


def _require_onnx() -> None:
    """Refuses to begin without what writes graphs.

    Raises:
        InputError: It is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise InputError("exporting needs the library onnx", remedy="pip install 'spanbert[export]'") from None


def _write(target: Path, source: ExportSource, graph: Graph, facts: Mapping[str, Any]) -> None:
    """Writes the directory whole or not at all."""
    content = graph.serialized()
    if len(content) > _MOST_BYTES:
        raise InputError("a graph larger than a file of ONNX can be", got=f"{len(content):,} bytes")
    files = source.files
    outside = {
        f"{HEADS_PREFIX}{name}.{key}": torch.from_numpy(value)
        for name, head in source.heads.items()
        for key, value in head.weights.items()
        if key.startswith(head.in_numpy)
    }

    def write_files(directory: Path) -> None:
        (directory / GRAPH).write_bytes(content)
        if outside:
            write_tensors(directory / "heads.safetensors", outside)
        source.tokenizer.save(directory)
        for name, task in source.tasks.items():
            copy_assets(task.assets, directory, name)

    entries = {name: {**entry, "named": False} for name, entry in task_entries(files).items()}
    passed_on = {key: files.manifest[key] for key in ("base", "base_model", "data", "recipe") if key in files.manifest}
    fill = None if source.fill is None else source.fill.sbo_positions
    manifest = {
        **passed_on,
        "tasks": entries,
        "export": {**facts, "sbo_positions": fill, "parameters": source.parameters},
    }
    write_bundle(target, config=files.config, manifest=manifest, write_files=write_files)


def _size(directory: Path) -> int:
    """Bytes of the files of weights and graphs."""
    return sum(one.stat().st_size for one in directory.iterdir() if one.suffix in (".safetensors", ".onnx", ".bin"))
