"""`spanbert finetune`: labelled files and a model to a bundle with one task or several."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from spanbert.apps.cli.options import (
    ColumnOption,
    ConfigOption,
    JsonOption,
    LabelColumnOption,
    MaxMentionsOption,
    NestedOption,
    PairColumnOption,
    SeparatorOption,
    SetOption,
    TextColumnOption,
    examples,
    kind_overrides,
    print_json,
)  # fmt: skip
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError, nearest

EXAMPLES = examples(
    ("Entities, from columns of words and tags", "spanbert finetune tag --model bundle/ --train train.conll --dev dev.conll --out ner/"),  # noqa: E501
    ("Texts with labels, five minutes, three seeds", "spanbert finetune classify --model bundle/ --train train.tsv --dev dev.tsv --out sentiment/ --budget 5m --seeds 3"),  # noqa: E501
    ("Questions with answers in a text", "spanbert finetune qa --model bundle/ --train train.json --dev dev.json --out qa/ --budget 2epochs"),  # noqa: E501
    ("Entities within entities", "spanbert finetune tag --nested --model bundle/ --train train.tsv --dev dev.tsv --out nested/"),  # noqa: E501
    ("What stands for the same thing", "spanbert finetune coref --model bundle/ --train train.conll --dev dev.conll --out coref/"),  # noqa: E501
    ("How two entities are related", "spanbert finetune relation --model bundle/ --train train.json --dev dev.json --out relation/ --pool cls"),  # noqa: E501
    ("Two tasks from one file", "spanbert finetune multi --model bundle/ --task ner=tag:a.conllu --task pos=tag:a.conllu --set tasks.pos.column=upos --out words/"),  # noqa: E501
    ("Several tasks on one encoder", "spanbert finetune multi --model bundle/ --task ner=tag:train.conll:dev.conll --task sent=classify:train.tsv:dev.tsv --out both/"),  # noqa: E501
)  # fmt: skip
KINDS = ("classify", "tag", "qa", "coref", "relation", "multi")


def command(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What to learn: {', '.join(KINDS)}.")],
    model: Annotated[str, typer.Option(help="Bundle, Hugging Face directory or hub id to start from.")],
    out: Annotated[Path, typer.Option(help="The bundle to make.")],
    train: Annotated[Path | None, typer.Option(help="Data to train on.", show_default=False)] = None,
    dev: Annotated[
        Path | None, typer.Option(help="Data to choose the best weights and thresholds by.", show_default=False)
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=KIND:TRAIN[:DEV]", help="With multi: one task; repeat it.", show_default=False),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="How much: 3epochs, 5m, 2h, 500steps.  [default: 3epochs; coref 20, relation 5]", show_default=False
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Train under so many seeds; the best on --dev is kept.", min=1)] = 1,
    mode: Annotated[
        str | None, typer.Option(help="classify: single, multi or regression.  [default: looks]", show_default=False)
    ] = None,
    class_weights: Annotated[
        bool, typer.Option("--class-weights", help="classify: weigh rare labels as much as frequent ones.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(help="Several labels, or no answer: this threshold instead of the best on --dev."),
    ] = None,
    text_column: TextColumnOption = None,
    pair_column: PairColumnOption = None,
    label_column: LabelColumnOption = None,
    separator: SeparatorOption = None,
    column: ColumnOption = None,
    nested: NestedOption = False,
    pool: Annotated[
        str | None,
        typer.Option(help="relation: what a pair is judged by, start or cls.  [default: start]", show_default=False),
    ] = None,
    singletons: Annotated[
        str | None,
        typer.Option(help="coref: keep or drop clusters of one mention.  [default: as in --train]", show_default=False),
    ] = None,
    max_mentions: MaxMentionsOption = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many evaluations without a better score.", show_default=False)
    ] = None,
    keep_heads: Annotated[bool, typer.Option("--keep-heads", help="Keep the model's MLM and SBO heads.")] = False,
    licence: Annotated[
        str | None, typer.Option(help="Licence and attribution of the data, for the model card.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --out.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fine-tunes a model for one task or several: labels, tags, answers, clusters of mentions, relations.

    Files: `classify` CSV, TSV, JSON lines or Parquet; `tag` columns (BIO, IOB1, BIOES, BMES), CoNLL-U, JSON lines with
    spans, Label Studio; `qa` SQuAD 1.1 and 2.0 JSON; `coref` CoNLL-2012, JSON lines with clusters; `relation` TACRED's
    JSON, SemEval-2010 Task 8's text, JSON lines with head and tail. Ctrl-C and SIGTERM save and end the run;
    `--resume` goes on. The bundle's report.html shows curves, errors and the worst examples.
    """
    if kind not in KINDS:
        raise InputError(f"no kind of task {kind!r}; {nearest(kind, KINDS)}")
    from spanbert.apps.finetune_report import write_finetune_report
    from spanbert.tasks.registry import spec_of
    from spanbert.train.config import budget_overrides
    from spanbert.train.finetune import finetune
    from spanbert.train.finetune_config import FinetuneConfig
    from spanbert.train.seeds import finetune_seeds

    of_kinds = kind_overrides(text_column, pair_column, label_column, separator, column, nested)
    of_kinds += [f"classify.mode={mode}"] if mode else []
    of_kinds += ["classify.class_weights=balanced"] if class_weights else []
    of_kinds += [f"relation.pool={pool}"] if pool else []
    of_kinds += [f"coref.singletons={singletons}"] if singletons else []
    of_kinds += [f"coref.max_mentions={max_mentions}"] if max_mentions is not None else []
    for one in of_kinds:
        section, _, name = one.partition("=")[0].partition(".")
        if kind not in (section, "multi"):
            option = "--" + name.replace("_", "-")
            raise InputError(f"an option of {section}", where=option, got=f"the kind {kind}")
    if threshold is not None and kind not in ("classify", "qa"):
        remedy = "Use --set classify.threshold=... or qa.threshold=..." if kind == "multi" else None
        raise InputError("an option of classify and qa", where="--threshold", got=f"the kind {kind}", remedy=remedy)
    overrides = budget_overrides(budget) if budget else []
    overrides += of_kinds
    if threshold is not None:
        overrides.append(f"{kind}.threshold={threshold}")
    overrides += [f"train.patience={patience}"] if patience is not None else []
    overrides += ["keep_heads=true"] if keep_heads else []
    overrides += [f"licence={json.dumps(licence)}"] if licence is not None else []
    own = [one for one in set_ or [] if one.startswith("tasks.")]
    overrides += [one for one in set_ or [] if one not in own]
    settings = FinetuneConfig.assemble(file=config, overrides=overrides)
    tasks = _with_own_settings(_tasks(kind, train, dev, task or []), own, settings)
    scores: dict[str, Any]
    with make_reporter() as reporter:
        if seeds > 1:
            several = finetune_seeds(
                tasks, seeds=seeds, model=model, out=out, config=settings, resume=resume, reporter=reporter
            )
            result = several.results[several.best]
        else:
            result = finetune(tasks, model=model, out=out, config=settings, resume=resume, reporter=reporter)
        report = write_finetune_report(out, reporter)
    outcome = result.outcome
    if outcome.stopped_by not in ("budget", "patience"):
        typer.echo(f"{outcome.stopped_by}: saved after step {outcome.progress.step:,}; go on with --resume")
    if seeds > 1:
        for name, figures in several.spread.items():
            for figure, spread in figures.items():
                typer.echo(f"{name} {figure}: mean {spread['mean']:.4f}, standard deviation {spread['stdev']:.4f}")
        typer.echo(f"the bundle is that of seed {several.best}")
    if outcome.best:
        typer.echo(f"scores of the bundle on the dev data (weights of step {outcome.best.step:,}):")
    for line in result.lines:
        typer.echo(f"  {line}")
    if report is not None:
        typer.echo(f"report: {report}")
    typer.echo(f"wrote {out} after {outcome.progress.step:,} steps, {outcome.progress.seconds / 60:.1f} minutes")
    if as_json:
        scores = {name: dict(one) for name, one in result.scores.items()}
        facts = {"path": str(out), "stopped_by": outcome.stopped_by, "scores": scores}
        print_json({**facts, **({"seeds": several.spread} if seeds > 1 else {}), **vars(outcome.progress)})
    else:
        first, data = next(iter(tasks.items()))
        name, bundle = f" --task {first}" if len(tasks) > 1 else "", shlex.quote(str(out))
        texts = spec_of(data.kind).input
        typer.echo(f"next: spanbert evaluate {bundle}{name} --data TEST, or spanbert predict {bundle}{name} {texts}")


