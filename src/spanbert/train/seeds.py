"""The same fine-tuning under several seeds: mean and spread of the scores, and the best bundle.

OUT/seeds/0, 1, ...   a run a seed, each a bundle
OUT/                  a copy of the bundle with the best score on the dev data; seeds.json
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from spanbert.checkpoint.bundle import ASSETS, MANIFEST
from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, only_writer, write_json
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import require_count, require_path
from spanbert.core.types import Facts
from spanbert.encoder.config import Size
from spanbert.train.finetune import FinetuneResult, finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run_directory import check_run_folder
from spanbert.train.task_data import TaskData, as_task_data, files_read


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
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> SeedsResult:
    """Fine-tunes under `seeds` seeds from `train.seed` on, one after the other; see `finetune` for the rest.

    Raises:
        InputError: No dev data to choose the best run by, or as `finetune`.
    """
    require_path(out, "out")
    require_count(seeds, "seeds")
    reporter, config, target = reporter or SilentReporter(), FinetuneConfig.of(config), Path(out)
    tasks = as_task_data(tasks)
    if any(data.dev is None for data in tasks.values()):
        raise InputError("several seeds need dev data, to choose the best run by", expected="--dev")
    read = files_read(tasks, model, config)
    check_run_folder(target, "finetune --seeds", inputs=read, resume=resume, overwrite=overwrite)
    results: dict[int, FinetuneResult] = {}
    with only_writer(target):
        for seed in range(config.train.seed, config.train.seed + seeds):
            reporter.say(f"seed {seed}")
            results[seed] = finetune(
                tasks,
                model=model,
                size=size,
                out=target / "seeds" / str(seed),
                config=config.with_train(seed=seed),
                resume=resume,
                overwrite=overwrite and not results,
                replaced=target,
                title=target.name,
                reporter=reporter,
            )
            if results[seed].outcome.interrupted:  # the rest is for --resume
                return SeedsResult(path=target, best=seed, results=results, spread={})
        selection_score = {
            seed: one.outcome.best.selection_score for seed, one in results.items() if one.outcome.best is not None
        }
        best = max(selection_score, key=lambda seed: selection_score[seed], default=config.train.seed)
        spread = _spread({seed: one.scores for seed, one in results.items()})
        _copy_bundle(results[best].path, target, _lines(spread, best))
        write_json(target / "seeds.json", {"best": best, "spread": spread})
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
    """Copies the files of a bundle, and what its report reads; not the training state. The card gets a section."""
    with directory_written_whole(target, last=MANIFEST) as temporary:
        for file in sorted(source.iterdir()):
            if file.is_file() and file.name != "run.json":
                shutil.copyfile(file, temporary / file.name)
        if (source / ASSETS).is_dir():
            shutil.copytree(source / ASSETS, temporary / ASSETS)
        with (temporary / "README.md").open("a", encoding="utf-8") as card:
            card.write("\n" + "\n".join(seeds) + "\n")
