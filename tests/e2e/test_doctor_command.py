"""`spanbert doctor` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest


def test_a_report_for_people_and_one_for_programs(cli, hugging_face_model: Path, tmp_path: Path):
    data, out = tmp_path / "train.tsv", tmp_path / "repaired.tsv"
    data.write_text("what\tkind\na fox\tanimal\nthe river\tplace\na fox\tplace\n")
    options = ["--data", data, "--model", hugging_face_model, "--text-column", "what", "--label-column", "kind"]
    code, text, _ = cli("doctor", "classify", *options, "--fix", out)
    assert code == 2  # the whole report, then the exit code of an error
    assert "error          2  texts that occur several times, with different labels" in text
    assert "train.tsv:2 and train.tsv:4 'a fox': animal and place" in text
    assert "tokens/s" in text
    assert f"wrote {out}" in text
    assert out.read_text() == "what\tkind\nthe river\tplace\n"
    code, text, _ = cli("doctor", "classify", *options, "--no-estimate", "--json")
    record = json.loads(text.splitlines()[-1])
    assert code == 2
    assert record["estimate"] is None
    assert record["read_as"] == "text: 'what', label: 'kind'"
    assert {one["name"]: one["count"] for one in record["findings"]} == {"conflicts": 2, "rare_labels": 2}


def test_sound_data_is_code_0_and_bad_input_one_line(cli, hugging_face_model: Path, tmp_path: Path):
    data = tmp_path / "train.conll"
    data.write_text("a O\nfox B-ANIMAL\n\nthe O\nriver O\n" * 5)
    code, text, _ = cli("doctor", "tag", "--data", data, "--model", hugging_face_model, "--no-estimate")
    assert code == 0
    assert "0 errors" in text
    for arguments, message in (
        (["tags", "--data", data], "did you mean 'tag'?"),
        (["tag", "--data", tmp_path / "none.conll"], "none.conll: no such file"),
        (["tag", "--data", data, "--fix", data], "the output would replace an input"),
    ):
        code, _, err = cli("doctor", *arguments, "--model", hugging_face_model)
        assert (code, err.count("\n")) == (2, 1), err
        assert message in err


def test_without_a_model_it_asks_our_own(
    cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "train.conll").write_text("a O\nfox B-ANIMAL\n\nthe O\nriver O\n" * 5)
    asked = ["tag", "--data", tmp_path / "train.conll", "--no-estimate"]
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path / "spanbert_small_en")])
    monkeypatch.setattr("spanbert.core.model_path.find_spec", lambda name: package if "small_en" in name else None)
    (tmp_path / "spanbert_small_en").mkdir()
    (tmp_path / "spanbert_small_en" / "model").symlink_to(hugging_face_model)
    code, text, err = cli("doctor", *asked)
    assert code == 0, err
    assert "model small-en" in text
    monkeypatch.setattr("spanbert.core.model_path.find_spec", lambda name: None)
    code, _, err = cli("doctor", *asked)
    assert (code, err.count("\n")) == (2, 1)
    assert "small-en: the packaged model is not installed. pip install ./models/small-en in a clone" in err
