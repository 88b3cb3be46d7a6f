"""`spanbert doctor`: finds problems of labelled data before time is spent on training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.command import command_class
from spanbert.apps.cli.completion import kinds_of_tasks
from spanbert.apps.cli.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    OverwriteOption,
    SafeCellsOption,
    SetOption,
    device_setting,
    print_json,
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
from spanbert.core.model_path import SMALL_EN, require_installed
from spanbert.corpus.io.formulas import check_table
from spanbert.tasks.registry import kind_meant, kinds

EXAMPLES = task_examples("doctor")

CLASS = command_class(
    settings="spanbert.train.finetune_config:FinetuneConfig",
    help_of=help_of_kind("doctor", companion=("target", "dev_target")),
)


@with_task_options("doctor")
def command(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=f"What to learn: {', '.join(kinds())}. The options of one: spanbert doctor KIND --help.",
            autocompletion=kinds_of_tasks,
        ),
    ],
    data: Annotated[Path, typer.Option(help="Data to train on.")],
    model: Annotated[str, typer.Option(help="Bundle, Hugging Face directory or hub id to start from.")] = SMALL_EN,
    target: Annotated[
        Path | None,
        typer.Option(
            help="The translations of --data, line by line, where they are in another file.", show_default=False
        ),
    ] = None,
    dev: Annotated[Path | None, typer.Option(help="Data to choose the best weights by.", show_default=False)] = None,
    dev_target: Annotated[Path | None, typer.Option(help="The translations of --dev.", show_default=False)] = None,
    fix: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a repaired copy of --data.", show_default=False)
    ] = None,
    safe_cells: SafeCellsOption = False,
    overwrite: OverwriteOption = False,
    *,
    given: Given,
    estimate: Annotated[
        bool, typer.Option("--estimate/--no-estimate", help="Measure time and memory by a few steps of training.")
    ] = True,
    device: DeviceOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Checks labelled data for what makes training fail, teaches something wrong, or costs quality.

    Labels, tags, spans, clusters and answers, repeats and contradictions, texts that training and dev data share,
    lengths and windows, unknown characters; time and memory that fine-tuning would take. Exit code 2 where there is an
    error.
    """
    from spanbert.apps.doctor.diagnose import doctor
    from spanbert.train.finetune_config import FinetuneConfig

    require_installed(model)
    kind, asked = kind_meant(kind)
    overrides = overrides_of({f"{kind}.{key}": value for key, value in asked.items()})
    overrides += overrides_of(settings_of("doctor", given, kind))
    overrides += device_setting(device)
    overrides += set_ or []
    FinetuneConfig.require_kinds(overrides, [kind])
    settings = FinetuneConfig.assemble(file=config, overrides=overrides, among=FinetuneConfig.keys_of([kind]))
    with make_reporter() as reporter:
        report = doctor(
            kind,
            data,
            model=model,
            target=target,
            dev=dev,
            dev_target=dev_target,
            config=settings,
            fix=fix,
            overwrite=overwrite,
            estimate=estimate,
            reporter=reporter,
        )
    remark = check_table(fix, quote=safe_cells) if fix is not None and fix.is_file() else None
    if remark is not None:
        typer.echo(remark, err=True)
    if as_json:
        print_json(report.as_record())
    else:
        for line in report.lines:
            say(line)
        if fix is not None:
            say(f"wrote {fix}")
    raise typer.Exit(report.exit_code)
