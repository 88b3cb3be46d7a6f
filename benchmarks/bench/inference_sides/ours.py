"""Our side of `bench inference`: exports, scores, and answers by `spanbert.load` in every precision and runtime.

What is timed is to run in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from benchmarks.bench.common import seconds_of, spread_of
from benchmarks.bench.inference_sides.sets import Files, Kind, questions_of, texts_of
from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.reporter import Reporter
from spanbert.core.types import Document
from spanbert.encoder.halved import can_halve
from spanbert.encoder.int8_layers import can_compute_int8
from spanbert.exports.export import export
from spanbert.exports.parity import Original
from spanbert.exports.write import size_of_weights
from spanbert.inference.graph_runner import require_openvino_bfloat16
from spanbert.pipelines.load import Pipeline, load
from spanbert.pipelines.loaded import Precision

GATE = 0.5  # points that an export may lose
_ANYTHING = 100.0
_WARM_UP, _COLD = 20, 3
_COLD_START = """
import json, sys, time
sys.modules["torch"] = None
begun = time.perf_counter()
import spanbert
imported = time.perf_counter()
nlp = spanbert.load(sys.argv[1])
_ = nlp.predictor
loaded = time.perf_counter()
list(nlp.predict([spanbert.Document(id="first", text="Ann left Oslo.")], task=sys.argv[2] or None))
answered = time.perf_counter()
from spanbert.core.memory import resident_memory
memory = resident_memory()
print(json.dumps({
    "import_seconds": imported - begun, "load_seconds": loaded - imported, "first_answer_seconds": answered - loaded,
    "peak_megabytes": None if memory is None else memory[1] / 1e6,
}))
"""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A model that answers.

    Attributes:
        runtime: What computes.
        precision: Of its products.
        path: A bundle or an exported model.
        task: Which of its tasks; None: all.
    """

    runtime: str
    precision: ExportPrecision
    path: Path
    task: str | None

    @property
    def name(self) -> str:
        """As results call it."""
        return f"{self.precision}_{self.runtime}"

    @property
    def is_exported(self) -> bool:
        """Whether it is not the bundle itself."""
        return (self.runtime, self.precision) not in (("torch", "float32"), ("torch", "bfloat16"))


def whole_side(model: Path) -> Side:
    """All tasks of a bundle or an exported model."""
    facts = open_bundle(model, exported=True).manifest.get("export") or {"runtime": "torch", "precision": "float32"}
    return Side(runtime=facts["runtime"], precision=facts["precision"], path=model, task=None)


def tasks_of(model: Path) -> list[str]:
    """Its tasks, with their kinds."""
    return [f"{name} ({task.kind})" for name, task in load(model).tasks.items()]


def drops_of(model: Path) -> dict[str, dict[str, Any]]:
    """What each task of an exported model lost on dev data, as it was exported: points and their interval."""
    parity = (open_bundle(model, exported=True).manifest.get("export") or {}).get("parity", {})
    return {name: {"drop": one["drop"], "interval": one["interval"]} for name, one in parity.items()}


def left_out() -> dict[str, str]:
    """The sides that this machine has not, and why."""
    found = {}
    if not can_halve():
        found["bfloat16_torch"] = "this processor does not multiply bfloat16"
    if not can_compute_int8():
        found["int8_torch"] = "torch has no int8 products on this processor"
    if find_spec("openvino") is None:
        found |= dict.fromkeys((f"{one}_openvino" for one in get_args(ExportPrecision)), "openvino is not installed")
    elif (why := _why_no_openvino_bfloat16()) is not None:
        found["bfloat16_openvino"] = why
    return found


def _why_no_openvino_bfloat16() -> str | None:
    try:
        require_openvino_bfloat16("bench inference")
    except InputError as error:
        return error.what
    return None


def task_of(bundle: Path, kind: Kind) -> str:
    """The task of a bundle that is measured: its first of the kind.

    Raises:
        InputError: It has none.
    """
    tasks = load(bundle).tasks
    found = next((name for name, task in tasks.items() if task.kind == kind), None)
    if found is None:
        raise InputError(
            f"no task of the kind {kind}",
            where=str(bundle),
            got=", ".join(tasks) or "none",
            expected="--bundle SET=PATH",
        )
    return found


