"""Where a run's files lie, who may write there, and what `--resume` continues from.

OUT/                 the bundle and nothing else: what a user of the model needs
OUT.run/             the run, beside it:
  run.json           what it is: data, model, settings, with absolute paths
  metrics.jsonl      a line a step; evaluations.jsonl, tensorboard/ next to it; before.json of pre-training
  scores.json        all scores on the dev data, with words in them; mistakes.jsonl and report.html quote it too
  end_to_end.json    of tasks on relations, the scores from raw text with the entities that other tasks find
  training/          training state: last/ (for --resume) and best/
  seeds/             with several seeds, a bundle each, with its run beside it; seeds.json has their spread
  tuning/            with several rates, the same for each; tuning.json has their scores

Earlier versions kept all of this inside of OUT; `resume` moves it out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spanbert.checkpoint.state import SavedState, load_state
from spanbert.core.errors import InputError
from spanbert.core.files import only_writer, read_json, remove_leftovers_in
from spanbert.core.outputs import check_output_folder, empty_folder
from spanbert.core.schema import read_checked
from spanbert.train.run_schemas import RunFacts

BUDGETS = ("max_steps", "max_tokens", "max_minutes", "max_epochs")
BUDGET_KEYS = (*BUDGETS, "least_steps")
PRETRAIN, FINETUNE = "pretrain", "finetune"  # kinds of runs, by the commands that make them
TUNE, SEVERAL, TUNE_SEVERAL = "finetune --tune", "finetune --seeds", "finetune --seeds --tune"
_DEVICE, _PRECISION = "settings.train.device", "settings.train.precision"
_FREE = {  # what may differ on --resume: it changes no arithmetic, or is the budget
    *(f"settings.train.{key}" for key in BUDGET_KEYS),
    *(
        f"settings.train.{key}"
        for key in ("evaluate_every", "checkpoint_every", "evaluate_tokens", "patience", "shard", "compile")
    ),
    _DEVICE,
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


def sweep_run(bundle: Path) -> None:
    """Removes what killed writers left in a bundle and in its run, to which nobody else writes now."""
    run = run_directory(bundle)
    for place in (bundle, run, run / "training"):
        remove_leftovers_in(place)


def check_run_folder(
    bundle: Path,
    kinds: Sequence[str],
    *,
    inputs: Iterable[str | os.PathLike[str] | None],
    resume: bool,
    overwrite: bool,
) -> None:
    """Refuses a place for a bundle and the run that makes it; writes nothing.

    Args:
        bundle: The bundle.
        kinds: Kinds of earlier runs that this one can continue, as `kind_of_run` says them; its own comes first.
        inputs: Files and folders that the run reads.
        resume: Continue the interrupted run there.
        overwrite: Replace a run, model or store that is there.

    Raises:
        InputError: Both are asked for, the run there is of another kind, there is no room beside the bundle, or as
            `check_output_folder`.
    """
    where = f"--out {bundle}"
    if resume and overwrite:
        raise InputError("either continue the run or replace it", got="--resume and --overwrite", where=where)
    if os.path.ismount(bundle):
        raise InputError(
            "the root of a file system, which has no room for the run beside the bundle",
            where=where,
            remedy=f"Choose a folder in it, such as {bundle / 'model'}",
        )
    earlier, read = kind_of_run(bundle), list(inputs)
    resumable = "--resume to continue it, " if earlier in kinds else ""
    remedy = f"Pass {resumable}--overwrite to replace it, or choose another --out"
    if resume and earlier is None:
        remedy += f"; there is nothing to resume in {run_directory(bundle)}"
    if resume and earlier is not None and earlier not in kinds:
        raise InputError(
            "a run of another kind, which cannot be continued",
            where=where,
            got=f"a run of spanbert {earlier}",
            expected=f"one of spanbert {kinds[0]}",
            remedy=remedy.replace("Pass --overwrite", "Pass --overwrite in place of --resume"),
        )
    require_places(bundle, inputs=read, overwrite=overwrite, goes_on=resume and earlier is not None, remedy=remedy)


def require_places(
    bundle: Path,
    *,
    inputs: Sequence[str | os.PathLike[str] | None] = (),
    overwrite: bool,
    goes_on: bool,
    remedy: str = "Pass --overwrite to replace it, or choose another one",
) -> None:
    """Refuses what is where a bundle and its run go, as `check_output_folder` does.

    Args:
        bundle: The bundle.
        inputs: Files and folders that the run reads.
        overwrite: Replace a run, model or store that is there.
        goes_on: A run that is there is continued.
        remedy: What can be done.

    Raises:
        InputError: As `check_output_folder`.
    """
    for place in (bundle, run_directory(bundle)):
        check_output_folder(place, inputs=inputs, overwrite=overwrite, resume=goes_on, remedy=remedy)


def kind_of_run(bundle: Path) -> str | None:
    """The kind of the run that makes a bundle, by its command; None: there is none that can be told."""
    run = files_of_run(bundle)
    try:
        facts = read_json(run / RUN_FILE)
    except InputError:  # there is none, or it is damaged: it can be replaced, and not be continued
        facts = {}
    has = facts.keys() if isinstance(facts, Mapping) else ()
    if any(run.glob(f"{SEEDS}/*/{RUN_FILE}")):
        return TUNE_SEVERAL if "tuning" in has else SEVERAL
    if "tuning" in has:
        return TUNE
    return FINETUNE if "tasks" in has else PRETRAIN if "store" in has else None


def empty_run(bundle: Path) -> None:
    """Removes a bundle and its run, where `check_run_folder` said that they may be replaced; the folders stay."""
    for place in (bundle, run_directory(bundle)):
        empty_folder(place)


def state_to_resume(bundle: Path, facts: dict[str, Any], resume: bool) -> SavedState | None:
    """The state to continue from, if there is one; of a run by an earlier version the files are moved first.

    Raises:
        InputError: A run with other settings.
    """
    if not resume:
        return None
    if before := facts_of_run(bundle):
        _compare(before, facts, files_of_run(bundle) / RUN_FILE)
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
    return read_checked(RunFacts, run_file) if run_file.is_file() else {}


def budget_of_run(bundle: Path) -> dict[str, Any]:
    """The budget of the run that makes a bundle, by setting; empty where there is no run."""
    facts = facts_of_run(bundle)
    settings = facts["settings"]["train"] if facts else {}
    return {key: settings[key] for key in BUDGET_KEYS if key in settings}


def _compare(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Refuses to resume with other settings that matter; another device may have another precision."""
    then, here = _by_step(before), _by_step(now)
    moved = then.get(_DEVICE, "cpu") != here.get(_DEVICE, "cpu")  # earlier versions knew the CPU alone
    for key in sorted((then.keys() | here.keys()) - _FREE - ({_PRECISION} if moved else set())):
        if then.get(key) != here.get(key):
            raise InputError(
                f"the interrupted run has another {key.removeprefix('settings.')}",
                where=str(where),
                got=repr(here.get(key)),
                expected=repr(then.get(key)),
                remedy="Pass the same settings to --resume, or choose another --out",
            )


def _by_step(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a run is, with micro-batches as a step of all processes has them: any number of them can go on."""
    flat = _flatten(run)
    parts = flat.pop("settings.train.accumulation", 1) * flat.pop("processes", 1)
    return {**flat, "settings.train.accumulation times processes": parts}


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat.update(_flatten(inner, f"{prefix}{key}.") if isinstance(inner, Mapping) else {prefix + key: inner})
    return flat
