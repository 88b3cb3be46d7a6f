"""Some minutes of span pre-training of the small English model; its weights come back in float16, in parts.

Held-out figures are those of the recipe (recipes/small_en): documents of enwiki_core, segments of 128, 15 % masked.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from benchmarks.gpu.figures import Figures
from benchmarks.gpu.inputs import model_of, store_of
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import machine
from spanbert.batches.plan import PackingPlan
from spanbert.checkpoint.bundle import MANIFEST, open_bundle
from spanbert.checkpoint.tensors import read_tensors, read_weights
from spanbert.core.files import read_json
from spanbert.core.reporter import SilentReporter
from spanbert.encoder.hardware import prepare_process, resolved_device
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.train.pretrain import pretrain
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.pretrain_evaluation import evaluate
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log

PART_BYTES = 15 << 20
SETTINGS = [
    "masking.budget=0.3", "encoder.hidden_dropout=0", "batch.segment_length=128", "batch.pack_tokens=32768",
    "optim.lr=1e-3", "optim.head_lr=2e-3", "optim.warmup=0.04", "optim.weight_decay=0.01",
    "train.evaluate_every=50%", "train.checkpoint_every=50%", "train.evaluate_tokens=32768",
]  # fmt: skip
_TINY = ["batch.segment_length=32", "batch.pack_tokens=256", "train.max_steps=4"]
_AFTERWARDS, _SHARE_AFTERWARDS = 30.0, 0.3  # seconds for compiling, figures and weights; of a short limit, a share
_LEAST_MINUTES = 0.2


def run(job: Job, figures: Figures) -> None:
    """Figures before, training for as long as the limit allows, figures after, weights.

    Args:
        job: See there.
        figures: Get `before`, `after`, `training`, `weights`.
    """
    store, model = store_of(job), model_of(job)
    figures.note(machine=machine(job.device), pieces=store.count("train", "pieces"), settings=SETTINGS)
    figures.note(before=_held_out(job, store, model))
    minutes = max(_LEAST_MINUTES, (job.left - min(_AFTERWARDS, _SHARE_AFTERWARDS * job.left)) / 60)
    config = PretrainConfig.assemble(overrides=[*SETTINGS, *(_TINY if job.tiny else [f"train.max_minutes={minutes}"])])
    out = job.work / "small"
    outcome = pretrain(store.path, model=model, out=out, config=config, device=job.device).outcome
    log = read_log(run_directory(out) / "metrics.jsonl")
    later = log[len(log) // 5 :]  # without the steps that are compiled in
    figures.note(
        training={
            "minutes": round(outcome.progress.seconds / 60, 2),
            "steps": outcome.progress.step,
            "tokens": outcome.progress.tokens,
            "tokens_per_second": round(_speed(later)),
            "mfu": max((one["mfu"] for one in later if "mfu" in one), default=None),
            "data_wait_share": later[-1].get("data_wait_share"),
            "loss": [round(one["loss"], 3) for one in log[:: max(1, len(log) // 20)]],
        }
    )
    figures.note(weights=write_weights(out, job.out))
    figures.note(after=_held_out(job, store, out))


def _speed(log: list[dict[str, Any]]) -> float:
    """Tokens a second between the first and the last line of a log."""
    if len(log) < 2 or log[-1]["seconds"] == log[0]["seconds"]:
        return 0.0
    return float(log[-1]["tokens"] - log[0]["tokens"]) / float(log[-1]["seconds"] - log[0]["seconds"])


def _held_out(job: Job, store: TokenStore, bundle: Path) -> dict[str, Any]:
    device = resolved_device(job.device)
    prepare_process(device)
    config, adapter = PretrainConfig(), store.tokenizer()
    length, pack = (32, 256) if job.tiny else (128, 4096)
    config = config.model_copy(update={"batch": config.batch.model_copy(update={"segment_length": length})})
    task = PretrainTask(adapter, store.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0)
    model = build_model(task, adapter, store, model=bundle, size=None, config=config, reporter=SilentReporter())
    plan = PackingPlan(store, split="held_out", segment_length=length, pack_tokens=pack)
    found = evaluate(task, model.to(device).eval(), plan, most_tokens=1_000_000)
    return {name: found[name] for name in ("mlm_loss", "mlm_accuracy", "sbo_loss", "unigram_loss") if name in found}


def write_weights(bundle: Path, out: Path, part_bytes: int = PART_BYTES) -> dict[str, Any]:
    """Writes a bundle's tensors as one safetensors file in float16, cut into parts; `join.py` puts them together.

    Args:
        bundle: A bundle of `spanbert pretrain`.
        out: Where the parts go.
        part_bytes: Of each part at most.

    Returns:
        Parts with their checksums, and what else the bundle is made of.
    """
    files = open_bundle(bundle)
    tensors = {f"model/{name}": value for name, value in read_weights(files.weights).items()}
    if files.heads is not None:
        tensors |= {f"heads/{name}": value for name, value in read_tensors(files.heads).items()}
    whole = save({name: one.to(torch.float16) if one.is_floating_point() else one for name, one in tensors.items()})
    parts = []
    for number, first in enumerate(range(0, len(whole), part_bytes)):
        some, name = whole[first : first + part_bytes], f"weights-{number}.part"
        (out / name).write_bytes(some)
        parts.append({"file": name, "bytes": len(some), "sha256": hashlib.sha256(some).hexdigest()})
    manifest = read_json(bundle / MANIFEST)
    return {
        "parts": parts,
        "sha256": hashlib.sha256(whole).hexdigest(),
        "config": files.config,
        "manifest": {name: value for name, value in manifest.items() if name not in ("files", "format")},
        "card": (bundle / "README.md").read_text(encoding="utf-8"),
    }
