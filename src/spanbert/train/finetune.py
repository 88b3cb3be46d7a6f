"""`spanbert finetune`: labelled texts and a model in, a bundle with one task or several out.

OUT/        the bundle (best weights on the dev data), written when the run ends; by a signal too if a step was taken,
            and then with the scores of training, without thresholds that are tuned at the end
OUT.run/    the run: see `run_directory`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.batches.example_plan import ExamplePlan
from spanbert.batches.mixed_plan import MixedPlan
from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.device import DeviceLike
from spanbert.core.errors import InputError
from spanbert.core.files import write_json
from spanbert.core.model_path import hub_id
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import require_path
from spanbert.core.types import Facts, Record
from spanbert.corpus.data import Source, documents_of, opened
from spanbert.corpus.held_out import HeldOut
from spanbert.corpus.io.files import require_data
from spanbert.encoder.config import EncoderConfig, Size
from spanbert.inference.end_to_end import all_end_to_end, end_to_end_lines
from spanbert.inference.loading import stored_tokenizer, task_entries, task_to_go_on_with
from spanbert.inference.predictor import Predictor
from spanbert.inference.scoring import evaluate_documents, score_with_mistakes, tune_thresholds, write_mistakes
from spanbert.inference.torch_backend import TorchBackend
from spanbert.scores.scorer import shown_figure
from spanbert.tasks.joint import JointTask
from spanbert.tasks.pretrain.heads import TASK
from spanbert.tasks.protocol import Mistake, TextTask
from spanbert.tasks.registry import spec_of
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.train.examples import check_dev, scoring_of, training_examples
from spanbert.train.finetune_bundle import build_joint_model, heads_of, write_finetuned
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.finetune_facts import run_facts
from spanbert.train.kept import Kept
from spanbert.train.model import TaskModel
from spanbert.train.outcome import Outcome
from spanbert.train.run import announce, base_name, run_into, settled, with_budget, with_device
from spanbert.train.run_directory import END_TO_END, FINETUNE, budget_of_run, check_run_folder
from spanbert.train.scratch import scratch_shape, start_from_scratch
from spanbert.train.task_data import (
    TaskData,
    as_task_data,
    data_files,
    files_read,
    kind_of,
    train_source,
    with_held_out,
)
from spanbert.train.text_objective import TextObjective, text_store
from spanbert.train.usual import in_steps, usual_budget, warnings_of_outcome, warnings_of_steps, with_usual_rates


@dataclass(frozen=True, kw_only=True, repr=False)
class FinetuneResult:
    """The result of a run.

    Attributes:
        path: The bundle, or where it will be once a run that paused has ended.
        outcome: How the run ended.
        scores: Scores of the bundle on the dev data of each task.
        lines: The same for people.
        warnings: What speaks against this model: too few steps, hardly anything learned.
    """

    path: Path
    outcome: Outcome
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Where, how long, and the main scores."""
        main = [f"{name}: {self._main(name)}" for name in self.scores]
        return f"<FinetuneResult {'; '.join([f'{self.path}: {self.outcome.progress.step:,} steps', *main])}>"

    def _main(self, name: str) -> str:
        figure, value = next((key, one) for key, one in self.scores[name].items() if isinstance(one, float))
        return f"{figure} {shown_figure(value)}"


