"""Writes an exported model: what computes, tokenizer, tasks, and a card.

config.json  tokenizer.json ...  assets/TASK/   as in a bundle
model.onnx             encoder and heads, or for CTranslate2:
ctranslate2/           its own model, or for torch:
encoder.safetensors    the encoder in int8
heads.safetensors      weights of heads that are outside of the graph, under tasks.TASK.*
spanbert.json          as in a bundle, with `export`: runtime, precision, what it costs
README.md              the card of the bundle, and what the export is
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spanbert import __version__
from spanbert.checkpoint.bundle import copy_assets, write_bundle
from spanbert.core.types import Record
from spanbert.exports.card import Export, export_card
from spanbert.exports.plans import Plan
from spanbert.exports.targets import RuntimeTarget
from spanbert.inference.loading import task_entries

_OF_WEIGHTS = (".safetensors", ".bin", ".onnx")


def write_export(done: Export, target: RuntimeTarget, plan: Plan) -> Export:
    """Writes the directory whole or not at all.

    Args:
        done: What it is, but for its size.
        target: What is exported, and for what.
        plan: How.

    Returns:
        The same with its size.
    """
    source = target.source
    sized = done

    def write_files(directory: Path) -> None:
        nonlocal sized
        target.write(plan, directory)
        sized = replace(done, bytes=size_of_weights(directory))
        source.tokenizer.save(directory)
        for name, task in source.tasks.items():
            copy_assets(task.assets, directory, name)
        card = export_card(source.files.path, done.path.name, sized)
        (directory / "README.md").write_text(card, encoding="utf-8")

    stated = source.files.manifest
    passed_on: Record = {key: stated[key] for key in ("base", "base_model", "data", "recipe") if key in stated}
    manifest: Record = {
        "spanbert_version": __version__,
        **passed_on,
        "tasks": {name: {**entry, "named": False} for name, entry in task_entries(source.files).items()},
        "export": {
            "runtime": done.runtime,
            "precision": done.precision,
            "kept_float32": list(done.kept_float32),
            "sbo_positions": None if source.fill is None else source.fill.sbo_positions,
            "parameters": source.parameters,
            "calibrated_on": dict(done.calibrated_on),
            "parity": {name: one.as_record() for name, one in done.parity.items()},
            "unscored": list(done.unscored),
            "timed_on": done.timed_on,
            "memory": done.memory,
            **target.facts(),
        },
    }
    write_bundle(done.path, config=source.files.config, manifest=manifest, write_files=write_files)
    return sized


def size_of_weights(directory: Path) -> int:
    """Bytes of the files of weights."""
    return sum(one.stat().st_size for one in directory.rglob("*") if one.suffix in _OF_WEIGHTS)
