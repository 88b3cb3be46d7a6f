"""`spanbert.export`: a bundle as a directory that answers without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.core.errors import InputError, SpanbertError, nearest
from spanbert.core.files import only_writer, remove_leftovers
from spanbert.core.outputs import check_output_folder
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter
from spanbert.core.texts import require_path
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.exports.card import Export
from spanbert.exports.parity import Original, Parity
from spanbert.exports.plans import FLOAT32, Plan, plans
from spanbert.exports.source import ExportSource, read_source
from spanbert.exports.write import size_of_weights, write_export
from spanbert.pipelines.load import load

DataByTask = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much an export may lose.

    Attributes:
        most: Points that the main score may fall.
        seed: Of the bootstrap.
    """

    most: float
    seed: int


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
    if not max_drop >= 0:
        raise InputError("not a number of points", where="max_drop", got=repr(max_drop), expected="0 or more")
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
        tried = plans(source, dev) if precision == "int8" else iter([FLOAT32])
        plan, parity = _chosen(source, tried, dev, Limits(most=max_drop, seed=seed), reporter)
        done = Export(
            path=target,
            runtime=runtime,
            precision=precision,
            bytes=0,
            bytes_before=size_of_weights(files.path),
            kept_float32=plan.kept,
            parity=parity,
        )
        return write_export(done, source, source.graph(ranges=plan.ranges))


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
    source: ExportSource, tried: Iterator[Plan], dev: Mapping[str, DataFile], limits: Limits, reporter: Reporter | None
) -> tuple[Plan, dict[str, Parity]]:
    """The first plan that loses no more than it may.

    Raises:
        SpanbertError: None does.
    """
    plan = next(tried)
    if not dev:
        return plan, {}
    original = Original(load(source.files.path, device="cpu", precision="float32").predictor, dev, seed=limits.seed)
    while True:
        parity = original.compared(source.predictor(source.graph(ranges=plan.ranges)))
        if all(one.passes(limits.most) for one in parity.values()):
            return plan, parity
        lines = "; ".join(one.line(name) for name, one in parity.items() if not one.passes(limits.most))
        following = next(tried, None)
        if following is None:
            raise SpanbertError(
                f"the export loses more than {limits.most:g} points, or might lose more than {2 * limits.most:g}, also "
                f"with {len(plan.kept)} products in float32: {lines}. Nothing was written; allow more with --max-drop, "
                "or give more dev data"
            )
        if reporter is not None:
            reporter.say(f"too much is lost: {lines}; trying with {len(following.kept)} products in float32")
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
