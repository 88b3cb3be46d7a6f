"""The command `spanbert`: its verbs, its exit codes, its one-line errors.

Exit codes: 0 ok, 2 bad usage or bad input, 1 failure, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from spanbert import __version__
from spanbert.apps.cli import (
    bench,
    convert,
    doctor,
    evaluate,
    fill,
    finetune,
    info,
    predict,
    prepare,
    pretrain,
    push,
    quickstart,
)
from spanbert.core.errors import SpanbertError

_BAD_PATH = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EEXIST,
    errno.ENOSPC, errno.EDQUOT,
)  # fmt: skip
_REMEDIES = {
    errno.EROFS: "Choose a place that can be written to",
    errno.EACCES: "Choose a place that you may write to",
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT), "Make room and run the same command again (training with --resume) to continue"
    ),
}

app = typer.Typer(
    name="spanbert",
    help="From your own text to structured answers with span-pre-trained encoders.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Begin with `spanbert quickstart`. Every verb has examples: `spanbert VERB --help`.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spanbert {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """From your own text to structured answers with span-pre-trained encoders."""


app.command("quickstart", epilog=quickstart.EXAMPLES)(quickstart.command)
app.command("prepare", epilog=prepare.EXAMPLES)(prepare.command)
app.command("pretrain", epilog=pretrain.EXAMPLES)(pretrain.command)
app.command("fill", epilog=fill.EXAMPLES)(fill.command)
app.command("finetune", help=finetune.HELP, epilog=finetune.EXAMPLES)(finetune.command)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.command)
app.command("predict", epilog=predict.EXAMPLES)(predict.command)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.command)
app.command("info", epilog=info.EXAMPLES)(info.command)
app.command("convert", epilog=convert.EXAMPLES)(convert.command)
app.command("push", epilog=push.EXAMPLES)(push.command)
app.command("bench", epilog=bench.EXAMPLES)(bench.command)


def main() -> None:
    """Runs the command line and exits; foreseen errors are one line on stderr, never a traceback."""
    try:
        app()
    except SpanbertError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        remedy = _REMEDIES.get(error.errno or 0)
        _fail(
            f"{place}{error.strerror or error}{f'. {remedy}' if remedy else ''}", 2 if error.errno in _BAD_PATH else 1
        )
    except KeyboardInterrupt:
        _fail("interrupted", 130)


def _fail(message: str, code: int) -> None:
    print(f"spanbert: error: {message}", file=sys.stderr)
    sys.exit(code)
