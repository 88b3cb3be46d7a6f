"""Prediction on a CPU, exported and not, against `transformers` and OpenVINO: size, score, speed, latency, cold start.

From raw texts to typed results, in processes that stay, the sides in turn; the first round warms up. Ours: float32,
bfloat16 where the processor multiplies it, int8 as `spanbert export` makes it, in each runtime. Beside them
`transformers.pipeline` one text after the other and in batches of 4, 8, 16 and 32, a plain loop over sorted batches
around its model (32 texts, 16 windows), and such a loop around OpenVINO's int8 by NNCF. Ratios are medians of the
ratios of rounds; that to the pipeline is to its best batch, and ours is the quickest runtime of a precision. No text
that int8 is set by is scored. For coreference there is no peer.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench.common import environment, in_fresh_process, ratio_of, spread_of
from benchmarks.bench.inference_sides import ours as our_side
from benchmarks.bench.inference_sides import peers as peer_side
from benchmarks.bench.inference_sides.sets import QUICK, SETS, Amounts, Files, cut_files, of_model, texts_of, trained
from benchmarks.bench.inference_sides.together import model_in_int8
from spanbert.core.errors import InputError, SpanbertError, nearest
from spanbert.core.files import directory_written_whole
from spanbert.core.reporter import Reporter
from spanbert.core.threads import threads as threads_used
from spanbert.core.threads import use_threads
from spanbert.pipelines.convert.models import convert

_ROUNDS, _QUICK_ROUNDS = 5, 2
_WORDS, _SENTENCES, _QUICK_SENTENCES = 25, 500, 50
_PEERS = {"transformers": "spanbert[hf]", "openvino": "spanbert[openvino]", "nncf": "nncf"}
_TOGETHER, _TEXTS = "together", "ontogum"  # what a model of several tasks is called, and reads
_Call = tuple[Callable[..., Any], tuple[Any, ...]]
_Times = dict[str, list[float]]


def run(
    data: Path | None,
    *,
    quick: bool,
    reporter: Reporter,
    work: Path | None = None,
    bundles: Mapping[str, Path] | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: The folder of data sets; default SPANBERT_DATA.
        quick: Part of the data, a few steps of training, few rounds: a look at the times, not at the scores.
        reporter: Receives progress.
        work: Where bundles that are missing are fine-tuned, and exports are kept for a later call; None: nothing is
            fine-tuned, and only the sets of `bundles` are measured.
        bundles: By the names of `SETS`, fine-tuned ones; `together`: one of several tasks, or an export of it, all of
            which read whole texts; without it, four tasks are fine-tuned and exported in int8.
        threads: Of all sides; None: all cores.

    Returns:
        By set `scores` (size, before, after, drop with its paired interval, by side), `per_second` by side,
        `ratio_pipeline_{float32,bfloat16,int8}`, `ratio_openvino_int8` and `drop` (of the side that these ratios are
        of), `spread`, `latency` and `cold_start`. Those of WNUT-17 stand at the top too. `together`: words a second of
            all tasks of that model, and what each lost.

    Raises:
        InputError: Peers that are not installed, no data, or neither bundles nor a place to make them.
    """
    _require_peers()
    given = dict(bundles or {})
    for name in given:
        if name not in (*SETS, _TOGETHER):
            raise InputError(f"no data set {name!r}", where="--bundle", remedy=nearest(name, (*SETS, _TOGETHER)))
    if not given and work is None:
        raise InputError("no model to measure", expected="--bundle SET=PATH, or --work DIR to fine-tune there")
    place = data or (Path(os.environ["SPANBERT_DATA"]) if os.environ.get("SPANBERT_DATA") else None)
    if place is None:
        raise InputError(
            "where are the data sets?", expected="--data FOLDER or SPANBERT_DATA", remedy="See docs/DATA.md"
        )
    if threads is not None:
        use_threads(threads)
    together: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (work or Path(temporary)) / ("quick" if quick else "full")
        files = {
            name: cut_files(name, QUICK[SETS[name].kind] if quick else Amounts(), data=place, folder=folder / name)
            for name in SETS
            if work is not None or name in given
        }
        if _TOGETHER in given or work is not None:
            amounts = QUICK["coref"] if quick else Amounts()
            whole = cut_files(_TEXTS, amounts, data=place, folder=folder / _TEXTS)
            model = given.get(_TOGETHER) or model_in_int8(
                place, whole, folder / _TOGETHER, quick=quick, reporter=reporter
            )
            together = {"together": _together(model, whole, quick)}
        models = {
            name: given.get(name) or trained(name, own, folder / name / "bundle", quick=quick, reporter=reporter)
            for name, own in files.items()
        }
        sets = {
            name: _measured(name, models[name], own, folder / name / of_model(models[name]), quick, reporter)
            for name, own in files.items()
        }
    first = sets.get("wnut17", {})
    return {
        "quick": quick,
        "peer": f"transformers {version('transformers')}, openvino {version('openvino')}, nncf {version('nncf')}",
        "rounds": _QUICK_ROUNDS if quick else _ROUNDS,
        "threads": threads_used(),
        **{key: value for key, value in first.items() if key.startswith("ratio_") or key == "drop"},
        "left_out": our_side.left_out(),
        "sets": sets,
        **together,
        "environment": environment(),
    }


