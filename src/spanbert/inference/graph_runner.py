"""Runs the graphs of exported models, by onnxruntime or by OpenVINO; without torch.

Shapes: S windows of n tokens with padding, R rows of S n that heads read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Window
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.threads import threads
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.graph_layers import IDS, MASK, ROWS, TYPES
from spanbert.tasks.exported import Feeds, GraphPart

GraphRuntime = Literal["onnx", "openvino"]
_Given = Mapping[str, IntArray]
_LIBRARIES: dict[GraphRuntime, str] = {"onnx": "onnxruntime", "openvino": "openvino"}
_NOTHING = np.zeros(0, dtype=np.int64)


class _Session(Protocol):
    """A graph in a runtime. Threads may share it."""

    def alone(self, outputs: Sequence[str], given: _Given) -> list[OutputArray]:
        """The outputs for some inputs, computed by all threads."""

    def beside(self, asked: Sequence[tuple[Sequence[str], _Given]]) -> list[list[OutputArray]]:
        """The same for several, a thread each."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Run:
    """What a graph is asked once.

    Attributes:
        windows: As many as should be computed at once, (S,).
        rows: Which rows are read, of the windows end to end with their padding, (R,).
        feeds: What the inputs of the heads that are asked are given.
        outputs: Of these heads.
    """

    windows: Sequence[Window]
    rows: IntArray
    feeds: Feeds
    outputs: Sequence[str]


class GraphRunner:
    """An exported graph, ready to run. Threads may share it.

    Args:
        graph: The file, or what it holds.
        parts: All heads of the graph.
        runtime: What runs it.
        bfloat16: Whether it multiplies in bfloat16.

    Raises:
        SpanbertError: The runtime is not installed, or does not multiply bfloat16 here.
    """

    def __init__(
        self,
        graph: Path | bytes,
        parts: Sequence[GraphPart],
        *,
        runtime: GraphRuntime = "onnx",
        bfloat16: bool = False,
    ) -> None:
        require_runtime(runtime)
        if bfloat16:
            require_openvino_bfloat16("this model")
        self._session: _Session = (
            _OnnxRuntime(graph) if runtime == "onnx" else _OpenVino(graph, "bf16" if bfloat16 else "f32")
        )
        self._unasked = {name: _NOTHING for part in parts for name in part.inputs}

    def run(self, asked: Run) -> dict[str, OutputArray]:
        """What heads give for windows, by the names of the outputs; all cores work on them."""
        return _checked(asked, self._session.alone(asked.outputs, self._given(asked)))

    def run_each(self, asked: Sequence[Run]) -> list[dict[str, OutputArray]]:
        """The same of several, which run beside one another, a core each: these are quicker so."""
        if len(asked) < 2 or threads() < 2:
            return [self.run(one) for one in asked]
        found = self._session.beside([(one.outputs, self._given(one)) for one in asked])
        return [_checked(one, own) for one, own in zip(asked, found, strict=True)]

    def _given(self, asked: Run) -> dict[str, IntArray]:
        """The inputs of the graph: windows with padding."""
        windows = asked.windows
        longest = max(len(one.ids) for one in windows)
        ids, mask, types = (np.zeros((len(windows), longest), dtype=np.int64) for _ in range(3))
        for number, one in enumerate(windows):
            ids[number, : len(one.ids)] = one.ids
            mask[number, : len(one.ids)] = 1
            if one.token_types is not None:
                types[number, : len(one.ids)] = one.token_types
        return {IDS: ids, MASK: mask, TYPES: types, ROWS: asked.rows, **self._unasked, **asked.feeds}

    def run_all_rows(self, windows: Sequence[Window], feeds: Feeds, outputs: Sequence[str]) -> dict[str, OutputArray]:
        """As `run`, with all rows."""
        rows = np.arange(len(windows) * max(len(one.ids) for one in windows))
        return self.run(Run(windows=windows, rows=rows, feeds=feeds, outputs=outputs))


