"""`spanbert pretrain`: token store and encoder in, span-pre-trained bundle out.

OUT/        the bundle (best held-out weights), written when the run ends, by a signal too if a step was taken
OUT.run/    the run, from the first step on: see `run_directory`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from spanbert.batches.plan import PackingPlan
from spanbert.core.device import DeviceLike
from spanbert.core.errors import InputError
from spanbert.core.files import write_json
from spanbert.core.progress import shows_progress
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.texts import require_path
from spanbert.core.types import Facts
from spanbert.encoder.compiled import why_not
from spanbert.encoder.config import Size
from spanbert.scores.scorer import shown_figure
from spanbert.tasks.pretrain.encode import PackSize
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.train.micro_batches import fitting_accumulation
from spanbert.train.outcome import Outcome
from spanbert.train.pretrain_bundle import build_model, write_pretrained
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.pretrain_evaluation import evaluate, held_out_plan
from spanbert.train.run import announce, base_name, model_fact, run_into, settled, with_budget, with_device
from spanbert.train.run_directory import PRETRAIN, budget_of_run, check_run_folder, facts_of_run
from spanbert.train.timetable import Scoring


@dataclass(frozen=True, kw_only=True, repr=False)
class PretrainResult:
    """The result of a run.

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

    def __repr__(self) -> str:
        """Where, how long, and the held-out losses."""
        after: Mapping[str, Any] = self.outcome.best.scores if self.outcome.best else {}
        losses = [
            f"{name} {shown_figure(after[name])}"
            + (f" ({shown_figure(self.before[name])} before)" if name in self.before else "")
            for name in ("mlm_loss", "sbo_loss")
            if name in after
        ]
        return f"<PretrainResult {'; '.join([f'{self.path}: {self.outcome.progress.step:,} steps', *losses])}>"


