"""The inference benchmark: what it cuts and compares by hand, and all sides run small from end to end."""

from __future__ import annotations

import json
import pickle
import runpy
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.bench import inference
from benchmarks.bench.inference_sides import ours, peers, sets
from benchmarks.bench.inference_sides.sets import SETS, Amounts, cut_files, documents_of, questions_of
from spanbert.core.errors import InputError
from tests.labelled import conll_file, single_file, squad_file

ROOT = Path(__file__).parents[3]
JOINT = ROOT / "tests" / "fixtures" / "bundles" / "joint"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Small data sets where the real ones would lie."""
    folder = tmp_path / "data"
    writers = {"tag": conll_file, "classify": single_file, "qa": partial(squad_file, answerable=True)}
    for one in SETS.values():
        for number, name in enumerate(dict.fromkeys([*one.train, one.dev, one.test])):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if one.kind in writers:
                writers[one.kind](folder / name, 30, seed=number)
            else:
                (folder / name).write_text(CLUSTERS)
    return folder


CLUSTERS = "".join(
    f"#begin document ({number}); part 000\n"
    f"{number} 0 0 Ann _ _ _ _ _ - - - (0)\n{number} 0 1 sleeps _ _ _ _ _ - - - -\n"
    f"{number} 0 2 near _ _ _ _ _ - - - -\n{number} 0 3 her _ _ _ _ _ - - - (0)\n\n#end document\n"
    for number in range(9)
)


def test_what_exports_are_made_by_is_not_scored(data: Path, tmp_path: Path):
    files = cut_files("ontogum", Amounts(answered=2), data=data, folder=tmp_path / "coref")
    parts = {
        part: [one.id for one in documents_of("coref", getattr(files, part))]
        for part in ("export", "scored", "answered")
    }
    assert (len(parts["export"]), len(parts["scored"])) == (3, 6)
    assert not set(parts["export"]) & set(parts["scored"])
    assert parts["answered"] == parts["scored"][:2]
    files = cut_files("squadshifts", Amounts(), data=data, folder=tmp_path / "qa")
    first, second = ({one.text for one in documents_of("qa", file)} for file in (files.export, files.scored))
    assert not first & second
    files = cut_files("wnut17", Amounts(train=40, scored=3), data=data, folder=tmp_path / "tag")
    assert [len(documents_of("tag", file)) for file in (files.train, files.scored, files.export)] == [30, 3, 30]
    files = cut_files("sst2", Amounts(export=4), data=data, folder=tmp_path / "classify")
    texts = documents_of("classify", files.export)
    assert (len(texts), texts[0].labels) == (4, documents_of("classify", data / SETS["sst2"].dev)[0].labels)
    (data / SETS["sst2"].test).unlink()
    with pytest.raises(InputError, match=r"test\.tsv: no such file"):
        cut_files("sst2", Amounts(), data=data, folder=tmp_path / "again")


def test_ratios_by_hand():
    times = {
        "float32_torch": [2.0, 2.0, 2.0], "float32_onnx": [3.0, 3.0, 3.0], "int8_onnx": [1.0, 1.0, 2.0],
        "int8_openvino": [4.0, 4.0, 4.0], "pipeline_1": [9.0, 9.0, 9.0], "pipeline_8": [6.0, 8.0, 7.0],
        "sorted_loop": [4.0, 4.0, 4.0], "openvino_nncf_int8": [2.0, 3.0, 2.0],
    }  # fmt: skip
    found = inference.compared(times, {"int8_onnx": {"drop": 0.25}})
    assert (found["pipeline"], found["quickest_float32"], found["quickest_int8"]) == (
        "pipeline_8",
        "float32_torch",
        "int8_onnx",
    )
    assert found["spread"]["ratio_pipeline_int8"] == {"median": 6.0, "min": 3.5, "max": 8.0}
    assert (found["ratio_pipeline_float32"], found["ratio_openvino_int8"], found["drop"]) == (3.5, 2.0, 0.25)
    assert found["ratio_sorted_loop_int8"] == 4.0
    assert found["ratio_float32_int8"] == 2.0
    assert "ratio_pipeline_bfloat16" not in found
    refused = inference.compared(
        times, {"int8_onnx": {"drop": 9.0, "passes_gate": False}, "int8_openvino": {"drop": 0.5}}
    )
    assert (refused["quickest_int8"], refused["ratio_openvino_int8"], refused["drop"]) == ("int8_openvino", 0.5, 0.5)
    alone = inference.compared({"float32_torch": [2.0], "int8_torch": [1.0]}, {"int8_torch": {"drop": 1.0}})
    assert set(alone["spread"]) == {"ratio_float32_int8"}


def inline(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """Runs the sides in this process, on little data; NNCF's int8 is left float32 where it is not installed."""
    monkeypatch.setattr(sets, "packaged_minilm", lambda: model)
    monkeypatch.setattr(sets, "_QUICK_STEPS", 12)
    monkeypatch.setattr(
        inference, "ProcessPoolExecutor", lambda max_workers, mp_context: ThreadPoolExecutor(max_workers)
    )
    monkeypatch.setattr(inference, "in_fresh_process", lambda work, *arguments: (work(*arguments), 0))
    monkeypatch.setattr(inference, "_QUICK_SENTENCES", 3)
    monkeypatch.setattr(ours, "_COLD", 1)
    monkeypatch.setattr("spanbert.exports.export.peak_memory", lambda *_: None)
    if find_spec("nncf") is None:
        monkeypatch.setattr(inference, "_PEERS", {"transformers": "spanbert[hf]", "openvino": "spanbert[openvino]"})
        monkeypatch.setattr(peers, "_quantised", lambda model, items: model)
        monkeypatch.setattr(inference, "version", lambda name: "0" if name == "nncf" else version(name))


