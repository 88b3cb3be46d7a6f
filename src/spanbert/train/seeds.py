"""The same fine-tuning under several seeds: mean and spread of the scores, and the best bundle.

OUT.run/seeds/0, 1, ...   a bundle a seed, each with its run beside it
OUT.run/seeds.json        the spread of the scores; scores, mistakes and logs of the best run next to it
OUT/                      a copy of the bundle with the best score on the dev data
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from spanbert.core.device import DeviceLike
from spanbert.core.errors import InputError
from spanbert.core.files import write_json
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import require_count, require_path
from spanbert.core.types import Facts
from spanbert.encoder.config import Size
from spanbert.scores.scorer import shown_figure
from spanbert.train.best_bundle import copy_best
from spanbert.train.finetune import FinetuneResult, finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run import with_device
from spanbert.train.run_directory import (
    SEEDS,
    SEVERAL,
    TUNE,
    TUNE_SEVERAL,
    check_run_folder,
    empty_run,
    move_out,
    only_run,
    run_directory,
    sweep_run,
)
from spanbert.train.task_data import TaskData, as_task_data, files_read
from spanbert.train.tune import run_trials


@dataclass(frozen=True, kw_only=True)
class SeedsResult:
    """The result of the runs; where a signal ended one, the last of `results`, there is no copy and no spread.

    Attributes:
        path: The copy of the best bundle.
        best: The seed of the best run; of the interrupted one, where there is one.
        results: Each seed's run.
        spread: Of each task, of each figure: mean, standard deviation, and the figures by seed.
    """

    path: Path
    best: int
    results: Mapping[int, FinetuneResult]
    spread: Mapping[str, Mapping[str, Mapping[str, Any]]]


@shows_progress
def finetune_seeds(
    tasks: Mapping[str, TaskData] | Mapping[str, Facts],
    *,
    seeds: int,
    out: str | Path,
    model: str | Path | None = None,
    size: Size | None = None,
    config: FinetuneConfig | Facts | None = None,
    device: DeviceLike | None = None,
    tune: bool | str = False,
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> SeedsResult:
    """Fine-tunes under `seeds` seeds from `train.seed` on, one after the other; see `finetune` for the rest.

    With `tune`, the rates are tuned with the first seed (see `finetune_tuned`), and all others take the best ones;
    a str is the budget of that.

    Raises:
        InputError: No dev data to choose the best run by, or as `finetune`.
    """
    require_path(out, "out")
    require_count(seeds, "seeds")
    reporter, config, target = reporter or SilentReporter(), FinetuneConfig.of(config), Path(out)
    config, tasks = with_device(config, device), as_task_data(tasks)
    if any(data.dev is None for data in tasks.values()):
        raise InputError("several seeds need dev data, to choose the best run by", expected="--dev")
    read = files_read(tasks, model, config)
    kinds = (TUNE_SEVERAL, TUNE) if tune else (SEVERAL,)
    check_run_folder(target, kinds, inputs=read, resume=resume, overwrite=overwrite)
    results: dict[int, FinetuneResult] = {}
    with only_run(target):
        move_out(target)
        sweep_run(target)
        run, cards = run_directory(target), []
        first = config.train.seed
        if tune:
            budget = tune if isinstance(tune, str) else None
            tuned = run_trials(
                tasks, budget=budget, out=target, model=model, size=size, config=config, resume=resume,
                overwrite=overwrite, reporter=reporter,
            )  # fmt: skip
            results[first] = tuned.result
            if tuned.best is None:
                return SeedsResult(path=target, best=first, results=results, spread={})
            config, cards = tuned.config, tuned.card
        for seed in range(first + len(results), first + seeds):
            reporter.say(f"seed {seed}")
            results[seed] = finetune(
                tasks,
                model=model,
                size=size,
                out=run / SEEDS / str(seed),
                config=config.with_train(seed=seed),
                resume=resume,
                overwrite=overwrite and not results,
                began=partial(empty_run, target) if overwrite and not results else None,
                title=target.name,
                reporter=reporter,
            )
            if results[seed].outcome.interrupted:  # the rest is for --resume
                return SeedsResult(path=target, best=seed, results=results, spread={})
        selection_score = {
            seed: one.outcome.best.selection_score for seed, one in results.items() if one.outcome.best is not None
        }
        best = max(selection_score, key=lambda seed: selection_score[seed], default=first)
        spread = _spread({seed: one.scores for seed, one in results.items()})
        copy_best(results[best].path, target, [*cards, *_lines(spread, best)])
        write_json(run / "seeds.json", {"best": best, "spread": spread})
    return SeedsResult(path=target, best=best, results=results, spread=spread)


def _spread(scores: Mapping[int, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, dict[str, Any]]]:
    first = next(iter(scores.values()))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for task, figures in first.items():
        found[task] = {}
        for name in [name for name, value in figures.items() if isinstance(value, float)]:
            values = {seed: float(one[task][name]) for seed, one in scores.items()}
            found[task][name] = {
                "mean": mean(values.values()),
                "stdev": stdev(values.values()) if len(values) > 1 else 0.0,
                "by_seed": {str(seed): value for seed, value in values.items()},
            }
    return found


def _lines(spread: Mapping[str, Mapping[str, Mapping[str, Any]]], best: int) -> list[str]:
    """The spread over seeds for the model card."""
    figures = [(f"{task} {name}", one) for task, named in spread.items() for name, one in named.items()]
    return [
        "## Seeds",
        f"The weights are those of seed {best}, the best on dev data of {len(figures[0][1]['by_seed'])}.",
        "```",
        *(
            f"{name}: mean {shown_figure(one['mean'])}, standard deviation {shown_figure(one['stdev'])}"
            for name, one in figures
        ),
        "```",
    ]
