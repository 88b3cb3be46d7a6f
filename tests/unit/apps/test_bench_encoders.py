"""The benchmarks of encoders and of attention, small; a file of their own, so that both processes of a run have work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.bench import attention, encoders


def test_attention_small(cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(attention, "_LENGTHS", (64, 512, 1024))
    code, out, err = cli("bench", "attention", "--quick", "--json", "--out", tmp_path / "result.json")
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["largest_difference"] < 1e-4
    assert set(result["milliseconds"]["span-wise"]) == {"64", "512", "1024"}
    assert result["peak_megabytes"]["full"]["1024"] > 0
    assert json.loads((tmp_path / "result.json").read_text()) == result


def test_encoders_small(cli, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(encoders, "_QUICK", (0.005, (1024,)))
    monkeypatch.setattr(encoders, "_SEGMENT", 64)
    monkeypatch.setattr(encoders, "_TOKENS", 1024)
    monkeypatch.setattr(encoders, "_HELD_OUT_TOKENS", 512)
    code, out, err = cli("bench", "encoders", "--quick", "--data", corpus_file, "--picture", tmp_path / "p.png")
    assert code == 0, err
    assert "lowest mlm loss: " in out
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
