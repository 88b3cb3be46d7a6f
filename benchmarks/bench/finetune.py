"""Fine-tuning and prediction against a plain `transformers` loop: scores, and wall times of both, in one run.

Both sides: MiniLM-L6 weights, float32, the same training files, epochs, optimiser steps, batches of 16, rate 5e-5
(heads too) with 10 % warm-up and linear decay, weight decay 0.01, gradient clip 1, fused AdamW, hidden dropout 0.1,
attention dropout 0, denormals flushed. The peer pads each batch to its longest example. Three seeds for the two small
data sets. One scorer scores the held-out answers of both.

Each training runs in a process of its own, as its users run it, the sides in turn: ours sets the allocator's thresholds
(`encoder/hardware.py`), the peer leaves glibc's. Under the first seed the peer is trained twice more: with attention
dropout 0.1, its default, and with our allocator settings. Timed are tokenising, batching and steps (ours reads the file
too, and writes its logs), not the reading or saving of weights, and no evaluation.

Prediction is timed in processes that stay, in turn: raw texts to typed results by `spanbert.load` as it comes, against
the peer's pipeline one text after the other, and against its batches of like length. `transformers` 5 has no pipeline
that answers questions: there the peer reads one window after the other. Where the processor multiplies bfloat16, ours
is timed with `precision="bfloat16"` too, on a line of its own; the peer stays float32.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.bench.common import environment, in_fresh_process, ratio_of, spread_of
from benchmarks.bench.finetune_sides import ours as our_side
from benchmarks.bench.finetune_sides import peer_runs as peer_side
from benchmarks.bench.finetune_sides.data import Amounts, Contest, make_contest, read
from benchmarks.bench.finetune_sides.recipe import BATCH, RATE, Trained
from benchmarks.bench.finetune_sides.scores import compared, main_score, mean_score, score
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.reporter import Reporter
from spanbert.encoder.hardware import has_bfloat16, resolved_device
from spanbert.scores.scorer import Scorer

_FULL = {
    "sst2": Amounts(predict=1000, epochs=1, seeds=3),
    "wnut17": Amounts(predict=1000, epochs=3, seeds=3),
    "squadshifts": Amounts(train=3000, held_out=1500, predict=300, epochs=1, seeds=1),
}
_QUICK = {
    "sst2": Amounts(train=1200, held_out=400, predict=200, epochs=1, seeds=1),
    "wnut17": Amounts(train=800, held_out=400, predict=200, epochs=1, seeds=1),
    "squadshifts": Amounts(train=160, held_out=100, predict=60, epochs=1, seeds=1),
}
_ROUNDS = 3
_DEFAULT_DROPOUT = 0.1  # of attention weights in `transformers`
_Times = dict[str, list[float]]


def run(data: Path | None, *, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: The folder of data sets; default SPANBERT_DATA.
        quick: Part of the data and one seed: a look at the times, not at what is learned.
        reporter: Receives progress.

    Returns:
        For each data set `score` and `peer_score` (means over seeds; accuracy, entity F1, answer F1) with intervals and
        their paired `difference`; `train_time_ratio`, our time over the peer's, `_default_dropout` over that of the
        peer's default, `_same_allocator` over that of the peer with our allocator settings; `predict_ratio_pipeline`
        and `predict_ratio_batched`, the peer's time over ours, and with `_bfloat16` over ours in bfloat16. Ratios are
        medians; `train_spread` and `predict_spread` hold their range over seeds and rounds.

    Raises:
        InputError: No transformers, or no data.
    """
    if find_spec("transformers") is None:
        raise InputError("the peer is not installed", got="no transformers", remedy="pip install 'spanbert[hf]'")
    place = data or (Path(os.environ["SPANBERT_DATA"]) if os.environ.get("SPANBERT_DATA") else None)
    if place is None:
        raise InputError(
            "where are the data sets?", expected="--data FOLDER or SPANBERT_DATA", remedy="See docs/DATA.md"
        )
    model, sizes = packaged_minilm(), _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contests = [make_contest(one, amounts, data=place, folder=folder) for one, amounts in sizes.items()]
        found = {one.name: _measure(one, model, folder / one.name, reporter) for one in contests}
    return {
        "quick": quick,
        "model": "MiniLM-L6",
        "peer": f"transformers {version('transformers')}",
        "lr": RATE,
        "batch": BATCH,
        "rounds": _ROUNDS,
        **found,
        "environment": environment(),
    }