def _with_own_settings(tasks: dict[str, Any], stated: Sequence[str], settings: Any) -> dict[str, Any]:
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
        whole = {kind: (tasks[name].options or getattr(settings, kind)).model_dump()}
        options = getattr(type(settings).assemble(base=whole, overrides=[f"{kind}.{setting}={value}"]), kind)
        tasks[name] = replace(tasks[name], options=options)
    return tasks


def _tasks(kind: str, train: Path | None, dev: Path | None, stated: Sequence[str]) -> dict[str, Any]:
    """The tasks that the options name."""
    from spanbert.train.finetune import TaskData

    if kind != "multi":
        if train is None or stated:
            raise InputError("what to train on?", expected=f"--train FILE, and --task only with multi, not {kind}")
        return {kind: TaskData(kind=kind, train=train, dev=dev)}
    if train is not None or dev is not None or not stated:
        raise InputError("which tasks?", expected="--task NAME=KIND:TRAIN[:DEV] for each, and no --train or --dev")
    tasks: dict[str, Any] = {}
    for one in stated:
        name, _, rest = one.partition("=")
        parts = rest.split(":")
        if not name or len(parts) not in (2, 3) or parts[0] not in KINDS[:-1] or not all(parts):
            raise InputError(
                "not a task", where=f"--task {one}", expected=f"NAME=KIND:TRAIN[:DEV], KIND {', '.join(KINDS[:-1])}"
            )
        if name in tasks:
            raise InputError("two tasks of one name", where=f"--task {one}")
        own_dev = Path(parts[2]) if len(parts) == 3 else None
        tasks[name] = TaskData(kind=parts[0], train=Path(parts[1]), dev=own_dev)
    return tasks
