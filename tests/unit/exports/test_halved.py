"""Exports in bfloat16, int8 by OpenVINO, and graphs that are too large for a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import spanbert
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.encoder.graph import Graph
from spanbert.encoder.model import Encoder
from spanbert.encoder.rounding import halved
from spanbert.exports.export import export
from spanbert.exports.source import read_source
from tests.labelled import conll_file

onnxruntime = pytest.importorskip("onnxruntime")

JOINT = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"
TEXTS = ["the old fox sees a dog .", "a king sleeps near the river", "fox", "the red bird runs over a queen " * 5]
DOCUMENTS = [Document(id=str(number), text=text) for number, text in enumerate(TEXTS)]


def scores(path: Path) -> np.ndarray:
    """The probability of every word's tag."""
    found = spanbert.load(path).predict(DOCUMENTS, task="ner")
    return np.array([word.score for one in found for word in one.taggings["ner"].words])


def test_numbers_are_rounded_as_torch_rounds_them():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32) * np.float32(10) ** np.arange(-3, 7).repeat(
        100
    )
    values = np.concatenate([values, np.array([0.0, -0.0, 1.00390625, 1.01171875], dtype=np.float32)]).astype(
        np.float32
    )
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    np.testing.assert_array_equal(halved(values), expected)


def test_a_halved_graph_computes_nearly_the_same():
    draw = np.random.default_rng(0)
    inputs, weight, table = (draw.normal(size=shape).astype(np.float32) for shape in ((8, 16), (12, 16), (5, 4)))
    found = []
    for is_halved in (False, True):
        graph = Graph(halved=is_halved)
        value = graph.input("x", ("rows", "inputs"), "float32")
        weights = {"dense.weight": weight, "dense.bias": np.ones(12, dtype=np.float32)}
        graph.output("y", graph.linear(value, "dense", weights), ("rows", 12))
        graph.output("z", graph.embedding("table", table, graph.input("ids", ("rows",))), ("rows", 4))
        stored = graph.serialized()
        session = onnxruntime.InferenceSession(stored, providers=["CPUExecutionProvider"])
        found.append([len(stored), *session.run(["y", "z"], {"x": inputs, "ids": np.arange(5)})])
    (whole, y, z), (half, y_half, z_half) = found
    assert half < 0.75 * whole
    for one, two in ((y, y_half), (z, z_half)):
        assert not np.array_equal(one, two)
        np.testing.assert_allclose(two, one, atol=0.05, rtol=0.02)


def test_openvino_in_bfloat16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the processor does not multiply it, OpenVINO computes in float32 with weights of bfloat16."""
    pytest.importorskip("openvino")
    whole = export(JOINT, tmp_path / "whole", runtime="openvino")
    for module in ("spanbert.exports.targets", "spanbert.inference.graph_runner"):
        monkeypatch.setattr(f"{module}.require_openvino_bfloat16", lambda where: None)
    done = export(JOINT, tmp_path / "half", runtime="openvino", precision="bfloat16")
    assert done.bytes < 0.7 * whole.bytes
    np.testing.assert_allclose(scores(done.path), scores(whole.path), atol=0.05)
    assert not np.array_equal(scores(done.path), scores(whole.path))
    assert spanbert.load(done.path, precision="bfloat16").files.manifest["export"]["precision"] == "bfloat16"
    with pytest.raises(InputError, match="the precision that it was exported in"):
        spanbert.load(done.path, precision="float32")


def test_torch_in_bfloat16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the processor does not multiply it, the test computes in float32 with weights of bfloat16."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        monkeypatch.setattr("spanbert.encoder.halved.require_bfloat16", lambda where: None)
        monkeypatch.setattr("spanbert.exports.targets.require_bfloat16", lambda where: None)
        monkeypatch.setattr(Encoder, "pack_weights", lambda self, dtype=torch.float32: None)
    data = conll_file(tmp_path / "dev.conll", 20, seed=3)
    done = export(JOINT, tmp_path / "half", runtime="torch", precision="bfloat16", data={"ner": data}, max_drop=50)
    assert done.bytes < 0.8 * done.bytes_before, "positions, norms and heads stay whole"
    assert done.parity["ner"].data == "dev.conll"
    assert done.calibrated_on == {}
    np.testing.assert_allclose(scores(done.path), scores(JOINT), atol=0.05)
    assert not np.array_equal(scores(done.path), scores(JOINT))


def test_who_has_no_bfloat16_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanbert.encoder.halved.has_bfloat16", lambda device: False)
    with pytest.raises(InputError, match="onnx has no bfloat16"):
        export(JOINT, tmp_path / "out", runtime="onnx", precision="bfloat16")
    with pytest.raises(InputError, match=r"this processor does not multiply bfloat16.*--precision int8"):
        export(JOINT, tmp_path / "out", runtime="torch", precision="bfloat16")
    openvino = pytest.importorskip("openvino")
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "INT8"])
    with pytest.raises(InputError, match=r"OpenVINO multiplies no bfloat16 on this processor.*FP32, INT8"):
        export(JOINT, tmp_path / "out", runtime="openvino", precision="bfloat16")
    assert not (tmp_path / "out").exists()


def test_openvino_rounds_as_onnxruntime(tmp_path: Path):
    pytest.importorskip("openvino")
    data = {"ner": conll_file(tmp_path / "dev.conll", 60, seed=3)}
    one, two = (
        export(JOINT, tmp_path / runtime, runtime=runtime, precision="int8", data=data, max_drop=50)  # type: ignore[arg-type]
        for runtime in ("onnx", "openvino")
    )
    assert (two.path / "model.onnx").read_bytes() == (one.path / "model.onnx").read_bytes()
    np.testing.assert_allclose(scores(two.path), scores(one.path), atol=0.03)
    assert np.abs(scores(two.path) - scores(one.path)).mean() < 0.5 * np.abs(scores(two.path) - scores(JOINT)).mean()


def test_a_graph_that_no_file_can_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanbert.encoder.graph.MOST_BYTES", 100_000)
    source = read_source(open_bundle(JOINT))
    with pytest.raises(InputError, match=r"too large for one ONNX file.*GB of weights.*by torch"):
        source.graph().serialized()
    with pytest.raises(InputError, match="too large for one ONNX file"):
        export(JOINT, tmp_path / "out")
    assert not (tmp_path / "out").exists()
