"""How the command line shows progress."""

from __future__ import annotations

from rich.console import Console

from spanbert.core.console import LiveReporter, PlainReporter
from spanbert.core.ranks import is_first_rank


def make_reporter(*, to_stdout: bool = False) -> LiveReporter | PlainReporter:
    """The reporter that fits the stream: stderr, or stdout where progress is what the command is for."""
    console = Console(stderr=not to_stdout, quiet=not is_first_rank())
    return LiveReporter(console) if console.is_terminal else PlainReporter(console)
