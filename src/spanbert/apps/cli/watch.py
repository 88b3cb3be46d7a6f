"""`spanbert watch`: a run of training, live in the terminal."""

from __future__ import annotations

import locale
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import examples

EXAMPLES = examples(
    ("While a training runs, in a second terminal", "spanbert watch bundle"),
    ("How far it is, once", "spanbert watch bundle --once"),
    ("A run on a cluster, from any machine that sees its disk", "spanbert watch /shared/runs/base --every 30"),
)
_BARS = "\u2581\u2588\u2591"  # some that curves and the bar are made of


def command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The --out of a training, or the folder OUT.run beside it.")
    ],
    once: Annotated[
        bool, typer.Option("--once", help="Show it once and end; so it is too where the output is no terminal.")
    ] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 2.0,
) -> None:
    """Shows how a training goes: budget and time left, losses, rate, gradient norm, tokens a second, held-out scores.

    It reads the files of the run and changes nothing. It ends with the run, or with Ctrl-C, which the run does not
    notice.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from spanbert.apps.watch.frame import frame
    from spanbert.apps.watch.watched_run import WatchedFolder

    folder, console, plain = WatchedFolder(run), Console(highlight=False), not _shows_bars()

    def drawn() -> Text:
        first, *others = frame(folder, width=console.width, plain=plain)
        return Text("\n").join([Text(first, style="bold"), *map(Text, others)])

    if once or not sys.stdout.isatty():
        console.print(drawn(), soft_wrap=True)
        return
    try:
        with Live(drawn(), console=console, auto_refresh=False) as live:
            while not folder.status().is_over:
                time.sleep(every)
                folder.update()
                live.update(drawn(), refresh=True)
            folder.update()  # what came just before the end
            live.update(drawn(), refresh=True)
    except KeyboardInterrupt:  # that is how one leaves
        return


def _shows_bars() -> bool:
    """Whether the terminal's encoding has the characters of curves; output is UTF-8 whatever it is."""
    try:
        _BARS.encode(locale.getencoding())
    except (UnicodeEncodeError, LookupError):
        return False
    return True