def test_inference_small(cli, data: Path, hugging_face_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for library in ("onnx", "onnxruntime", "openvino", "transformers"):
        pytest.importorskip(library)
    inline(monkeypatch, hugging_face_model)
    work = tmp_path / "work"
    monkeypatch.setattr(inference, "SETS", {name: SETS[name] for name in ("wnut17", "squadshifts")})
    code, out, err = cli(
        "bench", "inference", "--quick", "--data", data, "--work", work, "--json", "--threads", 1, "--bundle",
        f"together={JOINT}",
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    wnut, squad = result["sets"]["wnut17"], result["sets"]["squadshifts"]
    for name in ("ratio_pipeline_float32", "ratio_pipeline_int8", "ratio_openvino_int8", "drop"):
        assert result[name] == wnut[name]
        assert name in squad
    assert (result["together"]["words"], len(result["together"]["tasks"])) == (12, 9)
    assert (result["quick"], result["threads"], wnut["answered"]) == (True, 1, 30)
    assert set(wnut["latency"]) == {
        side for side in wnut["per_second"] if not side.startswith(("pipe", "sorted", "openvino"))
    }
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in wnut["latency"].values())
    assert not squad["latency"]
    assert wnut["cold_start"]["int8_onnx"]["load_seconds"]["median"] > 0
    assert wnut["scores"]["int8_onnx"]["megabytes"] < wnut["scores"]["float32_onnx"]["megabytes"]
    assert abs(wnut["scores"]["float32_openvino"]["drop"]) < 1e-6
    low, high = wnut["scores"]["int8_openvino"]["drop_interval"]
    assert low <= wnut["scores"]["int8_openvino"]["drop"] <= high
    made = {one: one.stat().st_mtime_ns for one in work.rglob("spanbert.json")}
    assert len(made) == 2 * len([side for side in wnut["scores"] if side != "bfloat16_torch"])
    files = cut_files("wnut17", Amounts(), data=data, folder=work / "quick" / "wnut17")
    again = work / "quick" / "wnut17" / "bundle"
    assert sets.trained("wnut17", files, again, quick=True, reporter=inference.Reporter) == again
    assert {one: one.stat().st_mtime_ns for one in work.rglob("spanbert.json")} == made, "what is there stays"
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    text = runpy.run_path(str(ROOT / "benchmarks" / "report.py"))["SECTIONS"]["bench_inference"](result)
    assert "### WNUT-17" in text
    assert "| spanbert int8, onnxruntime |" in text
    assert "All tasks of a model together (" in text
    assert "A quick run" in text


def test_what_is_missing_is_said_at_once(cli, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(inference, "find_spec", lambda name: None if name in ("nncf", "openvino") else name)
    code, _, err = cli("bench", "inference", "--data", data, "--work", tmp_path / "work")
    assert (code, "no openvino, no nncf" in err, "pip install 'spanbert[openvino]' 'nncf'" in err) == (2, True, True)
    monkeypatch.setattr(inference, "find_spec", lambda name: name)
    code, _, err = cli("bench", "inference", "--data", data)
    assert (code, "no model to measure" in err) == (2, True)
    code, _, err = cli("bench", "inference", "--bundle", f"wnut={tmp_path}")
    assert (code, "no data set 'wnut'" in err) == (2, True)
    code, _, err = cli("bench", "inference", "--bundle", "wnut17")
    assert (code, "a model of which data set?" in err) == (2, True)
    monkeypatch.delenv("SPANBERT_DATA", raising=False)
    code, _, err = cli("bench", "inference", "--work", tmp_path / "work")
    assert (code, "where are the data sets?" in err) == (2, True)
    code, _, err = cli("bench", "masking", "--work", tmp_path / "work")
    assert (code, "--work: this benchmark has no such option" in err) == (2, True)
    assert not (tmp_path / "work").exists()


def test_what_goes_to_other_processes_can_go(tmp_path: Path):
    side = ours.Side(runtime="onnx", precision="int8", path=tmp_path, task="ner")
    sent = (ours.answer, ours.latencies, ours.measured_scores, peers.pipeline, peers.sorted_loop, peers.quantise, side)
    assert pickle.loads(pickle.dumps(sent)) == sent


def test_questions_are_asked_one_by_one(data: Path):
    asked = questions_of(data / SETS["squadshifts"].test)
    assert asked
    assert all(len(one.questions or ()) == 1 for one in asked)
