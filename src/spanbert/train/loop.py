"""One training loop for every task.

    for each step of the loader:
        for each micro-batch: seed dropout by key, forward, sum / N of the whole step, backward
        clip, set the rates by the used share of the budget, AdamW
        note the figures, when the device was asked for them; evaluate and save when due; stop on budget or signal

State = (step, optimiser, plan position): a run to a number of steps that is killed and resumed gives the same losses
and weights, bit for bit, on the same machine, thread count and libraries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.batches.loader import Loader, Step
from spanbert.batches.plan import PlanPosition
from spanbert.checkpoint.shared_state import SharedStates
from spanbert.checkpoint.state import SavedState, load_state, save_state
from spanbert.core.reporter import Reporter
from spanbert.core.schema import checked
from spanbert.encoder.hardware import threads_by_work
from spanbert.encoder.model import DivergedError
from spanbert.tasks.protocol import MicroBatch
from spanbert.train.budget import Budget, Progress, is_due, schedule_factor
from spanbert.train.config import Amount, OptimConfig, TrainConfig
from spanbert.train.figures import StepFigures, not_finite, require_finite
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer, optimizer_tensors, restore_optimizer, set_rates
from spanbert.train.outcome import Best, Outcome
from spanbert.train.parallel import parallel
from spanbert.train.ranks import lost_as_error
from spanbert.train.run_schemas import BestFacts, StateFacts
from spanbert.train.runtime import Runtime
from spanbert.train.signals import StopRequest
from spanbert.train.spikes import SpikeGuard
from spanbert.train.step import backward
from spanbert.train.telemetry import Telemetry
from spanbert.train.timetable import Scoring, Timetable
from spanbert.train.tracking import Tracker


class Trainer:
    """Trains a model on its task.

    Args:
        model: Encoder, head and task, on the runtime's device; on the first rank it is up to date when it is scored
            and at the end.
        make_loader: Opens the data at a plan position.
        evaluate: Scores the model on held-out data; None where there is none.
        train: Budget and intervals.
        optim: Rates and schedule.
        runtime: Device, precision and seed.
        directory: Where logs and states go.
        reporter: Receives progress.
        layer_decay: See `make_optimizer`.
        scoring: What `evaluate` does; None: nothing is known of it.
    """

    def __init__(
        self,
        *,
        model: TaskModel,
        make_loader: Callable[[PlanPosition], Loader[Any, Any]],
        evaluate: Callable[[], dict[str, Any]] | None,
        train: TrainConfig,
        optim: OptimConfig,
        runtime: Runtime,
        directory: Path,
        reporter: Reporter,
        layer_decay: float = 1.0,
        scoring: Scoring | None = None,
    ) -> None:
        self.model, self.make_loader, self.evaluate = model, make_loader, evaluate
        self.config, self.optim, self.runtime = train, optim, runtime
        self.directory, self.reporter = directory, reporter
        self._budget = Budget.of(train)
        self.timetable = Timetable(self._budget.seconds, None if evaluate is None else scoring or Scoring())
        self.evaluate_every = Amount.parse(train.evaluate_every, where="train.evaluate_every")
        self.checkpoint_every = Amount.parse(train.checkpoint_every, where="train.checkpoint_every")
        self.spikes = SpikeGuard(optim.spike_factor, runtime.device)
        self.telemetry = Telemetry(model, runtime.device, runtime.precision)
        self.parallel = parallel(model, runtime, shard=train.shard, frozen=optim.frozen > 0)
        self.optimizer = make_optimizer(self.parallel.trained, optim, layer_decay=layer_decay)
        self.ranks = runtime.ranks
        self._states = None
        if self.ranks.states is not None:
            self._states = SharedStates(self.ranks.states, is_first=self.ranks.is_first)
        self.progress = Progress()
        self.position = PlanPosition()
        self.best: Best | None = None
        self.last_scores: Mapping[str, Any] = {}
        self.scored_at: int | None = None
        self.to_beat: float | None = None  # selection score of the best evaluation
        self.without_gain = 0  # evaluations since then
        self.owes_evaluation = False  # one was due after the last step, and a signal came first

    @property
    def budget(self) -> Budget:
        """The budget, of whose time what must come after the last step is taken off."""
        return self._budget.reserving(self.timetable.reserved)

    def restore(self, state: SavedState) -> None:
        """Continues from a saved state."""
        self.parallel.load(state.model)
        restore_optimizer(self.optimizer, self.parallel.trained, state.optimizer)
        facts, where = state.facts, str(self.directory / "training")
        checked(StateFacts, facts, where, key="last/state.json")
        self.progress = Progress(**facts["progress"])
        self.position = PlanPosition.of_state(facts["position"])
        self.last_scores, self.scored_at = facts["last_scores"], facts["scored_at"]
        self.to_beat, self.without_gain = facts["to_beat"], facts["without_gain"]
        self.owes_evaluation = facts.get("owes_evaluation", False)  # earlier versions did not note it
        self.spikes.restore(facts.get("spikes"))
        best = load_state(self.directory / "training" / "best")  # may be of a later step that a kill took back
        if best:
            checked(BestFacts, best.facts, where, key="best/state.json")
            self.best = Best.of_state(best.facts)

    def run(self, stop: StopRequest, *, until: float = 1.0) -> Outcome:
        """Trains until the budget is used or a signal comes.

        Args:
            stop: Whether a signal came.
            until: The used share of the budget at which to pause; the schedule is that of the whole budget, so that a
                run that goes on from there is the same as one without a pause.

        Raises:
            NotFiniteError: Too many steps in a row were left out, as their gradients are too large or no numbers; the
                state that was saved last stays.
        """
        self.parallel.trained.train()
        stopped_by = "budget"
        clock = time.monotonic() - self.progress.seconds

        def now() -> Progress:
            return replace(self.progress, seconds=self.ranks.number_of_first(time.monotonic() - clock))

        with self._tracker() as tracker, lost_as_error(self.ranks):
            figures = StepFigures(
                self.model.task.objectives,
                most=self.runtime.steps_between_reads,
                note=partial(self._note, tracker),
                directory=self.directory,
                most_skipped=self.optim.most_skipped,
                say=self.reporter.say,
            )
            steps = iter(self.make_loader(self.position))
            try:
                if self.owes_evaluation:
                    self._evaluate(tracker, stop)
                    self.progress = now()
                while self._goes_on(until):
                    if signal := self.ranks.signal_of_any(stop.received):
                        stopped_by = signal
                        break
                    if self.config.patience is not None and self.without_gain >= self.config.patience:
                        stopped_by = "patience"
                        break
                    before, asked = self.progress, time.monotonic()
                    step = next(steps)
                    waited = time.monotonic() - asked
                    self._step(step, figures)
                    seconds = self.ranks.number_of_first(time.monotonic() - clock)
                    self.progress = Progress(step=before.step + 1, tokens=before.tokens + step.tokens, seconds=seconds)
                    self.timetable.made_step(seconds - before.seconds, step.tokens)
                    self.position = step.after
                    speed = step.tokens / max(seconds - before.seconds, 1e-9)
                    usage = self.telemetry.figures(step, seconds - before.seconds, waited)
                    figures.done(tokens_per_second=speed, tokens=self.progress.tokens, seconds=seconds, **usage)
                    self.owes_evaluation = self.evaluate is not None and self._evaluation_is_due(before)
                    if self.ranks.signal_of_any(stop.received):
                        continue
                    if self.owes_evaluation:
                        figures.read()
                        self._evaluate(tracker, stop)
                        self.progress = now()
                    if is_due(self.checkpoint_every, before, self.progress, self.budget):
                        figures.read()
                        self._save(tracker)
                        self.progress = now()
                figures.read()
                if not self._evaluated_at(self.progress.step) and stopped_by == "budget":
                    self._evaluate(tracker, stop)
                    if not self._evaluated_at(self.progress.step):
                        stopped_by = str(self.ranks.signal_of_any(stop.received))
            finally:
                steps.close()  # type: ignore[attr-defined]
            if self.progress.step:
                self._save(tracker)
                if self._states is not None:
                    self._states.finish()
            self.parallel.update_model()
        if stopped_by == "budget" and until < 1 and self.budget.fraction(self.progress) < 1:
            stopped_by = "pause"
        self.reporter.finish("train")
        return Outcome(progress=self.progress, stopped_by=stopped_by, best=self.best, last_scores=self.last_scores)

    def _tracker(self) -> AbstractContextManager[Tracker | None]:
        """The logs, of the first rank."""
        return Tracker(self.directory, after_step=self.progress.step) if self.ranks.is_first else nullcontext()

    def _goes_on(self, until: float) -> bool:
        """Whether another step is made: the budget is not used, and of a budget of time enough is left for it."""
        if self.budget.fraction(self.progress) >= until:
            return False
        return not self.progress.step or self.timetable.fits_step(self.progress.seconds)

    def _step(self, step: Step[MicroBatch[Any]], figures: StepFigures) -> None:
        """One optimiser step."""
        tokens = step.tokens // (max(len(step.micro_batches), 1) * self.ranks.size)
        with threads_by_work(tokens, self.model.encoder.config.hidden_size, self.runtime.device):
            self._update(step, figures)

    def _update(self, step: Step[MicroBatch[Any]], figures: StepFigures) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self.optim.frozen:
            self.parallel.trained.freeze(self.budget.fraction(self.progress) < self.optim.frozen)
        number = self.progress.step
        losses = backward(self.parallel, step, number=number, runtime=self.runtime)
        norm = self.parallel.clip(self.optim.clip)
        factor = schedule_factor(self.optim, self.budget.fraction_inside_next(self.progress, step.tokens))
        norm = norm.to(self.runtime.device)  # without any gradient it is a zero on the CPU
        self.optimizer.found_inf = self.spikes.skips(norm, of=",".join(losses))  # type: ignore[attr-defined]
        figures.measured(
            number + 1, losses, gradient_norm=norm, skipped=self.spikes.in_a_row, lr=self.optim.lr * factor
        )
        set_rates(self.optimizer, factor)
        self.optimizer.step()

    def _note(self, tracker: Tracker | None, step: int, figures: Mapping[str, float]) -> None:
        """Records the figures of a step."""
        if tracker is None:
            return
        tracker.step(step, figures)
        shown = {name.removesuffix("_loss"): f"{figures[name]:.3f}" for name in figures if name.endswith("_loss")}
        speed = self.progress.tokens / max(self.progress.seconds, 1e-9)
        shown |= {"tok/s": f"{speed:,.0f}", "step": f"{self.progress.step:,}"}
        self.reporter.update("train", self.budget.fraction(self.progress), shown)

    def _evaluation_is_due(self, before: Progress) -> bool:
        """Whether held-out data is scored after this step.

        One that does not fit into a budget of time is left out, and those that come after shares of it wait where
        evaluations took much of it so far. The one at the end always comes.
        """
        used, may_wait = self.progress.seconds, self.evaluate_every.unit == "share"
        if not self.timetable.fits_evaluation(used) or (may_wait and self.timetable.has_evaluated_much(used)):
            return False
        return is_due(self.evaluate_every, before, self.progress, self.budget)

    def _evaluated_at(self, step: int) -> bool:
        return self.evaluate is None or self.scored_at == step

    def _evaluate(self, tracker: Tracker | None, stop: StopRequest) -> None:
        """Scores held-out data on the first rank, unless a signal ends that."""
        begun, was_too_short = time.monotonic(), self.timetable.is_too_short
        if self.evaluate is None:
            return
        self.parallel.update_model()
        try:
            scores = self.ranks.of_first(partial(stop.unless_stopped, self.evaluate))
        except DivergedError as error:
            raise not_finite(self.directory, self.progress.step, error.what) from error
        if scores is None:
            return
        self._take_scores(tracker, scores)
        self.timetable.made_evaluation(self.ranks.number_of_first(time.monotonic() - begun))
        if self.timetable.is_too_short and not was_too_short:
            self.reporter.say(
                "the budget is too short for this dev data: what comes after the last step takes about "
                f"{self.timetable.after:,.0f} s; a smaller dev file is scored faster"
            )

    def _take_scores(self, tracker: Tracker | None, scores: Mapping[str, Any]) -> None:
        """Notes held-out scores, and keeps the weights if they are the best."""
        step = self.progress.step
        selection_score = self.model.task.selection_score(scores)
        require_finite(self.directory, step, held_out_score=selection_score)
        if tracker is not None:
            tracker.evaluation(step, {**scores, "tokens": self.progress.tokens, "seconds": self.progress.seconds})
        self.reporter.say(f"step {step:,}: held-out {self.model.task.headline(scores)}")
        self.last_scores, self.scored_at, self.owes_evaluation = scores, step, False
        self.without_gain += 1
        if self.to_beat is None or selection_score > self.to_beat:
            self.to_beat, self.without_gain = selection_score, 0
            self.best = Best(step=step, selection_score=selection_score, scores=scores)
            if self.ranks.is_first:
                save_state(
                    self.directory / "training" / "best",
                    model=self.model.tensors(),
                    optimizer={},
                    facts=asdict(self.best),
                )

    def _save(self, tracker: Tracker | None) -> None:
        begun = time.monotonic()
        if tracker is not None:
            tracker.sync()
        save = save_state if self._states is None else self._states.begin
        save(
            self.directory / "training" / "last",
            model=self.parallel.trained.tensors(),
            optimizer=optimizer_tensors(self.optimizer, self.parallel.trained),
            facts={
                "progress": vars(self.progress),
                "position": self.position.as_dict(),
                "last_scores": dict(self.last_scores),
                "scored_at": self.scored_at,
                "to_beat": self.to_beat,
                "without_gain": self.without_gain,
                "owes_evaluation": self.owes_evaluation,
                "spikes": self.spikes.facts(),
            },
        )
        self.timetable.made_checkpoint(self.ranks.number_of_first(time.monotonic() - begun))
