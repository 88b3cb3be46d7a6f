"""Where a run's files lie, who may write there, and what `--resume` continues from.

OUT/                 the bundle and nothing else: what a user of the model needs
OUT.run/             the run, beside it:
  run.json           what it is: data, model, settings, with absolute paths
  metrics.jsonl      a line a step; evaluations.jsonl, tensorboard/ next to it
  scores.json        all scores on the dev data, with words in them; mistakes.jsonl and report.html quote it too
  end_to_end.json    of tasks on relations, the scores from raw text with the entities that other tasks find
  training/          training state: last/ (for --resume) and best/
  seeds/             with several seeds, a bundle each, with its run beside it
  tuning/            with several rates, the same for each; tuning.json has their scores

Earlier versions kept all of this inside of OUT; `resume` moves it out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spanbert.checkpoint.state import SavedState, load_state
from spanbert.core.errors import InputError
from spanbert.core.files import only_writer, read_json

BUDGETS = ("max_steps", "max_tokens", "max_minutes", "max_epochs")
BUDGET_KEYS = (*BUDGETS, "least_steps")
_FREE = {  # what may differ on --resume: it changes no arithmetic, or is the budget
    *(f"settings.train.{key}" for key in BUDGET_KEYS),
    *(f"settings.train.{key}" for key in ("evaluate_every", "checkpoint_every", "evaluate_tokens", "patience")),
    "settings.batch.prefetch",
}


END_TO_END = "end_to_end.json"
SEEDS, TRIALS, TUNING_FILE = "seeds", "tuning", "tuning.json"
RUN_FILE = "run.json"
_INSIDE_BEFORE = (  # what earlier versions wrote into the bundle's directory; what tells a run comes last
    "training", "tensorboard", "metrics.jsonl", "evaluations.jsonl", "before.json", "scores.json", "mistakes.jsonl",
    "report.html", "seeds.json", SEEDS, RUN_FILE,
)  # fmt: skip


def run_directory(bundle: Path) -> Path:
    """Where the files of the run that makes a bundle lie: beside it, under its name with `.run`."""
    if bundle.name in ("", "..") or bundle.is_symlink():
        bundle = bundle.resolve()
    return bundle.with_name(f"{bundle.name}.run")


def files_of_run(bundle: Path) -> Path:
    """Where the files of the run that made a bundle are: `run_directory`, or inside of it (earlier versions)."""
    inside = (bundle / RUN_FILE).is_file() or (bundle / SEEDS).is_dir()
    return bundle if inside else run_directory(bundle)


@contextmanager
def only_run(bundle: Path) -> Iterator[None]:
    """Holds the locks on a bundle and on its run while the block runs.

    Raises:
        InputError: Another process writes to one of them.
    """
    with only_writer(bundle), only_writer(run_directory(bundle)):
        yield


def require_room(bundle: Path, *, resume: bool, mark: str = RUN_FILE) -> None:
    """Makes sure that a run can make a bundle somewhere; writes nothing.

    Args:
        bundle: Where.
        resume: A run that is there already is to be continued.
        mark: The file or folder of such a run.

    Raises:
        InputError: Something else is where bundle or run go.
    """
    if os.path.ismount(bundle):
        raise InputError(
            "the root of a file system, which has no room for the run beside the bundle",
            where=str(bundle),
            remedy=f"Choose a folder in it, such as {bundle / 'model'}",
        )
    run = files_of_run(bundle)
    goes_on = (run / mark).exists()
    if goes_on and resume:
        return
    for place in (bundle, run):
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise InputError(
                "the directory exists already",
                where=str(place),
                got=f"nothing to resume in {run}" if resume else None,
                remedy=f"{'Pass --resume to continue it, or choose' if goes_on else 'Choose'} another --out",
            )


def state_to_resume(bundle: Path, facts: dict[str, Any], resume: bool) -> SavedState | None:
    """The state to continue from, if there is one; of a run by an earlier version the files are moved first.

    Raises:
        InputError: Something else is where bundle or run go, or a run with other settings.
    """
    require_room(bundle, resume=resume)
    if not resume:
        return None
    run_file = files_of_run(bundle) / RUN_FILE
    if run_file.is_file():
        _compare(read_json(run_file), facts, run_file)
    move_out(bundle)
    return load_state(run_directory(bundle) / "training" / "last")


def move_out(bundle: Path) -> None:
    """Moves what earlier versions kept inside of a bundle to where it lies now; can be repeated after a kill."""
    run = run_directory(bundle)
    if files_of_run(bundle) == run:
        return
    run.mkdir(exist_ok=True)
    for name in _INSIDE_BEFORE:
        if (bundle / name).exists():
            (bundle / name).rename(run / name)
    if not any(bundle.iterdir()):
        bundle.rmdir()


def forget_state(bundle: Path) -> None:
    """Removes the training state of the run that makes a bundle, which cannot be continued then."""
    shutil.rmtree(run_directory(bundle) / "training", ignore_errors=True)


def facts_of_run(bundle: Path) -> dict[str, Any]:
    """What run.json says of the run that makes a bundle; empty where there is no run."""
    run_file = files_of_run(bundle) / RUN_FILE
    return dict(read_json(run_file)) if run_file.is_file() else {}


def budget_of_run(bundle: Path) -> dict[str, Any]:
    """The budget of the run that makes a bundle, by setting; empty where there is no run."""
    facts = facts_of_run(bundle)
    settings = facts["settings"]["train"] if facts else {}
    return {key: settings[key] for key in BUDGET_KEYS if key in settings}


def _compare(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Refuses to resume with other settings that matter."""
    was_tuning, is_tuning = "tuning" in before, "tuning" in now
    if was_tuning != is_tuning:
        raise InputError(
            f"the interrupted run is {'a' if was_tuning else 'not a'} tuning",
            where=str(where),
            remedy=f"Pass --resume {'with' if was_tuning else 'without'} --tune, or choose another --out",
        )
    then, here = _flatten(before), _flatten(now)
    for key in sorted((then.keys() | here.keys()) - _FREE):
        if then.get(key) != here.get(key):
            raise InputError(
                f"the interrupted run has another {key.removeprefix('settings.')}",
                where=str(where),
                got=repr(here.get(key)),
                expected=repr(then.get(key)),
                remedy="Pass the same settings to --resume, or choose another --out",
            )


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat.update(_flatten(inner, f"{prefix}{key}.") if isinstance(inner, Mapping) else {prefix + key: inner})
    return flat
