"""Fine-tuning with several rates: all are tried for a part of the steps, the best is trained whole.

settings --plan_of--> trials --finetune(until=share)--> scores on dev data --the best go on--> bundle

OUT.run/run.json          what is tuned, the trials among it
OUT.run/tuning.json       settings and scores of every trial, as they end
OUT.run/tuning/1, 2 ...   a run each; of those that do not go on the training state is removed
OUT/                      a copy of the best bundle

This is successive halving (Jamieson and Talwalkar 2016) in two rounds. All trials have the same seed, and from their
first step on the schedule of a whole run: those that go on do so from where they stand, and no step is made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from spanbert.core.device import DeviceLike
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.files import write_json
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.schema import read_checked
from spanbert.core.texts import require_path
from spanbert.core.types import Facts
from spanbert.encoder.config import Size
from spanbert.train.best_bundle import copy_best
from spanbert.train.figures import NotFiniteError
from spanbert.train.finetune import (
    FinetuneResult,
    finetune,
    starting_point,
    with_run_budget,
)
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.finetune_facts import run_facts
from spanbert.train.run import with_device
from spanbert.train.run_directory import (
    RUN_FILE,
    TRIALS,
    TUNE,
    TUNING_FILE,
    budget_of_run,
    check_run_folder,
    empty_run,
    facts_of_run,
    forget_state,
    only_run,
    run_directory,
    state_to_resume,
    sweep_run,
)
from spanbert.train.run_schemas import TuningRecord
from spanbert.train.task_data import TaskData, as_task_data, files_read, with_held_out
from spanbert.train.text_objective import text_store
from spanbert.train.trial import Score, Trial, TrialReporter, TrialTable
from spanbert.train.tune_plan import USUAL_BUDGET, plan_of, with_settings
from spanbert.train.usual import usual_rates


@dataclass(frozen=True, kw_only=True)
class TuneResult:
    """The result of a tuning.

    Attributes:
        result: The best run; where a signal came before any was whole, the one that it interrupted.
        config: The settings of that run.
        best: Its trial; None where a signal came before it was known.
        trials: All of them, in the order in which they were tried.
    """

    result: FinetuneResult
    config: FinetuneConfig
    best: Trial | None
    trials: tuple[Trial, ...]

    @property
    def card(self) -> list[str]:
        """A section for the model card."""
        table = TrialTable.of(self.trials)
        rows = [[*table.settings, *(f"after {share:.0%}" for share in table.shares)]]
        rows += [[*(f"{value:g}" for value in settings), *scores] for settings, scores in table.rows]
        rows.insert(1, ["---"] * len(rows[0]))
        assert self.best is not None
        return [
            "## Tuning",
            f"Scores of {len(self.trials)} settings on the dev data, after shares of a run's steps; the weights are "
            f"those of {self.best.in_words}.",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]


@shows_progress
def finetune_tuned(
    tasks: Mapping[str, TaskData] | Mapping[str, Facts],
    *,
    out: str | Path,
    budget: str | None = None,
    model: str | Path | None = None,
    size: Size | None = None,
    config: FinetuneConfig | Facts | None = None,
    device: DeviceLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> TuneResult:
    """Fine-tunes with several rates around the usual ones and keeps the best on the dev data; see `finetune`.

    Args:
        tasks: By the names that they get in the bundle; each with dev data.
        out: The bundle to make.
        budget: Of all trials together: a multiple of one run (`400%`), or `20m`, `2000steps`, `1Mtok`, by which each
            run is limited then; None: `400%`, or that of the tuning that is resumed.
        model: Bundle, Hugging Face directory or hub id to start from.
        size: Train an encoder from scratch at this size instead.
        config: Settings, or a dictionary of them; rates that are set are not varied, and `train` has the budget of one
            run.
        device: See `finetune`.
        resume: Continue the interrupted tuning of `out`.
        overwrite: Replace a run, model or store in `out` when the first trial begins.
        reporter: Receives progress.

    Raises:
        InputError: No dev data, no rate to vary, too small a budget, or as `finetune`.
    """
    require_path(out, "out")
    reporter, config, target = reporter or SilentReporter(), FinetuneConfig.of(config), Path(out)
    config, tasks = with_device(config, device), as_task_data(tasks)
    read = files_read(tasks, model, config)
    check_run_folder(target, (TUNE,), inputs=read, resume=resume, overwrite=overwrite)
    with only_run(target):
        sweep_run(target)
        tuned = run_trials(
            tasks, budget=budget, out=target, model=model, size=size, config=config, resume=resume,
            overwrite=overwrite, reporter=reporter,
        )  # fmt: skip
        if tuned.best is None:
            return tuned
        copy_best(tuned.result.path, target, tuned.card)
    return replace(tuned, result=replace(tuned.result, path=target))


def run_trials(
    tasks: Mapping[str, TaskData],
    *,
    budget: str | None,
    out: Path,
    model: str | Path | None,
    size: Size | None,
    config: FinetuneConfig,
    resume: bool,
    overwrite: bool,
    reporter: Reporter,
) -> TuneResult:
    """What `finetune_tuned` does, up to the copy of the best bundle; the caller holds the locks."""
    if any(data.dev is None for data in tasks.values()):
        raise InputError("tuning needs dev data, to choose the best rates by", expected="--dev")
    earlier = budget_of_run(out) if resume else {}
    budget = budget or (facts_of_run(out).get("tuning", {}).get("budget") if resume else None) or USUAL_BUDGET
    config = with_run_budget(config, tasks, earlier, SilentReporter())
    _, shape = starting_point(model, size, config, verify=False)  # each trial compares the checksums
    config, plan = plan_of(budget, config, usual_rates(shape, from_scratch=model is None))
    stated = {"budget": budget, "trials": [dict(one) for one in plan.trials], "share": plan.share, "kept": plan.kept}
    tasks = with_held_out(tasks, config, reporter)
    facts = {**run_facts(tasks, model, size, config, text_store(config, verify=False)), "tuning": stated}
    state_to_resume(out, facts, resume)
    now = {key: getattr(config.train, key) for key in earlier}
    if now != earlier:
        raise InputError(
            "the interrupted tuning has another budget of a run", where=str(run_directory(out) / RUN_FILE),
            got=str(now), expected=str(earlier), remedy="Pass the same --budget to --resume, or none",
        )  # fmt: skip
    run, has_begun = run_directory(out), bool(earlier)
    reporter.say(f"tuning: {len(plan.trials)} settings, {plan.runs:.1f} times the work of one run in all")

    def begin() -> None:
        nonlocal has_begun
        if overwrite:
            empty_run(out)
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / RUN_FILE, facts)
        has_begun = True

    def train(trial: Trial, share: float, heard: Reporter) -> FinetuneResult:
        place = run / TRIALS / trial.name
        return finetune(
            tasks, model=model, size=size, out=place, config=with_settings(config, trial.settings),
            resume=has_begun and bool(facts_of_run(place)), overwrite=overwrite and not has_begun,
            began=None if has_begun else begin, until=share, title=out.name, reporter=heard,
        )  # fmt: skip

    trials = [Trial(name=str(number), settings=one) for number, one in enumerate(plan.trials, start=1)]
    rounds = [(plan.share, plan.kept), (1.0, 1)] if plan.share < 1 else [(1.0, 1)]
    if has_begun and (run / TUNING_FILE).is_file():
        trials = [Trial.of_record(one) for one in read_checked(TuningRecord, run / TUNING_FILE)["trials"]]
    try:
        return _Tuning(run, trials, train, config, reporter).run(rounds)
    finally:
        if not has_begun:  # refused: the folders of its locks do not stay
            for place in (run / TRIALS, run):
                if place.is_dir() and not any(place.iterdir()):
                    place.rmdir()


class _Tuning:
    """The trials as far as they are.

    Args:
        run: The directory of the tuning.
        trials: What is to be tried.
        train: Trains a trial up to a share of its budget.
        config: What all trials have in common.
        reporter: Receives progress.
    """

    def __init__(
        self,
        run: Path,
        trials: Sequence[Trial],
        train: Callable[[Trial, float, Reporter], FinetuneResult],
        config: FinetuneConfig,
        reporter: Reporter,
    ) -> None:
        self._file, self._places = run / TUNING_FILE, run / TRIALS
        self._train, self._config, self._reporter = train, config, reporter
        self._results: dict[str, FinetuneResult] = {}
        self._told: set[str] = set()  # trials whose whole run was heard
        self._trials = {one.name: one for one in trials}

    def run(self, rounds: Sequence[tuple[float, int]]) -> TuneResult:
        """Runs the rounds.

        Args:
            rounds: Of each, the share of the budget that its trials get, and how many of them go on.
        """
        names = list(self._trials)
        for share, kept in rounds:
            for name in names:
                if not self._trials[name].has(share):
                    interrupted = self._advance(name, share)
                    if interrupted is not None:
                        return self._ended(interrupted, name, best=None)
                for other in self._ranked(names, share)[kept:]:
                    forget_state(self._places / other)
            names = self._ranked(names, share)[:kept]
        [best] = names
        if self._trials[best].scores[-1].score is None:
            raise SpanbertError(
                f"the loss of all {len(self._trials)} trials was infinite or not a number. Set a lower optim.lr, and "
                "look at the data with spanbert doctor"
            )
        if best not in self._results:  # made before this tuning was resumed
            self._results[best] = self._train(self._trials[best], 1.0, SilentReporter())
        self._record(best)
        result = self._results[best]
        assert result.outcome.best is not None
        trial = self._trials[best]
        self._reporter.say(f"the best is trial {best}: {trial.in_words}, {result.outcome.best.selection_score:.4f}")
        for warning in () if best in self._told else result.warnings:
            self._reporter.say(warning)
        return self._ended(result, best, best=trial)

    def _advance(self, name: str, share: float) -> FinetuneResult | None:
        """Trains a trial on and notes its score; gives the result of a run that a signal ended."""
        trial, place = self._trials[name], list(self._trials).index(name) + 1
        label = f"trial {place} of {len(self._trials)}"
        talks = bool(trial.scores) or place == 1
        score, said = Score(share=share, step=None, score=None), "the loss was infinite or not a number"
        try:
            result = self._train(trial, share, TrialReporter(self._reporter, label, talks=talks))
        except NotFiniteError:
            pass
        else:
            if result.outcome.interrupted:
                return result
            assert result.outcome.best is not None
            step, reached = result.outcome.progress.step, result.outcome.best.selection_score
            score = Score(share=share, step=step, score=reached)
            said = f"{reached:.4f} on the dev data after {step:,} steps"
            if share == 1:
                self._results[name] = result
                self._told |= {name} if talks else set()
        self._trials[name] = replace(trial, scores=(*trial.scores, score))
        self._record(None)
        self._reporter.say(f"{label}: {trial.in_words}: {said}")
        return None

    def _ranked(self, names: Sequence[str], share: float) -> list[str]:
        """Those that got so far, best first; of equal ones the first."""
        return sorted((one for one in names if self._trials[one].has(share)), key=lambda one: -self._trials[one].rank)

    def _record(self, best: str | None) -> None:
        write_json(self._file, {"best": best, "trials": [asdict(one) for one in self._trials.values()]})

    def _ended(self, result: FinetuneResult, name: str, *, best: Trial | None) -> TuneResult:
        config = with_settings(self._config, self._trials[name].settings)
        return TuneResult(result=result, config=config, best=best, trials=tuple(self._trials.values()))