@shows_progress
def finetune(
    tasks: Mapping[str, TaskData] | Mapping[str, Facts],
    *,
    out: str | Path,
    model: str | Path | None = None,
    size: Size | None = None,
    config: FinetuneConfig | Facts | None = None,
    device: DeviceLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    began: Callable[[], None] | None = None,
    until: float = 1.0,
    title: str | None = None,
    reporter: Reporter | None = None,
) -> FinetuneResult:
    """Trains one task or several on one encoder and writes a bundle.

    Args:
        tasks: By the names that they get in the bundle; a dictionary of what `TaskData` takes will do.
        out: The bundle to make.
        model: Bundle, Hugging Face directory or hub id to start from.
        size: Train an encoder from scratch at this size instead (`scratch` of the settings has the rest).
        config: Settings, or a dictionary of them (`{"learning_rate": 3e-5}`); without a budget, 3 epochs, or as many as
            the kind of tasks that needs most usually takes (coreference 20, relations 5, translation 10), and 300 steps
            at least; without rates, those that suit the size of the encoder.
        device: What computes, in place of that of the settings: `"cuda"`, `"cuda:1"`, `"cpu"`, `"mps"`, a card's number
            or a `torch.device`; `"auto"` is CUDA where there is one.
        resume: Continue the interrupted run of `out`; starts one if there is none.
        overwrite: Replace a run, model or store in `out` when this run begins.
        began: Called when this run begins, before it writes anything; for runs that are a part of something larger.
        until: The share of the budget after which the run pauses: it is scored and saved, but no bundle is written; a
            later call with `resume` goes on as if there had been no pause.
        title: What the model card calls the bundle; None: the name of `out`.
        reporter: Receives progress; None: shown on a terminal and in a notebook (`SilentReporter()` keeps quiet).

    Of several processes that a launcher such as torchrun started, the first reports, scores and writes; what the others
    return says how the run ended and no more.

    Raises:
        InputError: Unusable files, model or settings, or an `out` that exists, is read or is in use.
    """
    require_path(out, "out")
    reporter, config, target = reporter or SilentReporter(), FinetuneConfig.of(config), Path(out)
    config = with_device(config, device)
    if model is not None:
        require_path(model, "model")
    tasks = as_task_data(tasks)
    read = files_read(tasks, model, config)
    check_run_folder(target, (FINETUNE,), inputs=read, resume=resume, overwrite=overwrite)
    for path in data_files(tasks):
        require_data(path)
    config = with_run_budget(config, tasks, budget_of_run(target) if resume else {}, reporter)
    config, runtime = settled(config)
    given, shape = starting_point(model, size, config)
    config = with_usual_rates(config, shape, from_scratch=given is None)
    tasks = with_held_out(tasks, config, reporter)
    store = text_store(config)
    facts = run_facts(tasks, model, size, config, store)
    with (
        run_into(
            target, facts, runtime=runtime, resume=resume, overwrite=overwrite, began=began, reporter=reporter
        ) as run,
        Kept(run) as kept_files,
    ):
        train = {name: train_source(data, config) for name, data in tasks.items()}
        tasks = {name: replace(data, train=train[name], train_target=None) for name, data in tasks.items()}
        files = given or open_bundle(
            kept_files.directory("start", lambda target: start_from_scratch(target, train, size, config, reporter))
        )
        tokenizer = stored_tokenizer(files)
        made = build_tasks(tasks, files, tokenizer, config)
        announce(runtime, reporter)
        kept_files.assets(made)
        for task in made.values():
            for remark in task.remarks([other for other in made.values() if other is not task]):
                reporter.say(remark)
        text = TextObjective.of(store, config, files, shape.longest_segment, base_name(model, size))
        joint = JointTask(made, text.task if text else None)
        task_model, kept = build_joint_model(joint, files, config, reporter)
        task_model.to(runtime.device)
        examples, sizes = {}, {}
        for name, task in made.items():
            examples[name], sizes[name] = training_examples(task, train[name], reporter)
        per_step = {
            name: config.batch.examples_of(task.kind, sizes[name]["tokens"] / sizes[name]["windows"])
            for name, task in made.items()
        }
        tokens = {name: most for name, task in made.items() if (most := config.batch.tokens_of(task.kind)) is not None}
        labelled = ExamplePlan(
            examples, per_step=per_step, tokens=tokens, seed=config.train.seed, temperature=config.batch.temperature
        )
        plan = labelled if text is None else MixedPlan(labelled, text.plan, share=config.text.share)
        stepped = in_steps(config, plan.steps_an_epoch)
        warnings = warnings_of_steps(stepped)
        for warning in warnings:
            reporter.say(warning)
        dev = {name: _dev_source(data, made[name]) for name, data in tasks.items() if data.dev is not None}
        dev_texts = {name: check_dev(made[name], source, reporter) for name, source in dev.items()}
        trainer = run.trainer(
            task_model,
            plan,
            stepped,
            evaluate=partial(_score, task_model, made, dev) if dev else None,
            prefetch=config.batch.prefetch,
            layer_decay=config.optim.layer_decay,
            scoring=scoring_of(made, dev_texts, sizes),
        )
        resumed = run.begin(trainer)
        kept_files.keep()
        if not resumed and not dev:
            reporter.say("no dev data: nothing will be evaluated, and the bundle gets the last weights")
        outcome = run.train(trainer, until=until)
        if until < 1 or not outcome.progress.step or not runtime.ranks.is_first:
            return FinetuneResult(path=target, outcome=outcome)
        if not outcome.interrupted:
            for warning in warnings_of_outcome(outcome, config, made):
                reporter.say(warning)
                warnings.append(warning)
            if dev:
                reporter.say("scoring the bundle on the dev data")
        scored = run.stop.unless_stopped(partial(_tuned_and_scored, task_model, made, dev, reporter))
        if scored is None and dev:  # the signal came in time for the scores of training only
            outcome = replace(outcome, stopped_by=str(run.stop.received))
        scores, mistakes, whole = scored or (dict(outcome.best.scores) if outcome.best else {}, [], {})
        write_mistakes(run.directory / "mistakes.jsonl", mistakes)
        all_scores = {name: {"main": made[name].main_metric, **one} for name, one in scores.items()}
        write_json(run.directory / "scores.json", all_scores)
        if whole:
            write_json(run.directory / END_TO_END, whole)
        lines = [*end_to_end_lines(whole), *_lines(made, scores)]
        of_text = None if text is None else run.stop.unless_stopped(partial(text.scores, task_model))
        if text is not None and of_text:
            scores = {**scores, TASK: of_text}
            lines += ["text:", *text.task.score_lines(of_text)]
        write_finetuned(
            target, title or target.name, task_model, made, tokenizer, facts=facts, files=files,
            base=base_name(model, size), base_id=None if model is None else hub_id(model), kept=kept, sizes=sizes,
            scores=scores, text=text.facts() if text else None, lines=lines, config=config, outcome=outcome,
        )  # fmt: skip
    return FinetuneResult(path=target, outcome=outcome, scores=scores, lines=lines, warnings=tuple(warnings))


