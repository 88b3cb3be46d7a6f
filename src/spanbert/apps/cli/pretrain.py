"""`spanbert pretrain`: token store and encoder to a span-pre-trained bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from spanbert.apps.cli.command import command_class
from spanbert.apps.cli.launching import NprocOption, RestartsOption, ShardOption, launch_if_asked, resumes
from spanbert.apps.cli.options import (
    SIZES,
    ConfigOption,
    DeviceOption,
    JsonOption,
    OverwriteOption,
    PretrainSetOption,
    device_setting,
    examples,
    print_json,
    require_size,
    say,
)
from spanbert.apps.console import make_reporter
from spanbert.encoder.config import Size

EXAMPLES = examples(
    ("Continue from a checkpoint for ten minutes", "spanbert pretrain store/ --model bert-base-cased/ --out bundle/ --budget 10m"),  # noqa: E501
    ("Only the heads, the encoder as it is", "spanbert pretrain store/ --model bert-base-cased/ --freeze-encoder --out bundle/ --budget 5m"),  # noqa: E501
    ("From scratch, an exact number of steps", "spanbert pretrain store/ --size mini --out bundle/ --budget 500steps"),
    ("Resume after a kill or Ctrl-C", "spanbert pretrain store/ --size mini --out bundle/ --budget 500steps --resume"),
    ("Four processes, one a GPU; each step reads 8 packs", "spanbert pretrain store/ --model X --out bundle/ --budget 2h --nproc 4 --set batch.packs=8"),  # noqa: E501
    ("Longer segments, larger steps in four parts", "spanbert pretrain store/ --model X --out bundle/ --budget 2h --set batch.segment_length=512 --set batch.packs=4 --set train.accumulation=4"),  # noqa: E501
)  # fmt: skip
CLASS = command_class(settings="spanbert.train.pretrain_config:PretrainConfig")


def command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="What `spanbert prepare` made.")],
    out: Annotated[Path, typer.Option(help="The bundle to make.")],
    model: Annotated[
        str | None, typer.Option(help="Bundle, Hugging Face directory or hub id to continue from.", show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option(help=f"Start from scratch: {', '.join(SIZES)}.", show_default=False)
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="How much: 10m, 2h, 500steps, 20Mtok.  [default: 10m]", show_default=False)
    ] = None,
    freeze_encoder: Annotated[
        bool, typer.Option("--freeze-encoder", help="Train the MLM and SBO heads alone.")
    ] = False,
    device: DeviceOption = None,
    nproc: NprocOption = 1,
    shard: ShardOption = False,
    max_restarts: RestartsOption = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the interrupted run of --out.")] = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    set_: PretrainSetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trains the masked language model and the span-boundary objective (SpanBERT) and writes a bundle.

    The bundle loads in `transformers` as it is. The run lies beside it, in OUT.run: metrics.jsonl, evaluations.jsonl,
    TensorBoard, and the state that `--resume` continues. Ctrl-C and SIGTERM save and end the run, with exit code 130 or
    143.
    """
    require_size(size)
    launch_if_asked(nproc, max_restarts)
    resume = resumes(resume)
    from spanbert.apps.cli.interrupted import end_interrupted
    from spanbert.train.config import budget_overrides
    from spanbert.train.pretrain import pretrain
    from spanbert.train.pretrain_config import PretrainConfig
    from spanbert.train.run_directory import budget_of_run

    overrides = (budget_overrides(budget) if budget else []) + list(set_ or [])
    overrides += device_setting(device)
    overrides += ["freeze_encoder=true"] if freeze_encoder else []
    overrides += ["train.shard=true"] if shard else []
    settings = PretrainConfig.assemble(file=config, overrides=overrides)
    goes_on = resume and bool(budget_of_run(out))
    if not goes_on and not any((settings.train.max_steps, settings.train.max_tokens, settings.train.max_minutes)):
        settings = PretrainConfig.assemble(file=config, overrides=[*overrides, *budget_overrides("10m")])
    with make_reporter() as reporter:
        result = pretrain(
            store,
            out=out,
            model=model,
            size=cast(Size | None, size),
            config=settings,
            resume=resume,
            overwrite=overwrite,
            reporter=reporter,
        )
    outcome = result.outcome
    if outcome.best:
        say(f"held-out figures of the bundle (weights of step {outcome.best.step:,}):")
    for line in result.lines:
        say(f"  {line}")
    if outcome.progress.step:
        say(f"wrote {result.path} after {outcome.progress.step:,} steps, {outcome.progress.tokens:,} tokens")
    if as_json:
        scores = outcome.best.scores if outcome.best else {}
        facts = {"path": str(out), "stopped_by": outcome.stopped_by, "before": result.before, "after": scores}
        print_json({**facts, **vars(outcome.progress)})
    elif not outcome.interrupted:
        say(f'next: spanbert fill {out} "The quick [MASK:1-3] fox" --top-k 5')
    if outcome.interrupted:
        end_interrupted(outcome)