@shows_progress
def pretrain(
    store: str | Path,
    *,
    out: str | Path,
    model: str | Path | None = None,
    size: Size | None = None,
    config: PretrainConfig | Facts | None = None,
    device: DeviceLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> PretrainResult:
    """Trains MLM and SBO on a token store (Joshi et al. 2020) and writes a bundle.

    Args:
        store: What `prepare` made.
        out: The bundle to make.
        model: Bundle, Hugging Face directory or hub id to continue from.
        size: Train from scratch at this size instead.
        config: Settings, or a dictionary of them; a budget is required.
        device: What computes, in place of that of the settings: `"cuda"`, `"cuda:1"`, `"cpu"`, `"mps"`, a card's number
            or a `torch.device`; `"auto"` is CUDA where there is one.
        resume: Continue the interrupted run of `out`; starts one if there is none.
        overwrite: Replace a run, model or store in `out` when this run begins.
        reporter: Receives progress; None: shown on a terminal and in a notebook (`SilentReporter()` keeps quiet).

    Of several processes that a launcher such as torchrun started, the first reports, scores and writes; what the others
    return says how the run ended and no more.

    Raises:
        InputError: Unusable store, model or settings, or an `out` that exists, is read or is in use.
    """
    require_path(store, "store")
    require_path(out, "out")
    reporter, config, target = reporter or SilentReporter(), PretrainConfig.of(config), Path(out)
    config = with_device(config, device)
    if (model is None) == (size is None):
        raise InputError(
            "either a model to continue from, or a size to start from scratch", expected="--model or --size"
        )
    check_run_folder(target, (PRETRAIN,), inputs=[store, model], resume=resume, overwrite=overwrite)
    earlier = budget_of_run(target) if resume else {}
    config = with_budget(config, earlier, usual={}, reporter=reporter, remark="; the schedule follows it")
    if config.masking.scheme != "span" and config.sbo.weight:
        reporter.say(f"masking scheme {config.masking.scheme}: its boundaries may be masked, so the SBO is off")
        config = config.model_copy(update={"sbo": config.sbo.model_copy(update={"weight": 0.0})})
    config = _with_earlier_accumulation(config, target) if resume else config
    config, runtime = settled(config)
    config = with_compiling(config, runtime.device, reporter)
    tokens = TokenStore(store)
    facts = {
        "store": tokens.checksum,
        "model": None if model is None else model_fact(model),
        "size": size,
        "settings": config.model_dump(mode="json"),
    }
    with run_into(target, facts, runtime=runtime, resume=resume, overwrite=overwrite, reporter=reporter) as run:
        adapter = tokens.tokenizer()
        task = PretrainTask(
            adapter,
            tokens.unigram_counts(),
            masking=config.masking,
            sbo=config.sbo,
            seed=config.train.seed,
            filled=filled_packs(config),
        )
        announce(runtime, reporter)
        task_model = build_model(task, adapter, tokens, model=model, size=size, config=config, reporter=reporter)
        task_model.to(runtime.device)
        plan, held_out = _training_plan(tokens, config), held_out_plan(tokens, config.batch.segment_length)
        if config.train.accumulation == "auto":
            parts = runtime.ranks.of_first(partial(fitting_accumulation, task_model, plan, runtime))
            reporter.say(f"a step of {plan.packs:,} packs in {parts * runtime.ranks.size:,} micro-batches")
            config = config.with_train(accumulation=parts)
            run = run.noting(settings=config.model_dump(mode="json"))  # so that a resumed run has as many
        if config.train.compile == "on":
            task_model.encoder.compile_layers(at_most=config.batch.segment_length)
        score: Callable[[], dict[str, Any]] | None = None
        if held_out is not None:
            score = partial(evaluate, task, task_model, held_out, most_tokens=config.train.evaluate_tokens)
        scoring = Scoring(tokens=config.train.evaluate_tokens)
        trainer = run.trainer(task_model, plan, config, evaluate=score, prefetch=config.batch.prefetch, scoring=scoring)
        before: dict[str, Any] = {}
        resumed = run.begin(trainer)
        if not resumed and score is not None:
            begun = time.monotonic()
            found = runtime.ranks.of_first(partial(run.stop.unless_stopped, score))
            before = found or {}
            if before:
                trainer.timetable.expect_evaluation(runtime.ranks.number_of_first(time.monotonic() - begun))
                reporter.say("held-out figures before training:")
                for line in task.score_lines(before):
                    reporter.say(f"  {line}")
                if runtime.ranks.is_first:
                    write_json(run.directory / "before.json", before)
        elif not resumed:
            reporter.say(
                "the store holds no held-out documents: nothing will be evaluated (prepare with --held-out 1%)"
            )
        outcome = run.train(trainer)
        if not outcome.progress.step or not runtime.ranks.is_first:
            return PretrainResult(path=target, outcome=outcome, before=before)
        scores = outcome.best.scores if outcome.best else {}
        lines = task.score_lines(scores)
        write_pretrained(
            target,
            task_model,
            adapter,
            facts=facts,
            base=base_name(model, size),
            model_of_base=model,
            scores=scores,
            lines=lines,
            config=config,
            store=tokens,
            outcome=outcome,
        )
    return PretrainResult(path=target, outcome=outcome, before=before, lines=lines)


def with_compiling(config: PretrainConfig, device: torch.device, reporter: Reporter) -> PretrainConfig:
    """The settings with what `train.compile` comes to on a device.

    Raises:
        InputError: It should be on, and something is missing.
    """
    asked = config.train.compile
    lacks = "with shares of weights (train.shard) they are not yet" if config.train.shard else why_not(device)
    if asked == "on" and lacks is not None:
        raise InputError(f"the layers cannot be compiled: {lacks}", where="train.compile", remedy="Leave it out")
    is_on = asked == "on" or (asked == "auto" and device.type == "cuda" and lacks is None)
    if is_on:
        reporter.say("layers are compiled in the first step, which takes a while")
    elif asked == "auto" and device.type == "cuda":
        reporter.say(f"layers are not compiled: {lacks}")
    return config.with_train(compile="on" if is_on else "off")


def filled_packs(config: PretrainConfig) -> PackSize | None:
    """Up to which size packs are filled: of compiled layers, which want one shape."""
    batch = config.batch
    return PackSize(batch.pack_tokens, batch.segment_length) if config.train.compile == "on" else None


def _with_earlier_accumulation(config: PretrainConfig, bundle: Path) -> PretrainConfig:
    """The settings with what `auto` came to when the interrupted run began."""
    facts = facts_of_run(bundle)
    if config.train.accumulation != "auto" or not facts:
        return config
    return config.with_train(accumulation=facts["settings"]["train"]["accumulation"])


def _training_plan(store: TokenStore, config: PretrainConfig) -> PackingPlan:
    batch = config.batch
    return PackingPlan(
        store,
        split="train",
        segment_length=batch.segment_length,
        pack_tokens=batch.pack_tokens,
        seed=config.train.seed,
        window_shards=batch.window_shards,
        packs=batch.packs,
    )
