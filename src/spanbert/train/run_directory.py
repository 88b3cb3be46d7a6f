"""The directory of a run: who may write into it, and what `--resume` continues from.

OUT/run.json         what the run is: data, model, settings
OUT/metrics.jsonl    a line a step; evaluations.jsonl, tensorboard/ next to it
OUT/training/        training state: last/ (for --resume) and best/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spanbert.checkpoint.state import SavedState, load_state
from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.core.outputs import check_output_folder

BUDGETS = ("max_steps", "max_tokens", "max_minutes", "max_epochs")
BUDGET_KEYS = (*BUDGETS, "least_steps")
_OF_KIND = {"pretrain": "store", "finetune": "tasks"}  # the entry of run.json that only such runs have
_FREE = {  # what may differ on --resume: it changes no arithmetic, or is the budget
    *(f"settings.train.{key}" for key in BUDGET_KEYS),
    *(f"settings.train.{key}" for key in ("evaluate_every", "checkpoint_every", "evaluate_tokens", "patience")),
    "settings.batch.prefetch",
}


def check_run_folder(
    target: Path, kind: str, *, inputs: Iterable[str | os.PathLike[str] | None], resume: bool, overwrite: bool
) -> None:
    """Refuses a folder for a run.

    Args:
        target: The folder.
        kind: The kind of the run, as `kind_of_run` says it.
        inputs: Files and folders that the run reads.
        resume: Continue the interrupted run in it.
        overwrite: Replace a run, model or store that is there.

    Raises:
        InputError: Both are asked for, the run in it is of another kind, or as `check_output_folder`.
    """
    if resume and overwrite:
        raise InputError(
            "either continue the run or replace it", got="--resume and --overwrite", where=f"--out {target}"
        )
    earlier = kind_of_run(target)
    resumable = "--resume to continue it, " if earlier == kind else ""
    remedy = f"Pass {resumable}--overwrite to replace it, or choose another --out"
    if resume and earlier not in (None, kind):
        raise InputError(
            "a run of another kind, which cannot be continued",
            where=f"--out {target}",
            got=f"a run of spanbert {earlier}",
            expected=f"one of spanbert {kind}",
            remedy=remedy.replace("Pass --overwrite", "Pass --overwrite in place of --resume"),
        )
    check_output_folder(
        target, inputs=inputs, overwrite=overwrite, resume=resume and earlier is not None, remedy=remedy
    )


def kind_of_run(target: Path) -> str | None:
    """The kind of the run in a directory, by the command that made it; None: there is none that can be told."""
    if any(target.glob("seeds/*/run.json")):
        return "finetune --seeds"
    try:
        facts = read_json(target / "run.json")
    except InputError:  # there is none, or it is damaged: it can be replaced, and not be continued
        return None
    has = facts.keys() if isinstance(facts, Mapping) else ()
    return next((kind for kind, key in _OF_KIND.items() if key in has), None)


def state_to_resume(target: Path, facts: dict[str, Any], resume: bool) -> SavedState | None:
    """The state to continue from, if there is one; writes nothing.

    Raises:
        InputError: The directory holds a run of another kind or with other settings.
    """
    run_file = target / "run.json"
    if resume and run_file.is_file():
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
