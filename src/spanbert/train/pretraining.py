"""`spanbert pretrain`: token store and encoder in, span-pre-trained bundle out.

OUT/                 the bundle (best held-out weights), written when the run ends or is interrupted
OUT/metrics.jsonl    one line a step, from the first step on; evaluations.jsonl, tensorboard/, run.json beside it
OUT/training/        training state: last/ (for --resume) and best/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spanbert.batches.loader import Loader
from spanbert.batches.plan import PackingPlan, PlanPosition
from spanbert.checkpoint.state import load_state
from spanbert.core.errors import InputError
from spanbert.core.files import only_writer, sha256_of, write_json
from spanbert.core.progress import Reporter, SilentReporter
from spanbert.encoder.config import Size
from spanbert.tasks.pretrain.task import PretrainTask
from spanbert.tokens.store import INDEX_NAME, TokenStore
from spanbert.train.evaluation import evaluate
from spanbert.train.loop import Outcome, Trainer
from spanbert.train.model import TaskModel
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.pretrained import build_model, write_pretrained
from spanbert.train.run_directory import budget_of_run, state_to_resume
from spanbert.train.runtime import Runtime
from spanbert.train.signals import StopRequest

_HELD_OUT_PACK = 4096


@dataclass(frozen=True, kw_only=True)
class PretrainResult:
    """What a run left.

    Attributes:
        path: The bundle.
        outcome: How the run ended.
        before: Held-out figures before the first step; empty without held-out documents or on a resumed run.
        lines: The bundle's held-out figures for people.
    """

    path: Path
    outcome: Outcome
    before: Mapping[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def pretrain(
    store: str | Path,
    *,
    out: str | Path,
    model: str | Path | None = None,
    size: Size | None = None,
    config: PretrainConfig | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> PretrainResult:
    """Trains MLM and SBO on a token store (Joshi et al. 2020) and writes a bundle.

    Args:
        store: What `prepare` made.
        out: The bundle to make.
        model: Bundle, Hugging Face directory or hub id to continue from.
        size: Train from scratch at this size instead.
        config: Settings; a budget is required.
        resume: Go on with the interrupted run in `out`; starts it where there is none.
        reporter: Hears about progress.

    Raises:
        InputError: Unusable store, model or settings, or an `out` that is in use.
    """
    reporter, config, target = reporter or SilentReporter(), config or PretrainConfig(), Path(out)
    if (model is None) == (size is None):
        raise InputError(
            "either a model to continue from, or a size to start from scratch", expected="--model or --size"
        )
    earlier = budget_of_run(target) if resume else {}
    asked = {key: getattr(config.train, key) for key in earlier}
    if earlier and not any(asked.values()):
        config = config.with_train(**earlier)
    elif earlier != asked:
        reporter.say(f"another budget than the interrupted run's: {asked}, it was {earlier}; the schedule follows it")
    if config.masking.scheme != "span" and config.sbo.weight:
        reporter.say(f"masking scheme {config.masking.scheme}: its boundaries may be masked, so the SBO is off")
        config = config.model_copy(update={"sbo": config.sbo.model_copy(update={"weight": 0.0})})
    runtime = Runtime.of(config.train)
    runtime.prepare_process()
    config = config.with_train(precision=runtime.precision)  # said in run.json and the bundle, compared on --resume
    tokens = TokenStore(store)
    facts = {
        "store": sha256_of(tokens.path / INDEX_NAME),
        "model": None if model is None else str(Path(model).resolve() if Path(model).exists() else model),
        "size": size,
        "settings": config.model_dump(mode="json"),
    }
    with only_writer(target), StopRequest() as stop:
        state = state_to_resume(target, facts, resume)
        adapter = tokens.tokenizer()
        task = PretrainTask(
            adapter, tokens.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=config.train.seed
        )
        task_model = build_model(task, adapter, tokens, model=model, size=size, config=config, reporter=reporter)
        task_model.to(runtime.device)
        trainer, plan_held_out = _trainer(task, task_model, tokens, config, runtime, target, reporter)
        before: dict[str, Any] = {}
        target.mkdir(parents=True, exist_ok=True)
        write_json(target / "run.json", facts)
        if resume and state is None:
            reporter.say("nothing to resume: starting from the beginning")
        if state is not None:
            trainer.restore(state)
            reporter.say(f"resuming after step {trainer.progress.step:,}")
        elif plan_held_out is not None:
            before = evaluate(task, task_model, plan_held_out, most_tokens=config.train.evaluate_tokens)
            reporter.say("held-out figures before training:")
            for line in task.render(before):
                reporter.say(f"  {line}")
            write_json(target / "before.json", before)
        else:
            reporter.say(
                "the store holds no held-out documents: nothing will be evaluated (prepare with --held-out 1%)"
            )
        outcome = trainer.run(stop)
        best = load_state(target / "training" / "best")
        if best is not None:
            task_model.load_state_dict(best.model)
        scores = outcome.best.scores if outcome.best else {}
        lines = task.render(scores)
        write_pretrained(
            target,
            task_model,
            adapter,
            facts=facts,
            base=f"from scratch, size {size}" if model is None else "/".join(Path(model).parts[-2:]),
            scores=scores,
            lines=lines,
            config=config,
            store=tokens,
            outcome=outcome,
        )
    return PretrainResult(path=target, outcome=outcome, before=before, lines=lines)


def _trainer(
    task: PretrainTask,
    model: TaskModel,
    store: TokenStore,
    config: PretrainConfig,
    runtime: Runtime,
    target: Path,
    reporter: Reporter,
) -> tuple[Trainer, PackingPlan | None]:
    batch = config.batch
    plan = PackingPlan(
        store,
        split="train",
        segment_length=batch.segment_length,
        pack_tokens=batch.pack_tokens,
        seed=config.train.seed,
        window_shards=batch.window_shards,
        packs=batch.packs,
    )
    held_out = None
    if store.shard_names("held_out"):  # packed alike whatever pack_tokens, so that runs can be compared
        held_out = PackingPlan(
            store,
            split="held_out",
            segment_length=batch.segment_length,
            pack_tokens=max(_HELD_OUT_PACK, batch.segment_length),
        )

    def make_loader(start: PlanPosition) -> Loader[Any, Any]:
        return Loader(
            plan,
            task.encode,
            accumulation=config.train.accumulation,
            start=start,
            prefetch=batch.prefetch,
        )

    def score() -> dict[str, Any]:
        assert held_out is not None
        return evaluate(task, model, held_out, most_tokens=config.train.evaluate_tokens)

    make_loader(PlanPosition())  # refuses settings that do not go together before anything is written
    trainer = Trainer(
        model=model,
        make_loader=make_loader,
        evaluate=score if held_out else None,
        train=config.train,
        optim=config.optim,
        runtime=runtime,
        directory=target,
        reporter=reporter,
    )
    return trainer, held_out
