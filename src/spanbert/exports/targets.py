"""What an export is made for: what a plan becomes in each runtime, in memory and on the disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from spanbert.checkpoint.bundle import GRAPH, HEADS, HEADS_PREFIX, INT8_ENCODER
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.checkpoint.tensors import write_tensors
from spanbert.encoder.int8 import int8_encoder, int8_values
from spanbert.encoder.int8_layers import require_int8
from spanbert.exports.plans import Plan
from spanbert.exports.source import ExportSource
from spanbert.inference.graph_runner import GraphRuntime, require_runtime
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tasks.pretrain.heads import TASK


class RuntimeTarget(ABC):
    """A runtime that a bundle is exported for.

    Args:
        source: The bundle.

    Attributes:
        runtime: What it is called.
        precisions: Those that it has.
    """

    runtime: ClassVar[ExportRuntime]
    precisions: ClassVar[tuple[ExportPrecision, ...]]

    def __init__(self, source: ExportSource) -> None:
        self.source = source

    @classmethod
    @abstractmethod
    def require(cls) -> None:
        """Refuses a machine that cannot run it.

        Raises:
            InputError: This one.
        """

    @abstractmethod
    def could_be_int8(self, product: str) -> bool:
        """Whether it can compute a product in int8."""

    @abstractmethod
    def predictor(self, plan: Plan) -> Predictor:
        """What answers by a plan."""

    @abstractmethod
    def write(self, plan: Plan, directory: Path) -> None:
        """Writes encoder and heads by a plan."""


class OnnxTarget(RuntimeTarget):
    """Encoder and heads in one graph, run by onnxruntime."""

    runtime: ClassVar[GraphRuntime] = "onnx"
    precisions = ("float32", "int8")

    @classmethod
    @override
    def require(cls) -> None:
        """Works wherever graphs can be written."""

    @override
    def could_be_int8(self, product: str) -> bool:
        return True

    @override
    def predictor(self, plan: Plan) -> Predictor:
        return self.source.predictor(self.source.graph(ranges=plan.ranges), runtime=self.runtime)

    @override
    def write(self, plan: Plan, directory: Path) -> None:
        (directory / GRAPH).write_bytes(self.source.graph(ranges=plan.ranges).serialized())
        outside = {
            f"{HEADS_PREFIX}{name}.{key}": value
            for name, head in self.source.heads.items()
            for key, value in head.weights.items()
            if key.startswith(head.in_numpy)
        }
        if outside:
            write_tensors(directory / HEADS, _tensors(outside))


class OpenVinoTarget(OnnxTarget):
    """The same graph, run by OpenVINO."""

    runtime = "openvino"

    @classmethod
    @override
    def require(cls) -> None:
        require_runtime(cls.runtime)


class TorchTarget(RuntimeTarget):
    """The encoder in int8 by torch's operators, without padding; heads in float32 as they were trained."""

    runtime = "torch"
    precisions = ("int8",)

    @classmethod
    @override
    def require(cls) -> None:
        require_int8("--runtime torch")

    @override
    def could_be_int8(self, product: str) -> bool:
        """The encoder's own."""
        return not product.startswith(HEADS_PREFIX)

    @override
    def predictor(self, plan: Plan) -> Predictor:
        encoder = int8_encoder(self.source.config, self._values(plan), where=str(self.source.files.path))
        return Predictor(TorchBackend(encoder, self.source.modules), self.source.tasks)

    @override
    def write(self, plan: Plan, directory: Path) -> None:
        write_tensors(directory / INT8_ENCODER, self._values(plan))
        heads = {
            f"{HEADS_PREFIX}{name}.{key}": value
            for name, head in self.source.modules.items()
            for key, value in head.stored().items()
        }
        if self.source.fill is not None:
            heads |= {
                f"{HEADS_PREFIX}{TASK}.{key}": value for key, value in _tensors(self.source.fill.own_weights).items()
            }
        write_tensors(directory / HEADS, heads)

    def _values(self, plan: Plan) -> dict[str, Tensor]:
        return _tensors(int8_values(self.source.weights, plan.ranges or {}))


TARGETS: dict[ExportRuntime, type[RuntimeTarget]] = {
    "onnx": OnnxTarget,
    "openvino": OpenVinoTarget,
    "torch": TorchTarget,
}


def _tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(one) for name, one in arrays.items()}