def _measure(contest: Contest, model: Path, folder: Path, reporter: Reporter) -> dict[str, Any]:
    documents = read(contest.kind, contest.held_out)  # before the work of many minutes
    runs = _train(contest, model, folder, reporter)
    scorers = {
        side: [score(contest.kind, documents, one.answers) for one in trained]
        for side, trained in runs.items()
        if trained[0].answers
    }
    reporter.say(f"{contest.name}: predicting {contest.amounts.predict:,} examples, {_ROUNDS} rounds")
    times = _predict(contest, folder)
    return {
        "epochs": contest.amounts.epochs,
        "seeds": contest.amounts.seeds,
        "steps": runs["ours"][0].steps,
        **_scores(scorers),
        **_training({side: [one.seconds for one in trained] for side, trained in runs.items()}),
        **_prediction(times, len(read(contest.kind, contest.predict))),
    }


def _train(contest: Contest, model: Path, folder: Path, reporter: Reporter) -> dict[str, list[Trained]]:
    """The trainings of each side, a seed after the other and the sides in turn; the peer first, for its steps."""
    others: dict[str, tuple[float, bool, bool]] = {
        "peer_default_dropout": (_DEFAULT_DROPOUT, False, True),
        "peer_same_allocator": (0.0, True, False),  # the same weights again: its answers are the peer's
    }
    runs: dict[str, list[Trained]] = {side: [] for side in ("ours", "peer", *others)}

    def note(side: str, work: Callable[..., Trained], *arguments: object) -> Trained:
        out = folder / f"{side}-{seed}"
        trained: Trained
        trained, _ = in_fresh_process(work, contest, folder / f"start-{seed}", out, *arguments)
        if seed or side in others:
            shutil.rmtree(out)  # only the first models predict
        runs[side].append(trained)
        reporter.say(f"{contest.name}, seed {seed}: {side} {trained.seconds:.1f} s for {trained.steps:,} steps")
        return trained

    for seed in range(contest.amounts.seeds):
        in_fresh_process(peer_side.start, contest, model, folder / f"start-{seed}", seed)
        steps = note("peer", peer_side.train, seed, 0.0, False, True).steps
        note("ours", our_side.train, steps, seed)
        for side, (dropout, our_allocator, answers) in others.items() if not seed else ():
            note(side, peer_side.train, seed, dropout, our_allocator, answers)
    return runs


def _scores(scorers: Mapping[str, Sequence[Scorer]]) -> dict[str, Any]:
    ours, peers = scorers["ours"], scorers["peer"]
    exact = {
        key: mean(float(one.scores()["em"]) for one in scorers[side])
        for key, side in (("em", "ours"), ("peer_em", "peer"))
        if "em" in ours[0].scores()
    }
    return {
        "metric": ours[0].main_metric,
        "examples_scored": ours[0].paired()[0].units,
        **compared(ours, peers),
        "peer_score_default_dropout": mean_score(scorers["peer_default_dropout"]),
        **exact,
        "scores_by_seed": {side: [main_score(one) for one in some] for side, some in scorers.items()},
    }


def _training(seconds: _Times) -> dict[str, Any]:
    spread = {
        f"train_time_ratio{key}": ratio_of(seconds["ours"][: len(seconds[f"peer{key}"])], seconds[f"peer{key}"])
        for key in ("", "_default_dropout", "_same_allocator")
    }
    return {
        **{key: one["median"] for key, one in spread.items()},
        "train_spread": spread,
        "train_seconds": {side: spread_of(taken) for side, taken in seconds.items()},
    }


def _predict(contest: Contest, folder: Path) -> _Times:
    """Seconds of each way to predict in each round, each in a process that stays; the first round warms up."""
    ours, peer = folder / "ours-0", folder / "peer-0"
    sides: dict[str, tuple[Callable[..., float], tuple[object, ...]]] = {
        "ours": (our_side.predict, (contest, ours)),
        "batched": (peer_side.predict, (contest, peer, "batched")),
        "pipeline": (peer_side.predict, (contest, peer, "pipeline")),
    }
    if has_bfloat16(resolved_device("cpu")):
        sides["ours_bfloat16"] = (our_side.predict, (contest, ours, "bfloat16"))
    times: _Times = {side: [] for side in sides}
    spawning = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        workers = {side: stack.enter_context(ProcessPoolExecutor(max_workers=1, mp_context=spawning)) for side in sides}
        for _ in range(1 + _ROUNDS):
            for side, (work, arguments) in sides.items():
                try:
                    times[side].append(workers[side].submit(work, *arguments).result())
                except BrokenProcessPool:
                    raise SpanbertError(f"{contest.name}: the process of {side} ended; too little memory?") from None
    return {side: taken[1:] for side, taken in times.items()}


def _prediction(seconds: _Times, examples: int) -> dict[str, Any]:
    spread = {
        f"predict_ratio_{way}{side.removeprefix('ours')}": ratio_of(seconds[way], seconds[side])
        for side in ("ours", "ours_bfloat16")
        if side in seconds
        for way in ("pipeline", "batched")
    }
    return {
        **{key: one["median"] for key, one in spread.items()},
        "predict_spread": spread,
        "examples_predicted": examples,
        "predicted_per_second": {side: round(examples / median(taken), 1) for side, taken in seconds.items()},
    }
