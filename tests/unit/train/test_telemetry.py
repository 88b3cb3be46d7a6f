"""Utilisation, waiting and memory of steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.pretrain.costs import step_flops
from spanbert.train import telemetry
from spanbert.train.run_directory import run_directory
from spanbert.train.telemetry import Telemetry, peak
from spanbert.train.tracking import read_log
from tests.runs import run


def test_a_run_logs_what_it_uses(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(telemetry, "_SETTLED", 0.0)
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=3", "train.evaluate_every=100%")
    for line in read_log(run_directory(tmp_path / "out") / "metrics.jsonl"):
        assert 0 <= line["data_wait_share"] <= 1
        assert 0 < line["mfu"] < 1.5
        assert line["memory_bytes"] > 1e7


def test_utilisation_counts_what_the_tokens_of_a_step_cost(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(telemetry, "_SETTLED", 0.0)
    monkeypatch.setattr(telemetry, "peak", lambda device, precision: 1e9)
    seen = []
    figures = Telemetry.figures

    def noted(self, step, seconds, waited):
        found = figures(self, step, seconds, waited)
        seen.append((self._model.encoder.config, step.micro_batches, found["mfu"] * seconds * 1e9))
        return found

    monkeypatch.setattr(Telemetry, "figures", noted)
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=2", "train.evaluate_every=100%")
    for config, micro_batches, operations in seen:
        expected = sum(
            step_flops(config, (one.inputs.cu_seqlens[1:] - one.inputs.cu_seqlens[:-1]).tolist(),
                       mlm_rows=one.counts["mlm"], sbo_rows=one.counts["sbo"])
            for one in micro_batches
        )  # fmt: skip
        assert isinstance(config, EncoderConfig)
        assert operations == pytest.approx(expected)


def test_a_processor_is_measured_once():
    assert peak(torch.device("cpu"), "float32") == peak(torch.device("cpu"), "float32") > 1e8
