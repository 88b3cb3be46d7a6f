"""`spanbert doctor`: finds problems of labelled data before time is spent on training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import (
    ColumnOption,
    ConfigOption,
    JsonOption,
    LabelColumnOption,
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

EXAMPLES = examples(
    ("Entities, before they are learned", "spanbert doctor tag --data train.conll --dev dev.conll --model bundle/"),
    ("Texts with labels, and a copy without repeats and contradictions", "spanbert doctor classify --data train.csv --model bundle/ --fix repaired.csv"),  # noqa: E501
    ("Clusters, and a copy without mentions in two of them", "spanbert doctor coref --data train.conll --model bundle/ --fix repaired.conll"),  # noqa: E501
    ("Questions, as JSON, without measuring", "spanbert doctor qa --data train.json --model bundle/ --no-estimate --json"),  # noqa: E501
)  # fmt: skip


def command(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What to learn: classify, tag, qa, coref, relation.")],
    data: Annotated[Path, typer.Option(help="Data to train on.")],
    model: Annotated[str, typer.Option(help="Bundle, Hugging Face directory or hub id to start from.")],
    dev: Annotated[Path | None, typer.Option(help="Data to choose the best weights by.", show_default=False)] = None,
    fix: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a repaired copy of --data.", show_default=False)
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="classify: single, multi or regression.  [default: looks]", show_default=False)
    ] = None,
    text_column: TextColumnOption = None,
    pair_column: PairColumnOption = None,
    label_column: LabelColumnOption = None,
    separator: SeparatorOption = None,
    column: ColumnOption = None,
    nested: NestedOption = False,
    estimate: Annotated[
        bool, typer.Option("--estimate/--no-estimate", help="Measure time and memory by a few steps of training.")
    ] = True,
    config: ConfigOption = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Looks through labelled data for what makes training fail, teaches what is wrong, or costs quality.

    Labels, tags, spans, clusters and answers, repeats and contradictions, texts that training and dev data share,
    lengths and windows, unknown characters; time and memory that fine-tuning would take. Exit code 2 where there is an
    error.
    """
    from spanbert.apps.doctor.diagnose import doctor
    from spanbert.apps.doctor.lines import report_lines
    from spanbert.train.finetune_config import FinetuneConfig

    overrides = kind_overrides(text_column, pair_column, label_column, separator, column, nested)
    overrides += [f"classify.mode={mode}"] if mode else []
    settings = FinetuneConfig.assemble(file=config, overrides=[*overrides, *(set_ or [])])
    with make_reporter() as reporter:
        report = doctor(
            kind, data, model=model, dev=dev, config=settings, fix=fix, estimate=estimate, reporter=reporter
        )
    if as_json:
        print_json(report.as_record())
    else:
        for line in report_lines(report):
            typer.echo(line)
        if fix is not None:
            typer.echo(f"wrote {fix}")
    raise typer.Exit(report.exit_code)
