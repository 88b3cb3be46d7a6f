"""The same fine-tuning under several seeds: mean and spread of the scores, and the best bundle.

OUT.run/seeds/0, 1, ...   a bundle a seed, each with its run beside it
OUT.run/seeds.json        the spread of the scores; scores, mistakes and logs of the best run next to it
OUT/                      a copy of the bundle with the best score on the dev data
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from spanbert.checkpoint.bundle import MANIFEST
from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, write_atomically, write_json
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.encoder.config import Size
from spanbert.train.finetune import FinetuneResult, finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run_directory import SEEDS, move_out, only_run, require_room, run_directory
from spanbert.train.task_data import TaskData

_REPORTED = ("metrics.jsonl", "evaluations.jsonl", "scores.json", "mistakes.jsonl")


@dataclass(frozen=True, kw_only=True)
class SeedsResult:
    """The result of the runs.

    Attributes:
        path: The copy of the best bundle.
        best: The seed of the best run.
        results: Each seed's run.
        spread: Of each task, of each figure: mean, standard deviation, and the figures by seed.
    """

    path: Path
    best: int
    results: Mapping[int, FinetuneResult]
    spread: Mapping[str, Mapping[str, Mapping[str, Any]]]


def finetune_seeds(
    tasks: Mapping[str, TaskData],
    *,
    seeds: int,
    out: str | Path,
    model: str | Path | None = None,
    size: Size | None = None,
    config: FinetuneConfig | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> SeedsResult:
    """Fine-tunes under `seeds` seeds from `train.seed` on, one after the other; see `finetune` for the rest.

    Raises:
        InputError: No dev data to choose the best run by, or as `finetune`.
    """
    reporter, config, target = reporter or SilentReporter(), config or FinetuneConfig(), Path(out)
    if any(data.dev is None for data in tasks.values()):
        raise InputError("several seeds need dev data, to choose the best run by", expected="--dev")
    results: dict[int, FinetuneResult] = {}
    with only_run(target):
        require_room(target, resume=resume, mark=SEEDS)
        move_out(target)
        run = run_directory(target)
        for seed in range(config.train.seed, config.train.seed + seeds):
            reporter.say(f"seed {seed}")
            results[seed] = finetune(
                tasks,
                model=model,
                size=size,
                out=run / SEEDS / str(seed),
                config=config.with_train(seed=seed),
                resume=resume,
                title=target.name,
                reporter=reporter,
            )
            if results[seed].outcome.stopped_by not in ("budget", "patience"):
                break  # a signal: the rest is for --resume
        selection_score = {
            seed: one.outcome.best.selection_score for seed, one in results.items() if one.outcome.best is not None
        }
        best = max(selection_score, key=lambda seed: selection_score[seed], default=config.train.seed)
        spread = _spread({seed: one.scores for seed, one in results.items()})
        _copy_bundle(results[best].path, target, _lines(spread, best))
        _copy_logs(run_directory(results[best].path), run)
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
        *(f"{name}: mean {one['mean']:.4f}, standard deviation {one['stdev']:.4f}" for name, one in figures),
        "```",
    ]


def _copy_bundle(source: Path, target: Path, seeds: list[str]) -> None:
    """Copies a bundle; the card gets a section."""
    with directory_written_whole(target, last=MANIFEST) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)
        with (temporary / "README.md").open("a", encoding="utf-8") as card:
            card.write("\n" + "\n".join(seeds) + "\n")


def _copy_logs(source: Path, target: Path) -> None:
    """Copies what the report reads of a run."""
    for name in _REPORTED:
        if (source / name).is_file():
            write_atomically(target / name, (source / name).read_bytes())
