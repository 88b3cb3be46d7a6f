"""int8 by torch: what it says, that it is read back as it was written, and where it cannot be had."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

import spanbert
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.encoder.int8_layers import Int8Linear, can_compute_int8
from spanbert.exports.card import Export
from spanbert.exports.export import export
from spanbert.exports.plans import Plan
from spanbert.exports.source import read_source
from spanbert.exports.targets import TorchTarget
from spanbert.exports.write import write_export
from tests.labelled import conll_file, single_file

pytest.importorskip("onnxruntime")

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
needs_int8 = pytest.mark.skipif(not can_compute_int8(), reason="torch has no int8 products on this processor")


@needs_int8
def test_a_bundle_in_int8(tmp_path: Path):
    data = {"ner": conll_file(tmp_path / "dev.conll", 60, seed=3), "sent": single_file(tmp_path / "d.tsv", 60, seed=3)}
    done = export(BUNDLES / "joint", tmp_path / "out", runtime="torch", precision="int8", data=data, max_drop=50)
    nlp = spanbert.load(done.path)
    layers = [one for one in nlp.predictor.backend.encoder.modules() if isinstance(one, Int8Linear)]  # type: ignore[attr-defined]
    assert len(layers) == 8
    assert all(name.startswith("tasks.") for name in done.kept_float32)
    assert done.bytes < 0.75 * done.bytes_before
    for name, one in done.parity.items():
        assert spanbert.evaluate(done.path, data[name], task=name)[one.main] == pytest.approx(one.after, abs=0.1)
        assert one.agreement > 0.7
    document = Document(id="1", text="Anna : a red dog runs .\nBen : it sleeps .")
    assert nlp(document.text).as_record().keys() == {"id", "text", "tasks"}
    assert "weights for torch, on x86 processors alone" in (done.path / "README.md").read_text()


@needs_int8
def test_blanks_are_filled(tmp_path: Path):
    """Products stay float32 here, embeddings are int8."""
    target = TorchTarget(read_source(open_bundle(BUNDLES / "pretrained")))
    done = Export(
        path=tmp_path / "out", runtime="torch", precision="int8", bytes=0, bytes_before=0, kept_float32=(),
        calibrated_on={}, parity={},
    )  # fmt: skip
    write_export(done, target, Plan(ranges={}))
    one, two = (spanbert.load(path).fill("The [MASK:1-2] fox") for path in (BUNDLES / "pretrained", done.path))
    assert [asdict(filling)["text"] for filling in one][:2] == [asdict(filling)["text"] for filling in two][:2]
    assert two[0].score == pytest.approx(one[0].score, abs=0.05)


def test_processors_without_int8_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("spanbert.encoder.hardware.platform.machine", lambda: "arm64")
    data = single_file(tmp_path / "dev.tsv", 20, seed=3)
    with pytest.raises(InputError, match=r"no int8 products on this processor.*--runtime onnx"):
        export(BUNDLES / "joint", tmp_path / "out", runtime="torch", precision="int8", data={"sent": data})
    assert not (tmp_path / "out").exists()