def with_run_budget(
    config: FinetuneConfig, tasks: Mapping[str, TaskData], earlier: Mapping[str, Any], reporter: Reporter
) -> FinetuneConfig:
    """The settings with a budget: the given one, that of the interrupted run, or what tasks of these kinds need.

    Args:
        config: The settings as they were given.
        tasks: By name.
        earlier: Budget of the interrupted run; empty where there is none.
        reporter: Receives a line where the given budget is another than that.
    """
    epochs = max((spec_of(data.kind).epochs for data in tasks.values()), default=1.0)
    return with_budget(config, earlier, usual=usual_budget(epochs), reporter=reporter)


def starting_point(
    model: str | Path | None, size: Size | None, config: FinetuneConfig, *, verify: bool = True
) -> tuple[BundleFiles | None, EncoderConfig]:
    """What a run starts from, None where that is from scratch, and the dimensions of its encoder.

    Args:
        model: Bundle, Hugging Face directory or hub id; None: from scratch.
        size: From scratch, the size.
        config: The settings.
        verify: Compare the files of a bundle with their checksums.

    Raises:
        InputError: Neither or both, or an unusable model or size.
    """
    if (model is None) == (size is None):
        raise InputError(
            "either a model to start from, or a size to start from scratch",
            expected="--model or --size",
            remedy="For English, --model small-en (in a clone: pip install ./models/small-en); others: "
            "docs/guide/which-model.md",
        )
    if model is None:
        return None, scratch_shape(size, config)
    files = open_bundle(model, verify=verify)
    return files, EncoderConfig.of_bundle(files)


def build_tasks(
    tasks: Mapping[str, TaskData], files: BundleFiles, tokenizer: TokenizerAdapter, config: FinetuneConfig
) -> dict[str, TextTask]:
    """The tasks that the training files pose."""
    shape = EncoderConfig.of_bundle(files)
    if not tasks:
        raise InputError("no task to learn", expected="at least one")
    made: dict[str, TextTask] = {}
    for name, data in tasks.items():
        kind, own = kind_of(data, config)
        earlier = task_to_go_on_with(files, name, kind.spec)
        if earlier is not None:
            own = kind.continued(own, task_entries(files)[earlier], files.assets(earlier))
        made[name] = kind.from_training(
            name,
            documents_of(train_source(data, config)),
            config=own,
            window=config.window,
            tokenizer=tokenizer,
            positions=shape.longest_segment,
        )
    return made


def _dev_source(data: TaskData, task: TextTask) -> Source:
    assert not isinstance(data.dev, HeldOut | None)
    return opened(data.dev, lambda path: task.opened(path, companion=data.dev_target))


def _predictor(model: TaskModel, tasks: Mapping[str, TextTask]) -> Predictor:
    model.eval()
    return Predictor(TorchBackend(model.encoder, heads_of(model)), tasks)


def _score(model: TaskModel, tasks: Mapping[str, TextTask], dev: Mapping[str, Source]) -> dict[str, Any]:
    """The scores of a model in training on dev data."""
    try:
        return evaluate_documents(_predictor(model, tasks), dev)
    finally:
        model.train()


def _tuned_and_scored(
    model: TaskModel, tasks: Mapping[str, TextTask], dev: Mapping[str, Source], reporter: Reporter
) -> tuple[dict[str, Record], list[tuple[str, Mistake]], dict[str, Record]]:
    """Sets thresholds by the dev data; the scores with them, the worst mistakes, and the scores from raw text."""
    before = {name: task.threshold for name, task in tasks.items()}
    try:
        tune_thresholds(_predictor(model, tasks), dev, reporter)
        predictor = _predictor(model, {name: one.for_report() for name, one in tasks.items()})
        return (*score_with_mistakes(predictor, dev), all_end_to_end(predictor, dev, reporter))
    except BaseException:  # a signal: the scores of training are without them
        for name, task in tasks.items():
            task.threshold = before[name]
        raise


def _lines(tasks: Mapping[str, TextTask], scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = []
    for name, one in scores.items():
        lines += [f"{name}:"] if len(tasks) > 1 else []
        lines += tasks[name].score_lines(one)
    return lines
