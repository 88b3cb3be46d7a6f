"""`spanbert.export`: a bundle as a directory that answers without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from spanbert.checkpoint.bundle import GRAPH, HEADS_PREFIX, copy_assets, open_bundle, write_bundle
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.checkpoint.tensors import write_tensors
from spanbert.core.errors import InputError, SpanbertError, nearest
from spanbert.core.files import only_writer, remove_leftovers
from spanbert.core.outputs import check_output_folder
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter
from spanbert.core.texts import require_path
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.encoder.graph import Graph
from spanbert.exports.parity import Original, Parity
from spanbert.exports.plans import FLOAT32, Plan, plans
from spanbert.exports.source import ExportSource, read_source
from spanbert.inference.loading import task_entries
from spanbert.pipelines.load import load

DataByTask = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None
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
    parity: Mapping[str, Parity]


@shows_progress
def export(
    bundle: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    runtime: ExportRuntime = "onnx",
    precision: ExportPrecision = "float32",
    data: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    max_drop: float = 0.5,
    seed: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Export:
    """Writes a bundle as a directory that `load`, `predict` and `evaluate` take, and that answers without torch.

    Encoder and heads become one graph; tokenizer, labels and settings come along.

    Args:
        bundle: A bundle, a Hugging Face directory or a hub id.
        out: The directory to make.
        runtime: What runs it.
        precision: Of its products: `float32`, which answers as the bundle does, or `int8`, a quarter of the bytes.
        data: Labelled dev data on which the export is compared with the bundle, for a bundle with several tasks by
            their names; `int8` needs it, and is spread over the values that its first texts reach.
        max_drop: How many points (of 100) the main score of a task may fall at most, and the bootstrap interval of the
            fall reach twice as far.
        seed: Of the bootstrap.
        overwrite: Whether a directory that exists may be replaced.
        reporter: Receives progress.

    Raises:
        InputError: Something that cannot be exported, data that cannot be read, or a place that cannot be written to.
        SpanbertError: The export loses more than it may; nothing is written.
    """
    require_path(bundle, "bundle")
    require_path(out, "out")
    _require_one_of("runtime", runtime, get_args(ExportRuntime))
    _require_one_of("precision", precision, get_args(ExportPrecision))
    _require_onnx()
    target = Path(out)
    files = open_bundle(os.fspath(bundle))
    with only_writer(target):
        check_output_folder(target, inputs=[files.path, *_paths(data)], overwrite=overwrite)
        remove_leftovers(target)
        source = read_source(files)
        dev = _opened(source, data)
        if precision == "int8" and not dev:
            raise InputError(
                "int8 is spread over the values that real text reaches, and compared with the bundle on it",
                where="--data",
                got="none",
                expected="labelled dev data of a task" if source.tasks else "a bundle with a fine-tuned task",
            )
        plan, parity = _chosen(
            source, plans(source, dev) if precision == "int8" else iter([FLOAT32]), dev, max_drop, seed
        )
        facts = {
            "runtime": runtime,
            "precision": precision,
            "kept_float32": list(plan.kept),
            "parity": {name: one.as_record() for name, one in parity.items()},
        }
        _write(target, source, source.graph(ranges=plan.ranges), facts)
    return Export(
        path=target,
        runtime=runtime,
        precision=precision,
        bytes=_size(target),
        bytes_before=_size(files.path),
        kept_float32=plan.kept,
        parity=parity,
    )


def _paths(data: DataByTask) -> list[str | os.PathLike[str]]:
    if data is None:
        return []
    return list(data.values()) if isinstance(data, Mapping) else [data]


def _opened(source: ExportSource, data: DataByTask) -> dict[str, DataFile]:
    """The dev data of each task that has some.

    Raises:
        InputError: No such task, or one that was not named.
    """
    if data is None:
        return {}
    where = str(source.files.path)
    if not isinstance(data, Mapping):
        if len(source.tasks) != 1:
            raise InputError(
                "data of which task?" if source.tasks else "this bundle has no fine-tuned task to score",
                where=where,
                got=", ".join(source.tasks) or None,
                remedy="Name it: --data NAME=FILE" if source.tasks else None,
            )
        return _opened(source, dict.fromkeys(source.tasks, data))
    for name in data:
        if name not in source.tasks:
            raise InputError(f"no task {name!r}", where=where, remedy=nearest(name, source.tasks))
    return {name: source.tasks[name].opened(local_file(path)) for name, path in data.items()}


def _chosen(
    source: ExportSource, tried: Iterator[Plan], dev: Mapping[str, DataFile], max_drop: float, seed: int
) -> tuple[Plan, dict[str, Parity]]:
    """The first plan that loses no more than it may.

    Raises:
        SpanbertError: None does.
    """
    plan = next(tried)
    if not dev:
        return plan, {}
    original = Original(load(source.files.path).predictor, dev, seed=seed)
    while True:
        parity = original.compared(source.predictor(source.graph(ranges=plan.ranges)))
        if all(one.passes(max_drop) for one in parity.values()):
            return plan, parity
        following = next(tried, None)
        if following is None:
            lines = "; ".join(one.line(name) for name, one in parity.items() if not one.passes(max_drop))
            raise SpanbertError(
                f"the export loses more than {max_drop:g} points, or might lose more than {2 * max_drop:g}, also with "
                f"{len(plan.kept)} products in float32: {lines}. Nothing was written; allow more with --max-drop, or "
                "give more dev data"
            )
        plan = following


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
