"""Transformer, span-wise Transformer, recurrent or convolutional encoder? All of size `mini`, from scratch.

First each is trained by the same loop and heads on the same text for the same time, and scored on held-out documents.
Then each encodes steps of 8,192 tokens, cut into segments of 128 to 8,192, forward and backward: time in milliseconds,
and peak memory of a process of its own. Products are in the precision that training takes on this machine; evaluation
counts as time used, as in any run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bench.common import benchmark_text, environment, in_fresh_process, seconds_of, spread_of
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.apps.reports.curves import Panel, panels
from spanbert.batches.packed import pack
from spanbert.core.files import read_json
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder
from spanbert.tokens.prepare import prepare
from spanbert.train.config import TrainConfig
from spanbert.train.pretrain import pretrain
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run_directory import run_directory
from spanbert.train.runtime import Runtime
from spanbert.train.tracking import read_log

CONTENDERS: Mapping[str, Mapping[str, Any]] = {
    "Transformer": {"kind": "transformer"},
    "span-wise Transformer": {"kind": "transformer", "attention_span": 128},
    "BiLSTM": {"kind": "bilstm"},
    "CNN": {"kind": "cnn"},
}
_FULL = 2.0, (128, 256, 512, 1024, 2048, 4096, 8192)  # minutes of training each, tokens a segment
_QUICK = 0.5, (128, 1024, 8192)
_TOKENS = 8192
_SEGMENT = 1024
_HELD_OUT_TOKENS = 16_384
_VOCABULARY = 30522


def run(data: Path | None, *, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: Text; see `benchmark_text`.
        quick: Half a minute of training each instead of two, fewer lengths.
        reporter: Receives progress.

    Returns:
        For each contender `parameters`, `held_out` (figures after equal time, and its curve), `milliseconds` and
        `peak_megabytes` by segment length, and which of them had the lowest held-out loss.
    """
    minutes, lengths = _QUICK if quick else _FULL
    texts, source = benchmark_text(data, 3_000_000 if quick else 43_000_000)
    contenders: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file, store = Path(folder) / "text.txt", Path(folder) / "store"
        file.write_text("\n\n".join(texts), encoding="utf-8")
        prepare([file], tokenizer=packaged_minilm(), out=store, held_out=0.02)
        for name, changes in CONTENDERS.items():
            reporter.say(f"{name}: {minutes:g} minutes of training")
            out = Path(folder) / name.replace(" ", "-")
            contenders[name] = {"held_out": _train(store, out, changes, minutes)}
    for name, changes in CONTENDERS.items():
        reporter.say(f"{name}: steps of {_TOKENS:,} tokens")
        measured = {length: in_fresh_process(_encode, dict(changes), length, _TOKENS) for length in lengths}
        contenders[name] |= {
            "parameters": sum(one.numel() for one in _encoder(changes, _SEGMENT).parameters()),
            "milliseconds": {str(length): spread for length, (spread, _) in measured.items()},
            "peak_megabytes": {str(length): round(peak / 1e6) for length, (_, peak) in measured.items()},
        }
    best = min(contenders, key=lambda name: float(contenders[name]["held_out"]["mlm_loss"]))
    return {
        "text": source,
        "size": "mini",
        "minutes": minutes,
        "segment_length": _SEGMENT,
        "tokens_per_step": _TOKENS,
        "precision": Runtime.of(TrainConfig()).precision,
        "contenders": contenders,
        "lowest_mlm_loss": best,
        "environment": environment(),
    }


def picture(result: Mapping[str, Any]) -> bytes:
    """Held-out loss over minutes, time and memory over segment length, as a PNG picture."""
    contenders = result["contenders"]
    curves = {
        name: [(one["seconds"] / 60, one["mlm_loss"]) for one in facts["held_out"]["curve"]]
        for name, facts in contenders.items()
    }

    def by_length(key: str) -> dict[str, list[tuple[float, float]]]:
        return {
            name: [
                (float(length), one["median"] if key == "milliseconds" else one) for length, one in facts[key].items()
            ]
            for name, facts in contenders.items()
        }

    step = f"a step of {result['tokens_per_step']:,} tokens"
    return panels(
        Panel(across="minutes of training", up="held-out MLM loss (nats a piece)", lines=curves),
        Panel(across="tokens a segment", up=f"milliseconds {step}", lines=by_length("milliseconds"), logarithmic=True),
        Panel(across="tokens a segment", up=f"megabytes {step}", lines=by_length("peak_megabytes"), logarithmic=True),
    )


def _train(store: Path, out: Path, changes: Mapping[str, Any], minutes: float) -> dict[str, Any]:
    positions = {"positions": _SEGMENT} if changes["kind"] == "transformer" else {}
    config = PretrainConfig.assemble(
        base={
            "encoder": {**changes, **positions},
            "batch": {"segment_length": _SEGMENT, "pack_tokens": 2 * _SEGMENT},
            "train": {"max_minutes": minutes, "evaluate_every": "25%", "evaluate_tokens": _HELD_OUT_TOKENS},
        }
    )
    result = pretrain(store, out=out, size="mini", config=config, reporter=SilentReporter())
    curve = [{"step": 0, "tokens": 0, "seconds": 0.0, **read_json(run_directory(out) / "before.json")}]
    curve += read_log(run_directory(out) / "evaluations.jsonl")
    keys = ("step", "tokens", "seconds", "mlm_loss", "sbo_loss", "mlm_accuracy", "unigram_loss")
    last = curve[-1]
    return {
        "tokens": result.outcome.progress.tokens,
        **{key: last[key] for key in ("mlm_loss", "sbo_loss", "mlm_accuracy", "unigram_loss")},
        "curve": [{key: one[key] for key in keys} for one in curve],
    }


def _encoder(changes: Mapping[str, Any], positions: int) -> Encoder:
    shape = EncoderConfig.of_size("mini", _VOCABULARY, changes["kind"])
    return Encoder(EncoderConfig.model_validate({**shape.model_dump(), **changes, "positions": positions}))


def _encode(changes: Mapping[str, Any], length: int, tokens: int) -> dict[str, float]:
    """Milliseconds of a forward and backward pass, five times."""
    runtime = Runtime.of(TrainConfig())
    runtime.prepare_process()
    encoder = _encoder(changes, length).to(runtime.device).train()
    draw = np.random.default_rng(0)
    batch = pack([draw.integers(0, _VOCABULARY, length) for _ in range(tokens // length)])

    def step() -> None:
        with runtime.autocast():
            hidden_TD = encoder(batch)
        torch.autograd.backward(hidden_TD, torch.ones_like(hidden_TD))
        encoder.zero_grad(set_to_none=True)

    step()
    return spread_of([1e3 * seconds_of(step) for _ in range(5)])
