"""Writes an exported model: graph, what numpy multiplies by, tokenizer, tasks, and a card.

config.json  tokenizer.json ...  assets/TASK/   as in a bundle
model.onnx          encoder and heads
heads.safetensors   weights that are used outside of the graph, under tasks.TASK.*
spanbert.json       as in a bundle, with `export`: runtime, precision, what it costs
README.md           the card of the bundle, and what the export is
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from spanbert import __version__
from spanbert.checkpoint.bundle import GRAPH, HEADS_PREFIX, copy_assets, write_bundle
from spanbert.checkpoint.tensors import write_tensors
from spanbert.core.errors import InputError
from spanbert.encoder.graph import Graph
from spanbert.exports.card import Export, export_card
from spanbert.exports.source import ExportSource
from spanbert.inference.loading import task_entries

_MOST_BYTES = 2**31 - 1  # of an ONNX model in one file


def write_export(done: Export, source: ExportSource, graph: Graph) -> Export:
    """Writes the directory whole or not at all.

    Args:
        done: What it is, but for its size.
        source: What is exported.
        graph: The graph.

    Returns:
        The same with its size.

    Raises:
        InputError: The graph is too large for a file.
    """
    content = graph.serialized()
    if len(content) > _MOST_BYTES:
        raise InputError(
            "a graph larger than a file of ONNX can be",
            where=str(source.files.path),
            got=f"{len(content):,} bytes",
            expected=f"at most {_MOST_BYTES:,}",
        )
    outside = {
        f"{HEADS_PREFIX}{name}.{key}": torch.from_numpy(value)
        for name, head in source.heads.items()
        for key, value in head.weights.items()
        if key.startswith(head.in_numpy)
    }
    size = len(content) + sum(one.nbytes for one in outside.values())

    def write_files(directory: Path) -> None:
        (directory / GRAPH).write_bytes(content)
        if outside:
            write_tensors(directory / "heads.safetensors", outside)
        source.tokenizer.save(directory)
        for name, task in source.tasks.items():
            copy_assets(task.assets, directory, name)
        card = export_card(source.files.path, done.path.name, replace(done, bytes=size))
        (directory / "README.md").write_text(card, encoding="utf-8")

    stated = source.files.manifest
    passed_on = {key: stated[key] for key in ("base", "base_model", "data", "recipe") if key in stated}
    fill = None if source.fill is None else source.fill.sbo_positions
    manifest = {
        "spanbert_version": __version__,
        **passed_on,
        "tasks": {name: {**entry, "named": False} for name, entry in task_entries(source.files).items()},
        "export": {
            "runtime": done.runtime,
            "precision": done.precision,
            "kept_float32": list(done.kept_float32),
            "sbo_positions": fill,
            "parameters": source.parameters,
            "parity": {name: one.as_record() for name, one in done.parity.items()},
        },
    }
    write_bundle(done.path, config=source.files.config, manifest=manifest, write_files=write_files)
    return replace(done, bytes=size)


def size_of_weights(directory: Path) -> int:
    """Bytes of the files of weights."""
    return sum(one.stat().st_size for one in directory.iterdir() if one.suffix in (".safetensors", ".bin"))
