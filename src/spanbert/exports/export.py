"""`spanbert.export`: a bundle as a directory that only answers, in less time and without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import get_args

from spanbert.checkpoint.bundle import BundleFiles, open_bundle, weight_files
from spanbert.checkpoint.cached import cached_place
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.core.errors import InputError, SpanbertError, nearest
from spanbert.core.files import only_writer, remove_leftovers
from spanbert.core.missing import require_library
from spanbert.core.outputs import check_output_folder
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import require_path
from spanbert.corpus.data import documents_of, name_of
from spanbert.encoder.hardware import described_device, resolved_device
from spanbert.exports.card import Export
from spanbert.exports.dev_data import DevData, divided, opened_by_task, paths_of, whole
from spanbert.exports.footprint import peak_memory
from spanbert.exports.parity import Original, Parity
from spanbert.exports.plans import Plan, unrounded
from spanbert.exports.targets import TARGETS, RuntimeTarget
from spanbert.exports.write import write_export
from spanbert.inference.graph_runner import require_runtime
from spanbert.pipelines.load import load

_ASKED = 32  # documents of each task, by which memory is measured


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
    out: str | os.PathLike[str] | None = None,
    *,
    runtime: ExportRuntime = "onnx",
    precision: ExportPrecision = "float32",
    data: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    max_drop: float = 0.5,
    seed: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Export:
    """Writes a bundle as a directory that `load`, `predict` and `evaluate` take.

    Tokenizer, labels and settings come along.

    Args:
        bundle: A bundle, a Hugging Face directory or a hub id.
        out: The directory to make; None: a place in the user's cache, where `load(bundle, precision="int8")` finds it.
        runtime: What runs it: `onnx`, onnxruntime, or `openvino`, both without torch; or `torch`, whose int8 products
            need no padding; or `ctranslate2`, which runs models that translate, without torch.
        precision: Of its products: `float32`, which answers as the bundle does, `bfloat16`, half of the bytes, for
            `torch` and `openvino` on processors that multiply it, or `int8`, a quarter of the bytes.
        data: Labelled dev data on which the export is compared with the bundle, for a bundle with several tasks by
            their names; `int8` needs it, and is set by the values that a part of it, which is not scored, reaches.
            None: that which the bundle brings, if it brings any, for `int8`.
        max_drop: How many points (of 100) the main score of a task may fall at most, and the bootstrap interval of the
            fall reach twice as far.
        seed: Of the bootstrap.
        overwrite: Whether a directory that exists may be replaced.
        reporter: Receives progress.

    Raises:
        InputError: Something that cannot be exported, data that cannot be read, or a place that cannot be written to.
        SpanbertError: The export loses more than it may; nothing is written.

    Tasks without data, and filling blanks, are named in the card: what they lose is not known.
    """
    require_path(bundle, "bundle")
    if out is not None:
        require_path(out, "out")
    _require_one_of("runtime", runtime, get_args(ExportRuntime))
    _require_one_of("precision", precision, get_args(ExportPrecision))
    if not max_drop >= 0:
        raise InputError("not a number of points", where="max_drop", got=repr(max_drop), expected="0 or more")
    made = TARGETS[runtime]
    if precision not in made.precisions:
        raise InputError(
            f"{runtime} has no {precision}",
            where="precision",
            expected=", ".join(made.precisions),
            remedy="The bundle itself answers in float32 by torch" if runtime == "torch" else None,
        )
    made.require(precision)
    if made.is_calibrated and (runtime, precision) != ("torch", "bfloat16"):
        require_library("onnx")
    if made.is_calibrated and precision == "int8":
        require_runtime("onnx")  # what sees the values that texts reach
    files = open_bundle(os.fspath(bundle))
    place = cached_place(files, runtime, precision) if out is None else Path(out)
    if out is None:
        place.parent.mkdir(parents=True, exist_ok=True)
    if data is None and precision == "int8":
        data = files.dev_data or None
    with only_writer(place):
        check_output_folder(place, inputs=[files.path, *paths_of(data)], overwrite=overwrite)
        remove_leftovers(place)
        target = made(made.read(files))
        opened = opened_by_task(target.source.tasks, data, where=str(files.path))
        if precision == "int8" and not opened:
            raise InputError(
                "int8 is set by the values that real text reaches, and compared with the bundle"
                if made.is_calibrated
                else "int8 is compared with the bundle",
                where="--data",
                got="none",
                expected="labelled dev data of a task" if target.source.tasks else "a bundle with a fine-tuned task",
            )
        divide = divided if precision == "int8" and made.is_calibrated else whole
        dev = {name: divide(file) for name, file in opened.items()}
        plan, parity = _chosen(target, _plans(target, precision, dev), dev, Limits(most=max_drop, seed=seed), reporter)
        done = Export(
            path=place,
            runtime=runtime,
            precision=precision,
            bytes=0,
            bytes_before=_bytes_of(files),
            kept_float32=() if plan.ranges is None else plan.kept,
            calibrated_on={name: one.line for name, one in dev.items() if one.ranges is not None},
            parity=parity,
            unscored=() if precision == "float32" else target.source.without(dev),
            timed_on=described_device(resolved_device("cpu")) if parity else "",
        )
        written = write_export(done, target, plan)
        memory = _memory(files.path, place, dev, reporter or SilentReporter())
        return written if memory is None else write_export(replace(written, memory=memory), target, plan)


def _plans(target: RuntimeTarget, precision: ExportPrecision, dev: Mapping[str, DevData]) -> Iterator[Plan]:
    if precision != "int8":
        return iter([unrounded(precision)])
    return target.int8_plans({name: one.ranges for name, one in dev.items() if one.ranges is not None})


def _chosen(
    target: RuntimeTarget, tried: Iterator[Plan], dev: Mapping[str, DevData], limits: Limits, reporter: Reporter | None
) -> tuple[Plan, dict[str, Parity]]:
    """The first plan that loses no more than it may.

    Raises:
        SpanbertError: None does.
    """
    plan = next(tried)
    if not dev:
        return plan, {}
    say = SilentReporter().say if reporter is None else reporter.say
    scored = {name: one.scored for name, one in dev.items()}
    say(f"scoring the bundle on {', '.join(name_of(one) for one in scored.values())}")
    bundle = load(target.source.files.path, device="cpu", precision="float32")
    original = Original(bundle.predictor, scored, seed=limits.seed)
    while True:
        say("scoring the export")
        predictor = target.predictor(plan)
        parity = original.compared(predictor)
        if all(one.passes(limits.most) for one in parity.values()):
            return plan, original.timed(predictor, parity)
        lines = "; ".join(one.line(name) for name, one in parity.items() if not one.passes(limits.most))
        following = next(tried, None)
        if following is None:
            also = "" if plan.ranges is None else f", also with {len(plan.kept)} products in float32"
            raise SpanbertError(
                f"the export loses more than {limits.most:g} points, or might lose more than {2 * limits.most:g}"
                f"{also}: {lines}. Nothing was written; allow more with --max-drop, or give more dev data"
            )
        more = len(following.kept) > len(plan.kept)
        how = f"{len(following.kept)} products in float32" if more else "factors before more products, which is slower"
        say(f"too much is lost: {lines}; trying with {how}")
        plan = following


def _memory(bundle: Path, exported: Path, dev: Mapping[str, DevData], reporter: Reporter) -> dict[str, int] | None:
    """What a process takes that answers for some documents, by the bundle and by the export; None: not measured."""
    asked = {name: list(islice(documents_of(one.scored), _ASKED)) for name, one in dev.items()}
    if not asked:
        return None
    try:
        before, after = (peak_memory(path, asked) for path in (bundle, exported))
    except SpanbertError as error:  # of a machine without the room for another process, say: the export is whole
        reporter.say(f"memory was not measured: {error}")
        return None
    return None if before is None or after is None else {"before": before, "after": after}


def _bytes_of(files: BundleFiles) -> int:
    """Size of a bundle's weights."""
    weights = [*weight_files(files.weights), *([files.heads] if files.heads is not None else [])]
    return sum(one.stat().st_size for one in weights)


def _require_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        remedy = nearest(value, choices) if isinstance(value, str) else None
        raise InputError(f"no such {name}", where=name, got=repr(value), expected=", ".join(choices), remedy=remedy)
