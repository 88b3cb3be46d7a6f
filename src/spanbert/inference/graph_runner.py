"""Runs the graphs of exported models, by onnxruntime or by OpenVINO; without torch.

Shapes: S windows of n tokens with padding, R rows of S n that heads read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from spanbert.batches.examples import Window
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.threads import threads
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.graph_layers import IDS, MASK, ROWS, TYPES
from spanbert.tasks.exported import Feeds, GraphPart

GraphRuntime = Literal["onnx", "openvino"]
_Session = Callable[[Sequence[str], Mapping[str, IntArray]], list[OutputArray]]
_LIBRARIES: dict[GraphRuntime, str] = {"onnx": "onnxruntime", "openvino": "openvino"}
_NOTHING = np.zeros(0, dtype=np.int64)


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
        self._session = _onnxruntime(graph) if runtime == "onnx" else _openvino(graph, "bf16" if bfloat16 else "f32")
        self._unasked = {name: _NOTHING for part in parts for name in part.inputs}

    def run(
        self, windows: Sequence[Window], rows: IntArray, feeds: Feeds, outputs: Sequence[str]
    ) -> dict[str, OutputArray]:
        """What heads give for windows.

        Args:
            windows: As many as should be computed at once, (S,).
            rows: Which rows are read, of the windows end to end with their padding, (R,).
            feeds: What the inputs of the heads that are asked are given.
            outputs: Of these heads.

        Returns:
            By the names of the outputs.
        """
        longest = max(len(one.ids) for one in windows)
        ids, mask, types = (np.zeros((len(windows), longest), dtype=np.int64) for _ in range(3))
        for number, one in enumerate(windows):
            ids[number, : len(one.ids)] = one.ids
            mask[number, : len(one.ids)] = 1
            if one.token_types is not None:
                types[number, : len(one.ids)] = one.token_types
        given = {IDS: ids, MASK: mask, TYPES: types, ROWS: rows, **self._unasked, **feeds}
        found = self._session(outputs, given)
        if not all(np.isfinite(one.sum()) or np.isfinite(one).all() for one in found):
            raise InputError("what the model computes is infinite or not a number", remedy="Export it again")
        return dict(zip(outputs, found, strict=True))

    def run_all_rows(self, windows: Sequence[Window], feeds: Feeds, outputs: Sequence[str]) -> dict[str, OutputArray]:
        """As `run`, with all rows."""
        rows = np.arange(len(windows) * max(len(one.ids) for one in windows))
        return self.run(windows, rows, feeds, outputs)


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


def _onnxruntime(graph: Path | bytes) -> _Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = graph if isinstance(graph, bytes) else str(graph)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    def run(outputs: Sequence[str], given: Mapping[str, IntArray]) -> list[OutputArray]:
        found: list[OutputArray] = session.run(list(outputs), dict(given))
        return found

    return run


def _openvino(graph: Path | bytes, precision: str) -> _Session:
    import openvino

    core = openvino.Core()
    model = core.read_model(graph if isinstance(graph, bytes) else str(graph))
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(model, "CPU", settings)

    def run(outputs: Sequence[str], given: Mapping[str, IntArray]) -> list[OutputArray]:
        found = compiled.create_infer_request().infer(dict(given))
        return [np.array(found[name]) for name in outputs]

    return run