class OneByOneRunner(GraphRunner):
    """Runs one after the other: for those that watch what is run."""

    @override
    def run_each(self, asked: Sequence[Run]) -> list[dict[str, OutputArray]]:
        return [self.run(one) for one in asked]


def _checked(asked: Run, found: Sequence[OutputArray]) -> dict[str, OutputArray]:
    """What was found, by name.

    Raises:
        InputError: Not numbers.
    """
    if not all(np.isfinite(one.sum()) or np.isfinite(one).all() for one in found):
        raise InputError("what the model computes is infinite or not a number", remedy="Export it again")
    return dict(zip(asked.outputs, found, strict=True))


def require_runtime(runtime: GraphRuntime) -> None:
    """Refuses a runtime that is not installed.

    Raises:
        SpanbertError: It is not.
    """
    library = _LIBRARIES[runtime]
    if find_spec(library) is None:
        raise SpanbertError(f"this model is run by {library}, which is not installed: pip install {library}")


def require_openvino_bfloat16(where: str) -> None:
    """Refuses bfloat16 where OpenVINO does not multiply it.

    Raises:
        InputError: It does not on this processor.
    """
    import openvino

    able: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if "BF16" not in able:
        raise InputError(
            "OpenVINO multiplies no bfloat16 on this processor",
            where=where,
            got=", ".join(able),
            expected="BF16 among them",
            remedy="Export with --precision int8 or float32",
        )


class _OnnxRuntime:
    """onnxruntime: all threads in one session, and one for runs beside one another, which has none of its own."""

    def __init__(self, graph: Path | bytes) -> None:
        self._graph = graph if isinstance(graph, bytes) else str(graph)
        self._alone, self._lock = self._opened(threads()), Lock()

    def _opened(self, count: int) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = count
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _single(self) -> Any:
        return self._opened(1)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(threads(), thread_name_prefix="onnxruntime")

    def alone(self, outputs: Sequence[str], given: _Given) -> list[OutputArray]:
        found: list[OutputArray] = self._alone.run(list(outputs), dict(given))
        return found

    def beside(self, asked: Sequence[tuple[Sequence[str], _Given]]) -> list[list[OutputArray]]:
        with self._lock:  # made once
            session, workers = self._single, self._workers
        return list(workers.map(lambda one: session.run(list(one[0]), dict(one[1])), asked))


class _OpenVino:
    """OpenVINO: all threads for one run, and a stream a core for runs beside one another."""

    def __init__(self, graph: Path | bytes, precision: str) -> None:
        import openvino

        self._core = openvino.Core()
        self._model = self._core.read_model(graph if isinstance(graph, bytes) else str(graph))
        self._settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads()}
        self._alone = self._compiled(PERFORMANCE_HINT="LATENCY")
        self._lock = Lock()

    def _compiled(self, **settings: object) -> Any:
        return self._core.compile_model(self._model, "CPU", {**self._settings, **settings})

    @cached_property
    def _queue(self) -> Any:
        import openvino

        return openvino.AsyncInferQueue(self._compiled(NUM_STREAMS=threads()), threads() + 1)

    def alone(self, outputs: Sequence[str], given: _Given) -> list[OutputArray]:
        found = self._alone.create_infer_request().infer(dict(given))
        return [np.array(found[name]) for name in outputs]

    def beside(self, asked: Sequence[tuple[Sequence[str], _Given]]) -> list[list[OutputArray]]:
        found: list[list[OutputArray]] = [[] for _ in asked]

        def take(request: Any, number: int) -> None:
            found[number] = [np.array(request.get_tensor(name).data) for name in asked[number][0]]

        with self._lock:  # one call at a time fills the queue, and it keeps all cores busy
            self._queue.set_callback(take)
            for number, (_, given) in enumerate(asked):
                self._queue.start_async(dict(given), number)
            self._queue.wait_all()
        return found
