"""`spanbert finetune`: labelled files and a model to a bundle with one task or several."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from spanbert.apps.cli.command import command_class
from spanbert.apps.cli.completion import kinds_or, one_of
from spanbert.apps.cli.launching import (
    NprocOption,
    RestartsOption,
    ShardOption,
    launch_if_asked,
    require_one_process,
    resumes,
)
from spanbert.apps.cli.options import (
    SIZES,
    ConfigOption,
    DeviceOption,
    JsonOption,
    OverwriteOption,
    SetOption,
    device_setting,
    print_json,
    require_size,
    say,
)
from spanbert.apps.cli.task_options import (
    Given,
    help_of_kind,
    overrides_of,
    settings_of,
    task_examples,
    with_task_options,
)
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError, nearest
from spanbert.core.ranks import is_first_rank
from spanbert.tasks.registry import kind_meant, kinds, spec_of, specs

if TYPE_CHECKING:
    from spanbert.train.finetune_config import FinetuneConfig
    from spanbert.train.task_data import TaskData

EXAMPLES = task_examples(
    "finetune",
    ("Two tasks from one file", "spanbert finetune multi --model bundle/ --task ner=tag:a.conllu --task pos=tag:a.conllu --set tasks.pos.column=upos --out words/"),  # noqa: E501
    ("The best of several rates", "spanbert finetune classify --model bundle/ --train train.tsv --dev dev.tsv --tune --out sentiment/"),  # noqa: E501
    ("Several tasks on one encoder", "spanbert finetune multi --model bundle/ --task ner=tag:train.conll:dev.conll --task sent=classify:train.tsv:dev.tsv --out both/"),  # noqa: E501
)  # fmt: skip
_MULTI = "multi"
_USUAL = min(spec.epochs for spec in specs())
_LONGER = ", ".join(f"{spec.kind} {spec.epochs:g}" for spec in specs() if spec.epochs > _USUAL)
HELP = f"""Fine-tunes a model for one task or several: labels, tags, answers, clusters, relations, translations.

