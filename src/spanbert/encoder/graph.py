"""ONNX graphs, node by node: what an exported model computes, without tracing and without torch.

The same graph is written in float32; in float32 with the inputs of its products as outputs, to see what ranges they
have (`observed`); and with int8 products (`ranges`). A product that has no range stays in float32.

Shapes: I inputs of a product, O outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spanbert.core.errors import InputError
from spanbert.core.types import OutputArray
from spanbert.encoder.rounding import Range, Weights, grid_over, halved, rounded_table, rounded_weight

OPSET = 20  # the first with GELU
MOST_BYTES = (1 << 31) - (1 << 24)  # of weights: a message of protobuf has 2 GiB at most
Kind = Literal["int64", "float32"]
_FLOAT = 1  # ONNX's number of float32


class Graph:
    """Nodes under construction; a value is known by its name.

    Args:
        ranges: By name, the least and greatest input of each product that is int8; the others are float32. None:
            nothing is int8, tables of embeddings neither.
        factors: By name, what the inputs of some products are multiplied by, channel by channel, (I,), and their
            weights divided by; ranges are those of the products.
        observed: Whether the inputs of all products are outputs too.
        halved: Whether weights of products and tables of embeddings are bfloat16, for a runtime that multiplies it.

    Attributes:
        products: The names of the products so far, in order.
        read: Their weights, (O, I), by these names.
    """

    def __init__(
        self,
        *,
        ranges: Mapping[str, Range] | None = None,
        factors: Mapping[str, OutputArray] | None = None,
        observed: bool = False,
        halved: bool = False,
    ) -> None:
        self._ranges, self._factors, self._observed, self._halved = ranges, factors or {}, observed, halved
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._weights: dict[str, npt.NDArray[Any]] = {}
        self.products: list[str] = []
        self.read: dict[str, OutputArray] = {}

    def input(self, name: str, axes: Sequence[str], kind: Kind = "int64") -> str:
        """A value that is given at every run, with the names of its axes."""
        self._inputs.append(_value(name, axes, kind))
        return name

    def output(self, name: str, value: str, axes: Sequence[str | int]) -> None:
        """A float32 value that can be asked for, under a name, with its axes by name or size."""
        self._nodes.append(_node("Identity", [value], [name], {}))
        self._outputs.append(_value(name, axes, "float32"))

    def constant(self, name: str, array: npt.NDArray[Any]) -> str:
        """A value that never changes; one of an earlier name is used again."""
        self._weights.setdefault(name, array)
        return name

    def add(self, operator: str, *inputs: str, count: int = 1, **attributes: Any) -> Any:
        """A node; the name of what it gives, or their names where it gives several.

        Args:
            operator: ONNX's name of it.
            inputs: Names of values.
            count: How many values it gives.
            attributes: As ONNX defines them.
        """
        names = [f"{operator.lower()}_{len(self._nodes)}_{number}" for number in range(count)]
        self._nodes.append(_node(operator, list(inputs), names, attributes))
        return names[0] if count == 1 else names

    def shaped(self, value: str, shape: Sequence[int]) -> str:
        """A value in another shape: 0 keeps an axis, -1 is what remains."""
        name = "shape_" + "_".join(map(str, shape))
        found: str = self.add("Reshape", value, self.constant(name, np.array(shape, dtype=np.int64)))
        return found

    def gather(self, value: str, rows: str) -> str:
        """Some rows of a value."""
        found: str = self.add("Gather", value, rows, axis=0)
        return found

    def embedding(self, name: str, table_VD: OutputArray, ids: str) -> str:
        """Rows of a table of embeddings by their numbers; int8 by row, where products are."""
        if self._ranges is None:
            rows = self.gather(self._weight(name, table_VD), ids)
            return self._in_float32(rows)
        whole, steps = self._by_row(name, table_VD)
        rows = self.add("Cast", self.gather(whole, ids), to=_FLOAT)
        found: str = self.add("Mul", rows, self.gather(steps, ids))
        return found

    def embedding_table(self, name: str, table_VD: OutputArray) -> str:
        """The table that `embedding` reads, whole, in float32."""
        if self._ranges is None:
            return self._in_float32(self._weight(name, table_VD))
        whole, steps = self._by_row(name, table_VD)
        found: str = self.add("Mul", self.add("Cast", whole, to=_FLOAT), steps)
        return found

    def _by_row(self, name: str, table_VD: OutputArray) -> tuple[str, str]:
        """A table in int8, and what a step of each row is worth, (V, 1)."""
        whole_VD, steps_V1 = rounded_table(table_VD)
        return self.constant(name, whole_VD), self.constant(f"{name}.steps", steps_V1)

    def linear(self, value: str, name: str, weights: Weights) -> str:
        """A dense layer: (..., I) to (..., O), by `weights[name.weight]` (O, I) and `weights[name.bias]` (O,).

        Args:
            value: What it reads.
            name: Of the layer among the weights; with the graph's scope the name of the product.
            weights: Of the model.
        """
        product = self._product(value, name, weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        found: str = self.add("Add", product, bias)
        return found

    def norm(self, value: str, name: str, weights: Weights, epsilon: float) -> str:
        """A layer norm over the last axis."""
        parts = [self.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        found: str = self.add("LayerNormalization", value, *parts, axis=-1, epsilon=epsilon)
        return found

    def gelu(self, value: str) -> str:
        """GELU by the error function, as BERT's."""
        found: str = self.add("Gelu", value, approximate="none")
        return found

    def _product(self, value: str, name: str, weight_OI: OutputArray) -> str:
        self.products.append(name)
        self.read[name] = weight_OI
        if self._observed:
            self.output(observed(name), value, ("...",))
        if name in self._factors:
            value = self.add("Mul", value, self.constant(f"{name}.input.factors", self._factors[name]))
            weight_OI = weight_OI / self._factors[name]
        if self._ranges is None or name not in self._ranges:
            weight = self._in_float32(self._weight(f"{name}.weight", np.ascontiguousarray(weight_OI.T)))
            found: str = self.add("MatMul", value, weight)
            return found
        whole_OI, steps_O = rounded_weight(weight_OI)
        stored = [
            self.constant(f"{name}.weight", np.ascontiguousarray(whole_OI.T)),
            self.constant(f"{name}.weight.steps", steps_O),
        ]
        step, zero = grid_over(self._ranges[name])
        grid = [
            self.constant(f"{name}.input.step", np.array(step, dtype=np.float32)),
            self.constant(f"{name}.input.zero", np.array(zero, dtype=np.uint8)),
        ]
        rounded = self.add("DequantizeLinear", self.add("QuantizeLinear", value, *grid), *grid)
        product: str = self.add("MatMul", rounded, self.add("DequantizeLinear", *stored, axis=1))
        return product

    def _weight(self, name: str, array: OutputArray) -> str:
        """A weight, in half the bytes where the graph is halved."""
        return self.constant(name, halved(array) if self._halved else array)

    def _in_float32(self, weight: str) -> str:
        """Some of such a weight, as all else is computed with it."""
        found: str = self.add("Cast", weight, to=_FLOAT) if self._halved else weight
        return found

    def serialized(self) -> bytes:
        """The graph as an ONNX model.

        Raises:
            InputError: It is larger than such a model may be.
        """
        from onnx import helper

        size = sum(array.nbytes for array in self._weights.values())
        if size > MOST_BYTES:
            raise InputError(
                "a graph that is too large for one ONNX file",
                got=f"{size / 1e9:.1f} GB of weights",
                expected=f"at most {MOST_BYTES / 1e9:.1f} GB",
                remedy="Use the bundle itself, by torch, or train a smaller encoder",
            )
        stored = [_tensor(name, array) for name, array in self._weights.items()]
        graph = helper.make_graph(self._nodes, "spanbert", self._inputs, self._outputs, stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        found: bytes = model.SerializeToString()
        return found


def observed(name: str) -> str:
    """The output that holds the input of a product."""
    return f"{name}.input"


def _tensor(name: str, array: npt.NDArray[Any]) -> Any:
    """A constant; 16 bits without a sign are those of a bfloat16."""
    from onnx import TensorProto, helper, numpy_helper

    if array.dtype == np.uint16:
        return helper.make_tensor(name, TensorProto.BFLOAT16, array.shape, array.tobytes(), raw=True)
    return numpy_helper.from_array(array, name)


def _node(operator: str, inputs: list[str], outputs: list[str], attributes: Mapping[str, Any]) -> Any:
    from onnx import helper

    return helper.make_node(operator, inputs, outputs, **attributes)


def _value(name: str, axes: Sequence[str | int], kind: Kind) -> Any:
    from onnx import TensorProto, helper

    kinds = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}
    return helper.make_tensor_value_info(name, kinds[kind], None if axes == ("...",) else list(axes))
