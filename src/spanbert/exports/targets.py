"""What an export is made for: what a plan becomes in each runtime, in memory and on the disk."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from spanbert.checkpoint.bundle import GRAPH, HEADS, HEADS_PREFIX, INT8_ENCODER, TRANSLATOR, BundleFiles
from spanbert.checkpoint.manifest import ExportPrecision, ExportRuntime
from spanbert.checkpoint.tensors import write_tensors
from spanbert.core.types import Record
from spanbert.corpus.data import Source
from spanbert.encoder.graph import Graph
from spanbert.encoder.halved import halved_encoder, halved_values, require_bfloat16
from spanbert.encoder.int8 import int8_encoder, int8_values
from spanbert.encoder.int8_layers import require_int8
from spanbert.exports.plans import Plan, plans
from spanbert.exports.source import ExportSource, read_source
from spanbert.exports.translator import write_translator
from spanbert.inference.graph_runner import GraphRuntime, require_openvino_bfloat16, require_runtime
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.inference.translator import TranslatorBackend, require_ctranslate2
from spanbert.tasks.head import GeneratingHead
from spanbert.tasks.pretrain.heads import TASK


class RuntimeTarget(ABC):
    """A runtime that a bundle is exported for.

    Args:
        source: The bundle.

    Attributes:
        runtime: What it is called.
        precisions: Those that it has.
        is_calibrated: Its int8 is set by the values that texts reach.
    """

    runtime: ClassVar[ExportRuntime]
    precisions: ClassVar[tuple[ExportPrecision, ...]]
    is_calibrated: ClassVar[bool] = True

    def __init__(self, source: ExportSource) -> None:
        self.source = source

    @classmethod
    @abstractmethod
    def require(cls, precision: ExportPrecision) -> None:
        """Refuses a machine that cannot run it in a precision.

        Raises:
            InputError: This one.
        """

    @classmethod
    def read(cls, files: BundleFiles) -> ExportSource:
        """Reads a bundle that is to be exported for it.

        Raises:
            InputError: It cannot be.
        """
        return read_source(files)

    @abstractmethod
    def could_be_int8(self, product: str) -> bool:
        """Whether it can compute a product in int8."""

    def factors_cost(self, product: str) -> bool:
        """Whether it is slower where what a product reads is multiplied by factors before it is rounded."""
        return False

    def int8_plans(self, data: Mapping[str, Source]) -> Iterator[Plan]:
        """Plans for int8 in the order in which they are tried, by texts of each task that set ranges."""
        return plans(self.source, data, self.could_be_int8, self.factors_cost)

    def facts(self) -> Record:
        """What the manifest says of the export in addition."""
        return {}

    @abstractmethod
    def predictor(self, plan: Plan) -> Predictor:
        """What answers by a plan."""

    @abstractmethod
    def write(self, plan: Plan, directory: Path) -> None:
        """Writes encoder and heads by a plan."""


class OnnxTarget(RuntimeTarget):
    """Encoder and heads in one graph, run by onnxruntime."""

    runtime: ClassVar[GraphRuntime] = "onnx"
    precisions: ClassVar[tuple[ExportPrecision, ...]] = ("float32", "int8")

    @classmethod
    @override
    def require(cls, precision: ExportPrecision) -> None:
        """Works wherever graphs can be written."""

    @override
    def could_be_int8(self, product: str) -> bool:
        return True

    @override
    def predictor(self, plan: Plan) -> Predictor:
        is_halved = plan.precision == "bfloat16"
        return self.source.predictor(self._graph(plan), runtime=self.runtime, bfloat16=is_halved)

    @override
    def write(self, plan: Plan, directory: Path) -> None:
        (directory / GRAPH).write_bytes(self._graph(plan).serialized())
        outside = {
            f"{HEADS_PREFIX}{name}.{key}": value
            for name, head in self.source.heads.items()
            for key, value in head.weights.items()
            if key.startswith(head.in_numpy)
        }
        if outside:
            write_tensors(directory / HEADS, _tensors(outside))

    def _graph(self, plan: Plan) -> Graph:
        return self.source.graph(ranges=plan.ranges, factors=plan.factors, halved=plan.precision == "bfloat16")


class OpenVinoTarget(OnnxTarget):
    """The same graph, run by OpenVINO."""

    runtime = "openvino"
    precisions = ("float32", "bfloat16", "int8")

    @classmethod
    @override
    def require(cls, precision: ExportPrecision) -> None:
        require_runtime(cls.runtime)
        if precision == "bfloat16":
            require_openvino_bfloat16("--precision")


class TranslatorTarget(RuntimeTarget):
    """A model that writes, run by CTranslate2; its int8 rounds what products read as they are computed."""

    runtime = "ctranslate2"
    precisions = ("float32", "int8")
    is_calibrated = False

    @classmethod
    @override
    def require(cls, precision: ExportPrecision) -> None:
        require_ctranslate2()

    @classmethod
    @override
    def read(cls, files: BundleFiles) -> ExportSource:
        return read_source(files, writes=True)

    @override
    def could_be_int8(self, product: str) -> bool:
        return True

    @override
    def int8_plans(self, data: Mapping[str, Source]) -> Iterator[Plan]:
        return iter([Plan(ranges={})])

    @override
    def facts(self) -> Record:
        return {"written": {"longest": self._longest, "forbidden": self._forbidden}}

    @override
    def predictor(self, plan: Plan) -> Predictor:
        with tempfile.TemporaryDirectory() as folder:  # which is read at once
            self.write(plan, Path(folder))
            backend = TranslatorBackend(
                Path(folder) / TRANSLATOR, self._forbidden, longest=self._longest, precision=plan.precision
            )
        return Predictor(backend, self.source.tasks)

    @override
    def write(self, plan: Plan, directory: Path) -> None:
        source = self.source
        write_translator(
            directory / TRANSLATOR,
            source.config,
            source.weights,
            self._head,
            longest=self._longest,
            precision=plan.precision,
        )

    @property
    def _head(self) -> GeneratingHead[Any]:
        [head] = self.source.modules.values()
        assert isinstance(head, GeneratingHead)
        return head

    @property
    def _forbidden(self) -> list[int]:
        return [int(one) for one in np.flatnonzero(~self._head.may_write_V)]

    @property
    def _longest(self) -> int:
        [task] = self.source.tasks.values()
        options = task.generation
        assert options is not None
        return int(options["ratio"] * task.window[0] + options["more"])


class TorchTarget(RuntimeTarget):
    """The encoder in int8 or bfloat16 by torch's operators, without padding; heads in float32 as they were trained."""

    runtime = "torch"
    precisions = ("bfloat16", "int8")

    @classmethod
    @override
    def require(cls, precision: ExportPrecision) -> None:
        if precision == "bfloat16":
            require_bfloat16("--precision")
        else:
            require_int8("--runtime torch")

    @override
    def could_be_int8(self, product: str) -> bool:
        """The encoder's own."""
        return not product.startswith(HEADS_PREFIX)

    @override
    def factors_cost(self, product: str) -> bool:
        """Those of the second product of a feed-forward: without them the first one rounds what it gives."""
        return product.endswith("feed_forward.output")

    @override
    def predictor(self, plan: Plan) -> Predictor:
        made = halved_encoder if plan.precision == "bfloat16" else int8_encoder
        encoder = made(self.source.config, self._values(plan), where=str(self.source.files.path))
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
        if plan.precision == "bfloat16":
            return halved_values(_tensors(self.source.weights))
        return _tensors(int8_values(self.source.weights, plan.ranges or {}, plan.factors))


TARGETS: dict[ExportRuntime, type[RuntimeTarget]] = {
    "onnx": OnnxTarget,
    "openvino": OpenVinoTarget,
    "torch": TorchTarget,
    "ctranslate2": TranslatorTarget,
}


def _tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(one) for name, one in arrays.items()}