def sides_of(bundle: Path, task: str, files: Files, folder: Path, reporter: Reporter) -> list[Side]:
    """All of them that this machine has; exports that are missing are made.

    Args:
        bundle: What is measured.
        task: Which of its tasks.
        files: Its data.
        folder: Where exports lie, or are to lie.
        reporter: Receives progress.
    """
    missing = left_out()
    wanted: list[tuple[ExportRuntime, ExportPrecision]] = [
        ("torch", "float32"), ("torch", "bfloat16"), ("onnx", "float32"), ("openvino", "float32"),
        ("openvino", "bfloat16"), ("torch", "int8"), ("onnx", "int8"), ("openvino", "int8"),
    ]  # fmt: skip
    found = []
    for runtime, precision in wanted:
        side = Side(runtime=runtime, precision=precision, path=bundle, task=task)
        if side.name in missing:
            continue
        if side.is_exported:
            side = replace(side, path=folder / side.name)
            if not (side.path / "spanbert.json").is_file():
                reporter.say(f"exporting to {side.path}")
                _export(side, bundle, runtime, files.export, reporter)
        found.append(side)
    return found


def _export(side: Side, bundle: Path, runtime: ExportRuntime, data: Path, reporter: Reporter) -> None:
    """Makes an export that loses no more than the gate allows; else one whose loss is reported."""
    by_task = {side.task: data} if side.precision != "float32" and side.task is not None else None

    def make(most: float) -> None:
        export(
            bundle, side.path, runtime=runtime, precision=side.precision, data=by_task, max_drop=most, reporter=reporter
        )  # fmt: skip

    try:
        make(GATE)
    except SpanbertError as error:
        if isinstance(error, InputError):
            raise
        reporter.say(f"{side.name}: {error}; its loss is reported")
        make(_ANYTHING)


def measured_scores(bundle: Path, task: str, sides: Sequence[Side], files: Files) -> dict[str, Any]:
    """Of each export: size, score beside the bundle's, and the paired interval of the drop, in points.

    Args:
        bundle: What was exported.
        task: Which of its tasks.
        sides: All of them.
        files: The data; no text of it that an export was made by is scored.
    """
    original = load(bundle, precision="float32")
    scored = list(original.tasks[task].opened(files.scored).documents())
    compared = Original(original.predictor, {task: scored}, seed=0)
    found: dict[str, Any] = {"float32_torch": {"megabytes": megabytes(bundle)}}
    for side in sides:
        if side.path == bundle and side.precision == "float32":
            continue
        parity = compared.compared(load(side.path, precision=_precision(side)).predictor)[task]
        facts = open_bundle(side.path, exported=True).manifest.get("export") or {}
        gate = facts.get("parity", {}).get(task)
        found[side.name] = {
            "megabytes": megabytes(side.path),
            "metric": parity.main,
            "before": parity.before,
            "after": parity.after,
            "drop": parity.drop,
            "drop_interval": list(parity.interval),
            "units": parity.units,
            "agreement": parity.agreement,
            "kept_float32": len(facts.get("kept_float32", ())),
            "passes_gate": None if gate is None else gate["drop"] <= GATE and gate["interval"][1] <= 2 * GATE,
        }
    return found


def megabytes(model: Path) -> float:
    """Of its weights or its graph."""
    return round(size_of_weights(open_bundle(model, exported=True).path) / 1e6, 2)


def answer(side: Side, kind: Kind, file: Path) -> float:
    """Seconds from raw texts to typed results.

    Args:
        side: Read once a process.
        kind: The kind of task.
        file: Texts or questions.
    """
    nlp, documents = _loaded(side), asked(kind, file)
    return seconds_of(lambda: list(nlp.predict(documents, task=side.task)))


def asked(kind: Kind, file: Path) -> list[Document]:
    """What a file asks: raw texts, or questions, one a document."""
    if kind == "qa":
        return questions_of(file)
    return [Document(id=str(number), text=text) for number, text in enumerate(texts_of(kind, file))]


def latencies(side: Side, texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds of one text after the other, p50 and p99, after a warm-up."""
    nlp, times = _loaded(side), []
    for text in (*texts[:_WARM_UP], *texts):
        document = Document(id="one", text=text)
        begun = time.perf_counter()
        list(nlp.predict([document], task=side.task))
        times.append(1e3 * (time.perf_counter() - begun))
    ranked = sorted(times[min(len(texts), _WARM_UP) :])
    return {"p50_ms": ranked[len(ranked) // 2], "p99_ms": ranked[int(0.99 * len(ranked))]}


def cold_start(side: Side) -> dict[str, Any]:
    """Seconds of import, load and first answer of a process that has no torch, and its memory."""
    found: list[Mapping[str, Any]] = []
    for _ in range(_COLD):
        done = subprocess.run(
            [sys.executable, "-c", _COLD_START, str(side.path), side.task or ""],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise SpanbertError(f"{side.path} does not answer without torch: {said[-1]}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: spread_of([one[key] for one in found]) for key in found[0] if found[0][key] is not None}


def _precision(side: Side) -> Precision:
    return "auto" if side.is_exported else "bfloat16" if side.precision == "bfloat16" else "float32"


@cache
def _loaded(side: Side) -> Pipeline:
    return load(side.path, precision=_precision(side))
