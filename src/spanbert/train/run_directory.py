"""The directory of a run: who may write into it, and what `--resume` continues from.

OUT/run.json         what the run is: data, model, settings
OUT/metrics.jsonl    a line a step; evaluations.jsonl, tensorboard/ next to it
OUT/training/        training state: last/ (for --resume) and best/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spanbert.checkpoint.state import SavedState, load_state
from spanbert.core.errors import InputError
from spanbert.core.files import read_json

BUDGETS = ("max_steps", "max_tokens", "max_minutes", "max_epochs")
BUDGET_KEYS = (*BUDGETS, "least_steps")
_FREE = {  # what may differ on --resume: it changes no arithmetic, or is the budget
    *(f"settings.train.{key}" for key in BUDGET_KEYS),
    *(f"settings.train.{key}" for key in ("evaluate_every", "checkpoint_every", "evaluate_tokens", "patience")),
    "settings.batch.prefetch",
}


def state_to_resume(target: Path, facts: dict[str, Any], resume: bool) -> SavedState | None:
    """The state to continue from, if there is one; writes nothing.

    Raises:
        InputError: The output directory holds something else, or a run with other settings.
    """
    run_file = target / "run.json"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        if not resume or not run_file.is_file():
            go_on = "Pass --resume to continue it, or choose" if run_file.is_file() else "Choose"
            raise InputError("the directory exists already", where=str(target), remedy=f"{go_on} another --out")
        _compare(read_json(run_file), facts, run_file)
    return load_state(target / "training" / "last") if resume else None


def budget_of_run(target: Path) -> dict[str, Any]:
    """The budget that the run in a directory has, by setting; empty where there is no run."""
    run_file = target / "run.json"
    if not run_file.is_file():
        return {}
    settings = read_json(run_file)["settings"]["train"]
    return {key: settings[key] for key in BUDGET_KEYS if key in settings}


def _compare(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Refuses to resume with other settings that matter."""
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
