"""How a run of training ends that a signal stopped: with the command that goes on, and the signal's exit code."""

from __future__ import annotations

import shlex
import signal
import sys
from typing import NoReturn

import typer

from spanbert.core.ranks import is_first_rank
from spanbert.train.outcome import Outcome


def end_interrupted(outcome: Outcome) -> NoReturn:
    """Says on stderr how to go on, and exits with 128 and the number of the signal, as a shell expects.

    What comes after it in `spanbert pretrain ... && ...` does not run.
    """
    step = outcome.progress.step
    if is_first_rank():
        typer.echo(
            f"{outcome.stopped_by}: " + (f"saved after step {step:,}" if step else "before the first step"), err=True
        )
        typer.echo(f"resume with: {_resuming(sys.argv[1:])}", err=True)
    raise typer.Exit(128 + signal.Signals[outcome.stopped_by])


def _resuming(arguments: list[str]) -> str:
    kept = [one for one in arguments if one not in ("--overwrite", "--resume")]
    return shlex.join(["spanbert", *kept, "--resume"])
