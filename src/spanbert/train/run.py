"""What every run does around its training, whatever it trains.

settings --with_budget, settled--> settings in effect, runtime
bundle --run_into--> Run: the one writer, signals noted, the state to continue from
model, plan --Run.trainer--> Trainer --Run.begin--> run.json, restored --Run.train--> best weights
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from spanbert import __version__
from spanbert.batches.loader import Loader, Plan
from spanbert.batches.plan import PlanPosition
from spanbert.checkpoint.state import SavedState, load_state, sweep_state
from spanbert.core.device import DeviceLike, device_name
from spanbert.core.files import write_json
from spanbert.core.model_path import model_name
from spanbert.core.reporter import Reporter
from spanbert.encoder.hardware import explaining_memory, precision_warning
from spanbert.train.config import OptimConfig, TrainConfig
from spanbert.train.loop import Trainer
from spanbert.train.model import TaskModel
from spanbert.train.outcome import Outcome
from spanbert.train.run_directory import (
    BUDGET_KEYS,
    BUDGETS,
    RUN_FILE,
    empty_run,
    kind_of_run,
    only_run,
    require_places,
    run_directory,
    state_to_resume,
    sweep_run,
)
from spanbert.train.runtime import Runtime
from spanbert.train.signals import StopRequest
from spanbert.train.timetable import Scoring


class RunConfig(Protocol):
    """What the settings of every run have."""

    @property
    def train(self) -> TrainConfig:
        """The loop."""

    @property
    def optim(self) -> OptimConfig:
        """Optimiser and schedule."""

    def with_train(self, **changes: object) -> Self:
        """The same with other settings of the loop."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """All of them."""


ConfigT = TypeVar("ConfigT", bound=RunConfig)
_LESS_MEMORY = (
    "Start again (--overwrite) with smaller micro-batches, --set train.accumulation=2 or more, which change only "
    "rounding; or --set train.gradient_checkpointing=true"
)


def with_budget(
    config: ConfigT,
    earlier: Mapping[str, Any],
    *,
    usual: Mapping[str, Any],
    reporter: Reporter,
    remark: str = "",
) -> ConfigT:
    """The settings with a budget: the given one, that of the run that is resumed, or the usual one.

    Args:
        config: The settings as they were given.
        earlier: Budget of the interrupted run, by setting; empty where there is none.
        usual: The default budget.
        reporter: Receives a line where the given budget differs from the interrupted run's.
        remark: What is added to this.
    """
    asked = {key: getattr(config.train, key) for key in BUDGET_KEYS if hasattr(config.train, key)}
    if not any(asked.get(key) for key in BUDGETS):
        return config.with_train(**(earlier or usual))
    if earlier and earlier != asked:
        reporter.say(f"a different budget from the interrupted run's: {_said(asked)}, it was {_said(earlier)}{remark}")
    return config


def _said(budget: Mapping[str, Any]) -> str:
    """A budget in words: `max_minutes 0.25`."""
    return ", ".join(f"{name} {value:.4g}" for name, value in budget.items() if value) or "none"


def with_device(config: ConfigT, device: DeviceLike | None) -> ConfigT:
    """The settings with the device that a caller of a Python function passed; None: as they are.

    Raises:
        InputError: Not a device.
    """
    return config if device is None else config.with_train(device=device_name(device))


def settled(config: ConfigT) -> tuple[ConfigT, Runtime]:
    """The runtime, for which the process is prepared, and the settings with the device and precision it came to.

    Run.json and the bundle say these. `--resume` compares the precision, but on another device it may be another one.

    Raises:
        InputError: A device that there is not.
    """
    runtime = Runtime.of(config.train)
    runtime.prepare_process()
    return config.with_train(precision=runtime.precision, device=str(runtime.device)), runtime


def announce(runtime: Runtime, reporter: Reporter) -> None:
    """Says what a run computes on, once its data can be read, and what speaks against it."""
    reporter.say(runtime.line)
    warning = precision_warning(runtime.precision, runtime.device)
    if warning is not None:
        reporter.say(warning)


def model_fact(model: str | Path) -> str:
    """The run.json entry for the model that a run starts from: its path, or its id on the hub."""
    return str(Path(model).resolve() if Path(model).exists() else model)


def base_name(model: str | Path | None, size: str | None) -> str:
    """What a card calls the weights that a run starts from."""
    return f"from scratch, size {size}" if model is None else model_name(model)


def trained_manifest(
    entries: Mapping[str, Any],
    *,
    base: str,
    base_model: str | None,
    data: Mapping[str, Any],
    config: RunConfig,
    outcome: Outcome,
) -> dict[str, Any]:
    """The manifest of a bundle that a run made.

    Args:
        entries: Its tasks, by name.
        base: What training began with.
        base_model: Its id on the hub, or of the model that this one in turn began with; None: not from the hub.
        data: What it was trained on.
        config: The settings.
        outcome: How the run ended.
    """
    return {
        "spanbert_version": __version__,
        "tasks": portable(entries),
        "base": base,
        **({} if base_model is None else {"base_model": base_model}),
        "data": dict(data),
        "recipe": portable(config.model_dump(mode="json")),
        "training": {
            **vars(outcome.progress),
            "stopped_by": outcome.stopped_by,
            "weights_of_step": outcome.best.step if outcome.best else outcome.progress.step,
        },
    }


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with names in place of the absolute paths of files, which say nothing on another machine."""

    def portable_value(value: Any) -> Any:
        if isinstance(value, Mapping):
            return portable(value)
        is_place = isinstance(value, str) and Path(value).is_absolute() and Path(value).exists()
        return (Path(value).name or value) if is_place else value

    return {name: portable_value(value) for name, value in settings.items()}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run in a directory of its own, beside the bundle that it makes.

    Attributes:
        bundle: What it makes.
        directory: Where its files go: see `run_directory`.
        facts: What the run is, for run.json.
        runtime: What it computes on.
        resume: Whether it should continue an interrupted run.
        overwrite: Whether it replaces what is there when it begins.
        began: Called when it begins, before it writes anything.
        state: What that run left; None: this one starts from the beginning.
        stop: Whether a signal came.
        reporter: Receives progress.
    """

    bundle: Path
    directory: Path
    facts: Mapping[str, Any]
    runtime: Runtime
    resume: bool
    overwrite: bool
    began: Callable[[], None] | None
    state: SavedState | None
    stop: StopRequest
    reporter: Reporter

    def trainer(
        self,
        model: TaskModel,
        plan: Plan[Any],
        config: RunConfig,
        *,
        evaluate: Callable[[], dict[str, Any]] | None,
        prefetch: int,
        layer_decay: float = 1.0,
        scoring: Scoring | None = None,
    ) -> Trainer:
        """Puts the training together; writes nothing.

        Args:
            model: On the runtime's device.
            plan: Order of the data.
            config: The settings.
            evaluate: Scores the model on held-out data; None where there is none.
            prefetch: Steps made ahead.
            layer_decay: See `make_optimizer`.
            scoring: What `evaluate` does, so that a budget of time has room for it; None: nothing is known of it.

        Raises:
            InputError: Settings that cannot be combined.
        """

        def make_loader(start: PlanPosition) -> Loader[Any, Any]:
            return Loader(
                plan,
                model.task.collate,
                accumulation=config.train.accumulation,
                rank=self.runtime.ranks.rank,
                ranks=self.runtime.ranks.size,
                start=start,
                prefetch=prefetch,
            )

        make_loader(PlanPosition())  # refuses before anything is written
        return Trainer(
            model=model,
            make_loader=make_loader,
            evaluate=evaluate,
            train=config.train,
            optim=config.optim,
            runtime=self.runtime,
            directory=self.directory,
            reporter=self.reporter,
            layer_decay=layer_decay,
            scoring=scoring,
        )

    def noting(self, **facts: Any) -> Self:
        """The same run, of which run.json says something else, too; before it begins."""
        return replace(self, facts={**self.facts, **facts})

    def begin(self, trainer: Trainer) -> bool:
        """Describes the run in run.json, and continues from the state of an interrupted one.

        Returns:
            Whether there was such a state.
        """
        if self.runtime.ranks.is_first:
            if self.overwrite:
                empty_run(self.bundle)
            if self.began is not None:
                self.began()
            self.directory.mkdir(parents=True, exist_ok=True)
            write_json(self.directory / RUN_FILE, self.facts)
        if self.state is None:
            if self.resume:
                self.reporter.say("nothing to resume: starting from the beginning")
            return False
        trainer.restore(self.state)
        self.reporter.say(f"resuming after step {trainer.progress.step:,}")
        return True

    def train(self, trainer: Trainer, *, until: float = 1.0) -> Outcome:
        """Trains to the end, or to a signal; the model then has the best weights where something was evaluated.

        Of several processes the first has them.

        Args:
            trainer: The training.
            until: The used share of the budget at which to pause.
        """
        with explaining_memory(self.runtime.device, _LESS_MEMORY):
            outcome = trainer.run(self.stop, until=until)
        best = load_state(self.directory / "training" / "best") if self.runtime.ranks.is_first else None
        if best is not None:
            trainer.model.load_state_dict(best.model)
        return outcome


@contextmanager
def run_into(
    bundle: Path,
    facts: dict[str, Any],
    *,
    runtime: Runtime,
    resume: bool,
    overwrite: bool = False,
    began: Callable[[], None] | None = None,
    reporter: Reporter,
) -> Iterator[Run]:
    """A run; during the block no other run may write to its bundle or its directory, and signals are noted.

    What killed runs left half-written is removed.

    Args:
        bundle: What the run makes in the end; `check_run_folder` said that it may.
        facts: What the run is: data, model, settings; compared with those of the run that is resumed.
        runtime: What it computes on.
        resume: Continue the interrupted run of this bundle, if there is one.
        overwrite: Replace what is there when the run begins.
        began: Called when the run begins, before it writes anything.
        reporter: Receives progress.

    Raises:
        InputError: A run with other settings is there, something that came there since it was checked, or it is in use.
    """
    ranks, directory = runtime.ranks, run_directory(bundle)
    facts = facts if ranks.size == 1 else {**facts, "processes": ranks.size}
    with only_run(bundle) if ranks.is_first else nullcontext(), StopRequest() as stop:
        if ranks.is_first:
            require_places(bundle, overwrite=overwrite, goes_on=resume and kind_of_run(bundle) is not None)
            state = state_to_resume(bundle, facts, resume)
            sweep_run(bundle)
            for name in ("last", "best"):
                sweep_state(directory / "training" / name)
        ranks.wait()
        if not ranks.is_first:
            state = state_to_resume(bundle, facts, resume)
        ranks.wait()  # nothing is written before all have read
        yield Run(
            bundle=bundle,
            directory=directory,
            facts=facts,
            runtime=runtime,
            resume=resume,
            overwrite=overwrite,
            began=began,
            state=state,
            stop=stop,
            reporter=reporter,
        )