def _require_peers() -> None:
    """Refuses to begin without a peer.

    Raises:
        InputError: Names all that are missing.
    """
    missing = [name for name in _PEERS if find_spec(name) is None]
    if missing:
        wanted = " ".join(f"'{_PEERS[name]}'" for name in missing)
        raise InputError("peers are not installed", got=f"no {', no '.join(missing)}", remedy=f"pip install {wanted}")


def _measured(name: str, bundle: Path, files: Files, folder: Path, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """All of a data set."""
    task = our_side.task_of(bundle, files.kind)
    sides = our_side.sides_of(bundle, task, files, folder, reporter)
    reporter.say(f"{name}: scoring")
    scores, _ = in_fresh_process(our_side.measured_scores, bundle, task, sides, files)
    answered = len(our_side.asked(files.kind, files.answered))
    reporter.say(f"{name}: answering {answered:,}, {_QUICK_ROUNDS if quick else _ROUNDS} rounds")
    texts = _sentences(files, _QUICK_SENTENCES if quick else _SENTENCES)
    times, latency = _timed(
        {
            **{side.name: (our_side.answer, (side, files.kind, files.answered)) for side in sides},
            **_peer_calls(bundle, task, files, folder, reporter),
        },
        {side.name: (our_side.latencies, (side, texts)) for side in sides if texts},
        rounds=_QUICK_ROUNDS if quick else _ROUNDS,
    )
    return {
        "title": SETS[name].title,
        "kind": files.kind,
        "answered": answered,
        "scores": scores,
        "per_second": {side: spread_of([answered / one for one in own]) for side, own in times.items()},
        **compared(times, scores),
        "latency": latency,
        "cold_start": {
            side.name: our_side.cold_start(side)
            for side in sides
            if side.runtime != "torch" and files.kind != "qa"
        },
    }  # fmt: skip


def _together(model: Path, files: Files, quick: bool) -> dict[str, Any]:
    """All tasks of a model on whole texts."""
    side = our_side.whole_side(model)
    call = (our_side.answer, (side, files.kind, files.answered))
    times, _ = _timed({"all": call}, {}, rounds=_QUICK_ROUNDS if quick else _ROUNDS)
    words = sum(len(text.split()) for text in texts_of(files.kind, files.answered))
    return {
        "model": side.name,
        "megabytes": our_side.megabytes(model),
        "tasks": our_side.tasks_of(model),
        "drops": our_side.drops_of(model),
        "words": words,
        "words_per_second": spread_of([words / one for one in times["all"]]),
        "cold_start": our_side.cold_start(side) if side.runtime not in ("torch", "ctranslate2") else {},
    }


def _peer_calls(bundle: Path, task: str, files: Files, folder: Path, reporter: Reporter) -> dict[str, _Call]:
    """What the processes of the peers are asked; their models are made where they are missing."""
    if files.kind == "coref":
        return {}
    saved, whole = folder / "hugging-face", folder / "openvino-nncf"
    if not saved.is_dir():
        convert(bundle, saved, to="hugging-face", task=task)
    if not whole.is_dir():
        reporter.say(f"quantising by NNCF into {whole}")
        with directory_written_whole(whole) as fresh:
            in_fresh_process(peer_side.quantise, saved, files.kind, files.export, fresh)
    return {
        **{
            f"pipeline_{batch}": (peer_side.pipeline, (saved, files.kind, files.answered, batch))
            for batch in (1, *peer_side.BATCHES)
        },
        "sorted_loop": (peer_side.sorted_loop, (saved, files.kind, files.answered)),
        "openvino_nncf_int8": (peer_side.sorted_loop, (whole, files.kind, files.answered)),
    }


def _sentences(files: Files, count: int) -> list[str]:
    """So many stretches of 25 words of the texts that are answered; none of questions and of coreference."""
    if files.kind not in ("tag", "classify"):
        return []
    words = " ".join(texts_of(files.kind, files.answered)).split()
    step = max((len(words) - _WORDS) // count, 1)
    return [" ".join(words[step * number : step * number + _WORDS]) for number in range(count)]


def _timed(calls: Mapping[str, _Call], latencies: Mapping[str, _Call], *, rounds: int) -> tuple[_Times, dict[str, Any]]:
    """Seconds of each side in each round but the first, and what is measured of one text after the other.

    Each side has a process that stays; all that `transformers` answers share one.
    """
    times: _Times = {side: [] for side in calls}
    spawning = multiprocessing.get_context("spawn")
    places = {side: "transformers" if side.startswith(("pipeline", "sorted")) else side for side in calls}
    with ExitStack() as stack:
        workers = {
            place: stack.enter_context(ProcessPoolExecutor(max_workers=1, mp_context=spawning))
            for place in dict.fromkeys(places.values())
        }

        def asked(side: str, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
            try:
                return workers[places[side]].submit(work, *arguments).result()
            except BrokenProcessPool:
                raise SpanbertError(f"the process of {side} ended; too little memory?") from None

        for _ in range(1 + rounds):
            for side, call in calls.items():
                times[side].append(asked(side, *call))
        found = {side: asked(side, *call) for side, call in latencies.items()}
    return {side: taken[1:] for side, taken in times.items()}, found


def compared(times: _Times, scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How many times as fast the quickest runtime of each precision is, and what int8 costs.

    An export that the gate refuses counts for nothing.

    Args:
        times: Seconds by side and round.
        scores: By side.
    """
    found: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    pipelines = [side for side in times if side.startswith("pipeline_")]
    if pipelines:
        found["pipeline"] = min(pipelines, key=lambda side: median(times[side]))
    for precision in ("float32", "bfloat16", "int8"):
        passing = {name: own for name, own in times.items() if scores.get(name, {}).get("passes_gate") is not False}
        side = quickest(passing, f"{precision}_")
        if side is None:
            continue
        found[f"quickest_{precision}"] = side
        if pipelines:
            spread[f"ratio_pipeline_{precision}"] = ratio_of(times[found["pipeline"]], times[side])
            spread[f"ratio_sorted_loop_{precision}"] = ratio_of(times["sorted_loop"], times[side])
        if precision == "int8":
            if "openvino_nncf_int8" in times:
                spread["ratio_openvino_int8"] = ratio_of(times["openvino_nncf_int8"], times[side])
            if "quickest_float32" in found:
                spread["ratio_float32_int8"] = ratio_of(times[found["quickest_float32"]], times[side])
            found["drop"] = scores[side]["drop"]
    return {**{key: one["median"] for key, one in spread.items()}, **found, "spread": spread}


def quickest(times: _Times, beginning: str) -> str | None:
    """Which side whose name begins so took the least, by the median of its rounds; None: there is no such side."""
    sides = [side for side in times if side.startswith(beginning)]
    return min(sides, key=lambda side: median(times[side]), default=None)
