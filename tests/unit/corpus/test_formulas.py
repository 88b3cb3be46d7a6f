"""Cells that a spreadsheet would compute are told of, and quoted where that is asked for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from spanbert.corpus.io.formulas import FormulaCells, check_table, is_formula


@pytest.mark.parametrize(
    "cell", ['=HYPERLINK("http://x","y")', "@SUM(A1)", "+1+cmd|' /C calc'!A0", "-2+3", "- a list", "\tx"]
)
def test_what_is_computed(cell: str):
    assert is_formula(cell)


@pytest.mark.parametrize("cell", ["", "-", "a=b", "-1", "+3.5", "-1,000.25", "text", "'=x", "1-2"])
def test_what_is_not(cell: str):
    assert not is_formula(cell)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_rows_without_formulas_stay_byte_for_byte(tmp_path: Path, suffix: str):
    mark = "," if suffix == ".csv" else "\t"
    kept = 'text,label\n"a ""quoted""\ncell",x\n' if suffix == ".csv" else 'text\tlabel\n"\tx\n'
    file = tmp_path / f"a{suffix}"
    file.write_text(f"{kept}=1+1{mark}y\nb{mark}-1\n")
    assert (
        check_table(file, quote=False)
        == "1 cells begin as a formula, which spreadsheets compute; --safe-cells puts ' before them"
    )
    assert file.read_text() == f"{kept}=1+1{mark}y\nb{mark}-1\n"
    assert check_table(file, quote=True) == "1 cells that begin as a formula were quoted with '"
    assert file.read_text() == f"{kept}'=1+1{mark}y\nb{mark}-1\n"
    assert check_table(file, quote=True) is None
    assert check_table(tmp_path / "a.jsonl", quote=True) is None


def test_doctor_and_convert_tell_of_them(tmp_path: Path, hugging_face_model: Path, cli):
    data = tmp_path / "a.csv"
    with data.open("w", newline="") as stream:
        rows = [("text", "label"), ("=1+1", "a"), ("the fox", "b"), ("the fox", "b"), ("the dog", "a"), ("a cat", "b")]
        csv.writer(stream, lineterminator="\n").writerows(rows)
    command = ("doctor", "classify", "--data", data, "--model", hugging_face_model, "--no-estimate", "--fix")
    _, _, err = cli(*command, tmp_path / "fixed.csv")
    assert "1 cells begin as a formula" in err
    _, _, err = cli(*command, tmp_path / "safe.csv", "--safe-cells")
    assert "1 cells that begin as a formula were quoted" in err
    assert "'=1+1,a" in (tmp_path / "safe.csv").read_text()


def test_predictions_in_cells_are_counted():
    cells = FormulaCells(quote=True)
    assert cells.shown(["=x", "y"]) == ["'=x", "y"]
    assert cells.found == 1
