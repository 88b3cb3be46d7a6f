"""What every run does around its training, whatever it trains.

settings --with_budget, settled--> settings in effect, runtime
directory --run_into--> Run: the one writer, signals noted, the state to continue from
model, plan --Run.trainer--> Trainer --Run.begin--> run.json, restored --Run.train--> best weights
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from spanbert import __version__
from spanbert.batches.loader import Loader, Plan
from spanbert.batches.plan import PlanPosition
from spanbert.checkpoint.state import SavedState, load_state, sweep_state
from spanbert.core.files import only_writer, remove_leftovers, remove_leftovers_in, write_json
from spanbert.core.outputs import check_output_folder, empty_folder
from spanbert.core.reporter import Reporter
from spanbert.train.config import OptimConfig, TrainConfig
from spanbert.train.loop import Outcome, Trainer
from spanbert.train.model import TaskModel
from spanbert.train.run_directory import BUDGET_KEYS, BUDGETS, state_to_resume
from spanbert.train.runtime import Runtime
from spanbert.train.signals import StopRequest


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


def settled(config: ConfigT) -> tuple[ConfigT, Runtime]:
    """The runtime, for which the process is prepared, and the settings with the precision that it came to.

    Run.json and the bundle say that precision, and `--resume` compares it.
    """
    runtime = Runtime.of(config.train)
    runtime.prepare_process()
    return config.with_train(precision=runtime.precision), runtime


def model_fact(model: str | Path) -> str:
    """The run.json entry for the model that a run starts from: its path, or its id on the hub."""
    return str(Path(model).resolve() if Path(model).exists() else model)


def trained_manifest(
    entries: Mapping[str, Any], *, base: str, data: Mapping[str, Any], config: RunConfig, outcome: Outcome
) -> dict[str, Any]:
    """The manifest of a bundle that a run made.

    Args:
        entries: Its tasks, by name.
        base: What training began with.
        data: What it was trained on.
        config: The settings.
        outcome: How the run ended.
    """
    return {
        "spanbert_version": __version__,
        "tasks": dict(entries),
        "base": base,
        "data": dict(data),
        "recipe": config.model_dump(mode="json"),
        "training": {
            **vars(outcome.progress),
            "stopped_by": outcome.stopped_by,
            "weights_of_step": outcome.best.step if outcome.best else outcome.progress.step,
        },
    }


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run in a directory of its own.

    Attributes:
        directory: Where its files go.
        facts: What the run is, for run.json.
        runtime: What it computes on.
        resume: Whether it should continue an interrupted run.
        replaced: The folder that is emptied when it begins; None: there is none.
        state: What that run left; None: this one starts from the beginning.
        stop: Whether a signal came.
        reporter: Receives progress.
    """

    directory: Path
    facts: Mapping[str, Any]
    runtime: Runtime
    resume: bool
    replaced: Path | None
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
    ) -> Trainer:
        """Puts the training together; writes nothing.

        Args:
            model: On the runtime's device.
            plan: Order of the data.
            config: The settings.
            evaluate: Scores the model on held-out data; None where there is none.
            prefetch: Steps made ahead.
            layer_decay: See `make_optimizer`.

        Raises:
            InputError: Settings that cannot be combined.
        """

        def make_loader(start: PlanPosition) -> Loader[Any, Any]:
            accumulation = config.train.accumulation
            return Loader(plan, model.task.collate, accumulation=accumulation, start=start, prefetch=prefetch)

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
        )

    def begin(self, trainer: Trainer) -> bool:
        """Describes the run in run.json, and continues from the state of an interrupted one.

        Returns:
            Whether there was such a state.
        """
        if self.replaced is not None:
            empty_folder(self.replaced)
        self.directory.mkdir(parents=True, exist_ok=True)
        write_json(self.directory / "run.json", self.facts)
        if self.state is None:
            if self.resume:
                self.reporter.say("nothing to resume: starting from the beginning")
            return False
        trainer.restore(self.state)
        self.reporter.say(f"resuming after step {trainer.progress.step:,}")
        return True

    def train(self, trainer: Trainer) -> Outcome:
        """Trains to the end, or to a signal; the model then has the best weights where something was evaluated."""
        outcome = trainer.run(self.stop)
        best = load_state(self.directory / "training" / "best")
        if best is not None:
            trainer.model.load_state_dict(best.model)
        return outcome


@contextmanager
def run_into(
    directory: Path,
    facts: dict[str, Any],
    *,
    runtime: Runtime,
    resume: bool,
    replaced: Path | None = None,
    reporter: Reporter,
) -> Iterator[Run]:
    """A run; during the block no other run may write into its directory, and signals are noted.

    What killed runs left half-written is removed.

    Args:
        directory: Where the run's files go, and the bundle in the end; `check_run_folder` said that it may be used.
        facts: What the run is: data, model, settings; compared with those of the run that is resumed.
        runtime: What it computes on.
        resume: Continue the interrupted run in the directory, if there is one.
        replaced: A folder to empty when the run begins: the directory, or one that holds it.
        reporter: Receives progress.

    Raises:
        InputError: The directory holds a run with other settings, something that came there since it was checked, or is
            in use.
    """
    with only_writer(directory), StopRequest() as stop:
        is_resumed = resume and (directory / "run.json").is_file()
        check_output_folder(directory, inputs=[], overwrite=replaced is not None, resume=is_resumed)
        state = state_to_resume(directory, facts, resume)
        remove_leftovers(directory)
        remove_leftovers_in(directory)
        for name in ("last", "best"):
            sweep_state(directory / "training" / name)
        yield Run(
            directory=directory,
            facts=facts,
            runtime=runtime,
            resume=resume,
            replaced=replaced,
            state=state,
            stop=stop,
            reporter=reporter,
        )
