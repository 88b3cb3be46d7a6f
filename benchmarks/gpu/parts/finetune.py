"""Fine-tuning on one set, names in tweets (WNUT-17): times and scores on the device, and on this machine's CPU."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import spanbert
from benchmarks.bench.finetune_sides.data import read
from benchmarks.gpu.figures import Figures
from benchmarks.gpu.inputs import labelled_of, model_of
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import machine
from spanbert import FinetuneConfig, TaskData
from spanbert.core.types import Document
from spanbert.inference.scoring import score_task

_SETTINGS = {  # those of `bench finetune`
    "batch": {"examples": 16},
    "optim": {"lr": 5e-5, "head_lr": 5e-5, "weight_decay": 0.01, "warmup": 0.1, "clip": 1.0},
}
_TASK = "names"
_EPOCHS, _ROUNDS = 3, 3
_TINY_STEPS = 2


def run(job: Job, figures: Figures) -> None:
    """Trains and predicts on the device, predicts with the same model on the CPU, then trains there too.

    Args:
        job: See there.
        figures: Get `trained_on_device`, `predicted_on_device`, `predicted_on_cpu`, `same_share` (the share of texts in
            which device and CPU find the same), `trained_on_cpu`, as far as the time goes.
    """
    files, model = labelled_of(job), model_of(job)
    figures.note(machine=machine(job.device), data="WNUT-17 (CC BY 4.0)", epochs=_EPOCHS)
    documents = read("tag", files["test"])
    bundle, found = _trained(job, "device", job.device, model, files["train"])
    figures.note(trained_on_device=found)
    answers = {}
    for where, device in (("device", job.device), ("cpu", "cpu")):
        answers[where], found = _predicted(device, bundle, documents)
        figures.note(**{f"predicted_on_{where}": found})
    same = sum(one == other for one, other in zip(answers["device"], answers["cpu"], strict=True))
    figures.note(same_share=round(same / len(documents), 4))
    other, found = _trained(job, "cpu", "cpu", model, files["train"])
    figures.note(trained_on_cpu=found)
    figures.note(trained_on_cpu={**found, **_score(spanbert.load(other, device="cpu"), documents)})


def _trained(job: Job, where: str, device: str, model: Path, train: Path) -> tuple[Path, dict[str, Any]]:
    """A bundle, and what it took: `seconds` of the steps, `seconds_in_all`."""
    out = job.work / f"names-{where}"
    budget = {"max_steps": _TINY_STEPS} if job.tiny else {"max_epochs": _EPOCHS}
    config = FinetuneConfig.assemble(base={**_SETTINGS, "train": {**budget, "checkpoint_every": "100%"}})
    begun = time.perf_counter()
    data = {_TASK: TaskData(kind="tag", train=train)}
    progress = spanbert.finetune(data, model=model, out=out, config=config, device=device).outcome.progress
    in_all = round(time.perf_counter() - begun, 2)
    return out, {"seconds": round(progress.seconds, 2), "seconds_in_all": in_all, "steps": progress.step}


def _predicted(device: str, bundle: Path, documents: list[Document]) -> tuple[list[Any], dict[str, Any]]:
    """The names in each text, and speed and score."""
    nlp = spanbert.load(bundle, device=device)
    texts = [document.text for document in documents]
    seconds, found = [], []
    for _ in range(1 + _ROUNDS):  # the first reads the weights
        begun = time.perf_counter()
        found = [one.taggings[_TASK].spans or () for one in nlp.pipe(texts)]
        seconds.append(time.perf_counter() - begun)
    names = [[(span.start, span.end, span.label) for span in some] for some in found]
    return names, {"texts_per_second": round(len(texts) / median(seconds[1:]), 1), **_score(nlp, documents)}


def _score(nlp: spanbert.Pipeline, documents: list[Document]) -> dict[str, Any]:
    scorer = score_task(nlp.predictor, _TASK, documents)
    return {"metric": scorer.main_metric, "score": round(float(scorer.scores()[scorer.main_metric]), 4)}
