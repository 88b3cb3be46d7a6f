"""The sections of docs/BENCHMARKS.md whose results are not there yet: they say what was measured."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FACTS = {"environment": {"spanbert": "0.1.0", "torch": "2.13.0", "python": "3.11.7", "cores": 2, "cpu": "a processor"}}


@pytest.fixture
def sections(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from report_parts import serving, small_en, studies

    return {"small_en": small_en, "serving": serving, "studies": studies}


@pytest.fixture(autouse=True)
def _names_of_scripts_are_forgotten():
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "report_parts"]:
        del sys.modules[name]


def rows(section: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]


def cell(rate: float, score: float, *, head: float = 1e-3, least: int = 300) -> dict[str, Any]:
    return {"set": "TREC", "encoder": "minilm", "lr": rate, "head_lr": head, "least": least, "score": score}


def test_defaults_show_how_far_the_usual_settings_lie_behind_the_best(sections):
    cells = [
        cell(5e-5, 0.8),
        cell(1.5e-4, 0.9),
        cell(3e-4, 0.912),
        cell(1.5e-4, 0.85, head=5e-4),
        cell(1.5e-4, 0.7, least=0),
    ]
    found = rows(sections["studies"].defaults({"cells": cells, **FACTS}))
    assert ["set", "encoder", "5e-05", "0.00015", "0.0003", "usual behind the best"] in found
    assert ["TREC", "minilm", "80.0", "90.0", "91.2", "1.2"] in found
    assert ["TREC", "minilm", "85.0", "90.0", "0.0"] in found  # rates of the heads
    assert ["TREC", "minilm", "70.0", "90.0", "0.0"] in found  # steps


def test_what_pre_training_bought_has_differences_with_their_sign(sections):
    row = {"set": "WNUT-17", "metric": "f1", "MiniLM-L6": 0.42, "pre-trained further": 0.405, "seeds": 3}
    found = sections["studies"].bought({"rows": [{**row, "difference": -0.015, "spread": 0.004}], **FACTS})
    assert rows(found)[-1] == ["WNUT-17", "f1", "42.0", "40.5", "-1.5", "0.4", "3"]


def test_the_study_of_coreference_ranks_what_was_changed(sections):
    short = [
        {"name": name, "score": score, "epochs": 5, "seconds": 600}
        for name, score in (("as it was", 0.5), ("rate 2e-4", 0.52), ("mention loss 2", 0.49))
    ]
    whole = [{"name": "together", "data": "litbank", "changed": {"optim.lr": "2e-4"}, "scores": [0.65, 0.67], "mean": 0.66,
              "spread": 0.0141, "minutes": 70}]  # fmt: skip
    section = sections["studies"].coref_study({"short": short, "whole": whole, **FACTS})
    assert [row[:3] for row in rows(section)[2:5]] == [
        ["rate 2e-4", "52.0", "+2.0"], ["as it was", "50.0", "+0.0"], ["mention loss 2", "49.0", "-1.0"],
    ]  # fmt: skip
    assert rows(section)[-1] == ["together", "litbank", "66.0", "1.4", "65.0, 67.0", "70"]
    assert "Together: `optim.lr=2e-4`." in section
    for changed, said in (
        ({"encoder": "further"}, "the encoder pre-trained further."),
        ({}, "Nothing that was changed"),
    ):
        found = sections["studies"].coref_study({"short": short, "whole": [{**whole[0], "changed": changed}], **FACTS})
        assert said in found
        assert "`encoder" not in found


def test_small_en_stands_beside_its_peer(sections):
    def scored(key: str, value: float) -> dict[str, Any]:
        return {key: value, "interval": {key: [value - 0.01, value + 0.01]}}

    held_out = {"mlm_loss": 5.0, "sbo_loss": 6.0, "unigram_loss": 7.0, "mlm_accuracy": 0.3, "sbo_accuracy": 0.2,
                "exact_match": 0.1}  # fmt: skip
    spread = {"median": 1000.0, "min": 900.0, "max": 1100.0}
    section = sections["small_en"].small_en({
        "scores": {
            "tests": {"entities, UNER-EWT": scored("f1", 0.7), "sentiment, rotten_tomatoes": scored("accuracy", 0.8)},
            "text": held_out,
            "blanks": [{"text": "Paris is [MASK].", "rank": 2, "first": ["big", "nice"]}, {"text": "A [MASK].", "rank": None, "first": ["b"]}],
        },
        "scores_of_peer": {"entities, UNER-EWT": scored("f1", 0.6)},
        "peer": "en_core_web_sm 3.8",
        "speed": {"words_a_second": {"small-en": spread, "en_core_web_sm": spread}, "ratio": {"median": 1.0, "min": 0.9, "max": 1.1}},
        "bytes": {"small-en": 49e6, "en_core_web_sm": 12e6},
        "run": {"evaluations": [{"seconds": 60.0, "tokens": 1e6, **held_out}]},
        **FACTS,
    })  # fmt: skip
    found = rows(section)
    assert ["entities, UNER-EWT", "70.0 (69.0 to 71.0)", "60.0 (59.0 to 61.0)"] in found
    assert ["sentiment, rotten_tomatoes", "80.0 (79.0 to 81.0)", "-"] in found
    assert ["Paris is [MASK].", "2", "big, nice"] in found
    assert ["A [MASK].", "not among 10", "b"] in found
    assert ["megabytes", "49", "12"] in found


def loaded(rate: float) -> dict[str, Any]:
    return {"texts_a_second": rate, "errors": 0, "p50_ms": 300.0, "p99_ms": 900.0, "megabytes": [500, 501, 502]}


def serving(int8: dict[str, Any]) -> dict[str, Any]:
    both = {"offline": [50.0, 52.0], "spanbert": {**loaded(48.0), "seconds": 180.0}, "plain": loaded(12.0)}
    alone = {"served": {"p50_ms": 9.0}, "bare": {"p50_ms": 8.0}}
    settings = {"clients": 32, "threads": 2, "words": {"mix": [5, 400], "short": [5, 40]}}
    return {**settings, "mix": {**both, "int8": int8}, "short": both, "alone": alone, **FACTS}


def test_an_int8_export_is_served_beside_the_plain_server(sections):
    parity = {"main": "accuracy", "before": 0.8, "after": 0.798, "drop": 0.2, "interval": [-0.1, 0.5]}
    chosen = {"runtime": "onnx", "parity": parity, "offline": 100.0, "tried": {"torch": None, "onnx": 100.0}}
    said = sections["serving"].serve(serving({**chosen, **loaded(96.0)}))
    found = rows(said)
    assert ["5 to 400", "`spanbert serve`, int8", "96.0", "300 ms", "900 ms", "0", "188%"] in found
    assert len([row for row in found if row[1] == "`spanbert serve`, int8"]) == 1, "short texts have none"
    assert "**8.0** times as many texts as the plain server, 2.0 times as many as the service in float32" in said
    assert "torch refused by the gate, onnxruntime 100.0" in said
    assert "accuracy is 0.7980, the bundle's 0.8000: a drop of 0.20 points (-0.10 to 0.50, 95%)" in said


def test_exports_that_the_gate_refuses_have_no_row(sections):
    said = sections["serving"].serve(serving({"tried": {"torch": None, "onnx": None}}))
    assert not [row for row in rows(said) if "int8" in row[1]]
    assert "refused both exports" in said