Files: {"; ".join(f"`{spec.kind}` {spec.files}" for spec in specs() if spec.variant is None)}.
`--out` gets the bundle alone: what is needed to use it. The run lies beside it, in OUT.run: report.html (curves,
errors, the worst examples), logs, TensorBoard, and the state that `--resume` continues. Ctrl-C and SIGTERM save and end
the run, with exit code 130 or 143.
"""
CLASS = command_class(
    settings="spanbert.train.finetune_config:FinetuneConfig",
    help_of=help_of_kind("finetune", companion=("train_target", "dev_target"), others=("task",)),
)


@with_task_options("finetune")
def command(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=f"What to learn: {', '.join([*kinds(), _MULTI])}. The options of one: spanbert finetune KIND --help.",
            autocompletion=kinds_or((_MULTI, "several tasks on one encoder")),
        ),
    ],
    out: Annotated[Path, typer.Option(help="The bundle to make.")],
    model: Annotated[
        str | None, typer.Option(help="Bundle, Hugging Face directory or hub id to start from.", show_default=False)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help=f"Start from scratch instead: {', '.join(SIZES)}.", show_default=False, autocompletion=one_of(SIZES)
        ),
    ] = None,
    train: Annotated[Path | None, typer.Option(help="Data to train on.", show_default=False)] = None,
    dev: Annotated[
        Path | None,
        typer.Option(
            help="Data to choose the best weights and thresholds by: a file, or a share of --train to hold out, 10%.",
            show_default=False,
        ),
    ] = None,
    train_target: Annotated[
        Path | None,
        typer.Option(
            help="The translations of --train, line by line, where they are in another file.", show_default=False
        ),
    ] = None,
    dev_target: Annotated[Path | None, typer.Option(help="The same of --dev.", show_default=False)] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=KIND:TRAIN[:DEV]", help="With multi: one task; repeat it.", show_default=False),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help=f"How much: 3epochs, 5m, 2h, 500steps.  [default: {_USUAL:g}epochs; {_LONGER}]", show_default=False
        ),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE",
            help="Go on with pre-training on this text (see prepare) in a quarter of the steps: blanks stay filled.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Train with this many seeds; the best on --dev is kept.", min=1)] = 1,
    tune: Annotated[
        bool, typer.Option("--tune", help="Try rates around the usual ones; the best on --dev are kept.")
    ] = False,
    tune_budget: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            help="Tune, and so much for all trials: 400% (four times one run), 20m, 2000steps.  [default: 400%]",
            show_default=False,
        ),
    ] = None,
    *,
    given: Given,
    patience: Annotated[
        int | None, typer.Option(help="Stop after this many evaluations without a better score.", show_default=False)
    ] = None,
    keep_heads: Annotated[bool, typer.Option("--keep-heads", help="Keep the model's MLM and SBO heads.")] = False,
    licence: Annotated[
        str | None, typer.Option(help="Licence and attribution of the data, for the model card.", show_default=False)
    ] = None,
    device: DeviceOption = None,
    nproc: NprocOption = 1,
    shard: ShardOption = False,
    max_restarts: RestartsOption = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the interrupted run of --out.")] = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """See `HELP`."""
    typed = kind
    kind, asked = (kind, {}) if kind == _MULTI else kind_meant(kind, others=[_MULTI])
    require_size(size)
    if seeds > 1 or tune or tune_budget:
        require_one_process(nproc)
    launch_if_asked(nproc, max_restarts)
    resume = resumes(resume)
    from spanbert.apps.cli.interrupted import end_interrupted
    from spanbert.apps.reports.finetune_report import write_finetune_report
    from spanbert.train.config import budget_overrides
    from spanbert.train.finetune import finetune
    from spanbert.train.finetune_config import FinetuneConfig
    from spanbert.train.seeds import finetune_seeds
    from spanbert.train.tune import finetune_tuned

    overrides = budget_overrides(budget) if budget else []
    overrides += [f"text.store={json.dumps(str(text))}"] if text else []
    meant = {f"{kind}.{key}": value for key, value in asked.items()}
    overrides += overrides_of(meant)
    overrides += overrides_of(settings_of("finetune", given, None if kind == _MULTI else kind))
    overrides += device_setting(device)
    overrides += [f"train.patience={patience}"] if patience is not None else []
    overrides += ["keep_heads=true"] if keep_heads else []
    overrides += ["train.shard=true"] if shard else []
    overrides += [f"licence={json.dumps(licence)}"] if licence is not None else []
    own = [one for one in set_ or [] if one.startswith("tasks.")]
    overrides += [one for one in set_ or [] if one not in own]
    files = _Files(train=train, train_target=train_target, dev=dev, dev_target=dev_target)
    tasks = _tasks(kind, files, task or [])
    of_tasks = {one.kind for one in tasks.values()}
    FinetuneConfig.require_kinds(overrides, of_tasks)
    settings = FinetuneConfig.assemble(file=config, overrides=overrides, among=FinetuneConfig.keys_of(of_tasks))
    tasks = _with_own_settings(tasks, own, settings)
    start: dict[str, Any] = {
        "model": model, "size": size, "out": out, "config": settings, "resume": resume, "overwrite": overwrite,
    }  # fmt: skip
    scores: dict[str, Any]
    with make_reporter() as reporter:
        if typed.lower() != kind:
            reporter.say(f"{typed} is the kind {kind}{''.join(f' --set {one}' for one in overrides_of(meant))}")
        if seeds > 1:
            several = finetune_seeds(tasks, seeds=seeds, tune=tune_budget or tune, **start, reporter=reporter)
            result = several.results[several.best]
        elif tune or tune_budget:
            result = finetune_tuned(tasks, budget=tune_budget, **start, reporter=reporter).result
        else:
            result = finetune(tasks, **start, reporter=reporter)
        outcome = result.outcome
        alone = seeds == 1 and not (tune or tune_budget)
        whole = not outcome.interrupted or (alone and outcome.progress.step > 0)  # there is a bundle
        report = write_finetune_report(out, reporter) if whole and is_first_rank() else None
    if seeds > 1 and whole:
        from spanbert.scores.scorer import shown_figure

        for name, figures in several.spread.items():
            for figure, spread in figures.items():
                middle, deviation = shown_figure(spread["mean"]), shown_figure(spread["stdev"])
                say(f"{name} {figure}: mean {middle}, standard deviation {deviation}")
        say(f"the bundle is that of seed {several.best}")
    if outcome.best:
        say(f"scores of the bundle on the dev data (weights of step {outcome.best.step:,}):")
    for line in result.lines:
        say(f"  {line}")
    if report is not None:
        say(f"report: {report}")
    if whole:
        say(f"wrote {out} after {outcome.progress.step:,} steps, {outcome.progress.seconds / 60:.1f} minutes")
    if as_json:
        scores = {name: dict(one) for name, one in result.scores.items()}
        facts = {"path": str(out), "stopped_by": outcome.stopped_by, "scores": scores}
        print_json({**facts, **({"seeds": several.spread} if seeds > 1 else {}), **vars(outcome.progress)})
    elif not outcome.interrupted:
        first, data = next(iter(tasks.items()))
        name, bundle = f" --task {first}" if len(tasks) > 1 else "", shlex.quote(str(out))
        texts = spec_of(data.kind).input
        say(f"next: spanbert evaluate {bundle}{name} --data TEST, or spanbert predict {bundle}{name} {texts}")
    if outcome.interrupted:
        end_interrupted(outcome)


class _Files(NamedTuple):
    """Files of one task."""

    train: Path | None
    train_target: Path | None
    dev: Path | None
    dev_target: Path | None


def _with_own_settings(
    tasks: dict[str, TaskData], stated: Sequence[str], settings: FinetuneConfig
) -> dict[str, TaskData]:
    """The tasks with settings of their own: `tasks.pos.column=upos`."""
    for one in stated:
        key, _, value = one.partition("=")
        name, _, setting = key.removeprefix("tasks.").partition(".")
        if name not in tasks or not setting:
            raise InputError(
                "not a setting of a task",
                where=f"--set {one}",
                expected="tasks.NAME.KEY=VALUE",
                remedy=nearest(name, tasks),
            )
        kind = tasks[name].kind
        whole = {kind: (tasks[name].options or settings.of_kind(kind)).model_dump()}
        options = type(settings).assemble(base=whole, overrides=[f"{kind}.{setting}={value}"]).of_kind(kind)
        tasks[name] = replace(tasks[name], options=options)
    return tasks


def _tasks(kind: str, files: _Files, stated: Sequence[str]) -> dict[str, TaskData]:
    """The tasks that the options name."""
    from spanbert.corpus.raw.hub import split_sources
    from spanbert.train.task_data import TaskData

    if kind != _MULTI:
        if files.train is None or stated:
            raise InputError("what to train on?", expected=f"--train FILE, and --task only with multi, not {kind}")
        if files.dev_target is not None and files.dev is None:
            raise InputError("translations without their texts", where="--dev-target", expected="--dev FILE")
        return {
            kind: TaskData(
                kind=kind,
                train=files.train,
                dev=files.dev,
                train_target=files.train_target,
                dev_target=files.dev_target,
            )
        }
    if any(one is not None for one in files) or not stated:
        raise InputError("which tasks?", expected="--task NAME=KIND:TRAIN[:DEV] for each, and no --train or --dev")
    tasks: dict[str, TaskData] = {}
    for one in stated:
        name, _, rest = one.partition("=")
        parts = split_sources(rest)
        if not name or len(parts) not in (2, 3) or not all(parts):
            raise InputError(
                "not a task", where=f"--task {one}", expected=f"NAME=KIND:TRAIN[:DEV], KIND {', '.join(kinds())}"
            )
        if name in tasks:
            raise InputError("two tasks with the same name", where=f"--task {one}")
        own_dev = Path(parts[2]) if len(parts) == 3 else None
        tasks[name] = TaskData(kind=parts[0], train=Path(parts[1]), dev=own_dev)
    return tasks
