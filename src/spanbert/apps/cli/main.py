"""The command `spanbert`: its verbs, its exit codes, its one-line errors.

Exit codes: 0 ok, 2 bad usage or bad input, 1 failure, 130 and 143 ended by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

from spanbert import __version__
from spanbert.apps.cli import (
    bench,
    convert,
    doctor,
    evaluate,
    explain,
    export,
    fill,
    finetune,
    info,
    predict,
    prepare,
    pretrain,
    push,
    quickstart,
    serve,
    watch,
)
from spanbert.apps.cli.command import command_class
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.ranks import is_first_rank, world_size
from spanbert.core.threads import wait_briefly

_BAD_PATH = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EEXIST,
    errno.ENOSPC, errno.EDQUOT, errno.ELOOP,
)  # fmt: skip
_REMEDIES = {
    errno.EROFS: "Choose a place that can be written to",
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT), "Make room and run the same command again (training with --resume) to continue"
    ),
}

app = typer.Typer(
    name="spanbert",
    help="From your own text to structured answers with span-pre-trained encoders.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
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


_PLAIN = command_class()
app.command("quickstart", cls=_PLAIN, epilog=quickstart.EXAMPLES)(quickstart.command)
app.command("prepare", cls=_PLAIN, epilog=prepare.EXAMPLES)(prepare.command)
app.command("pretrain", cls=pretrain.CLASS, epilog=pretrain.EXAMPLES)(pretrain.command)
app.command("fill", cls=_PLAIN, epilog=fill.EXAMPLES)(fill.command)
app.command("finetune", cls=finetune.CLASS, help=finetune.HELP, epilog=finetune.EXAMPLES)(finetune.command)
app.command("evaluate", cls=_PLAIN, epilog=evaluate.EXAMPLES)(evaluate.command)
app.command("predict", cls=_PLAIN, epilog=predict.EXAMPLES)(predict.command)
app.command("serve", cls=_PLAIN, epilog=serve.EXAMPLES)(serve.command)
app.command("explain", cls=_PLAIN, epilog=explain.EXAMPLES)(explain.command)
app.command("doctor", cls=doctor.CLASS, epilog=doctor.EXAMPLES)(doctor.command)
app.command("info", cls=_PLAIN, epilog=info.EXAMPLES)(info.command)
app.command("convert", cls=_PLAIN, epilog=convert.EXAMPLES)(convert.command)
app.command("export", cls=_PLAIN, epilog=export.EXAMPLES)(export.command)
app.command("push", cls=_PLAIN, epilog=push.EXAMPLES)(push.command)
app.command("watch", cls=_PLAIN, epilog=watch.EXAMPLES)(watch.command)
app.command("bench", cls=_PLAIN, epilog=bench.EXAMPLES)(bench.command)


def main() -> None:
    """Runs the command line and exits; foreseen errors are one line on stderr, never a traceback."""
    try:
        wait_briefly()
        _prepare_streams()
        with _sigterm_unwinds():
            app()
    except SpanbertError as error:
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        from spanbert.core.missing import lacking_of

        told = lacking_of(error)
        _fail(str(told), told.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        remedy = _remedy(error)
        _fail(
            f"{place}{error.strerror or error}{f'. {remedy}' if remedy else ''}", 2 if error.errno in _BAD_PATH else 1
        )
    except KeyboardInterrupt:
        _fail("interrupted", 130)


def _prepare_streams() -> None:
    """Makes output UTF-8 whatever the locale is, and keeps closed streams from becoming those of other files.

    Raises:
        InputError: Standard output is closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 (as long as the process lives)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # names of files may be no Unicode
    if not is_first_rank():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 (as above)
    if sys.stdout is None:
        raise InputError("standard output is closed", remedy="Redirect it: > FILE, or > /dev/null")


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """SIGTERM ends the process as Ctrl-C does, so that no temporary file stays behind."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        os.write(2, f"spanbert: error: ended by {signal.Signals(number).name}\n".encode())
        sys.exit(128 + number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, end) if in_main_thread else None
    try:
        yield
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)


def _remedy(error: OSError) -> str | None:
    """What can be done about what the system said."""
    if error.errno == errno.EACCES and error.filename:
        name = os.fspath(error.filename)
        if os.path.lexists(name) and not os.access(name, os.R_OK):
            return "It cannot be read: see its permissions"
        return "Choose a place that you may write to, or see the permissions of its folder"
    return _REMEDIES.get(error.errno or 0)


def _fail(message: str, code: int) -> None:
    if _tells():
        print(f"spanbert: error: {message}", file=sys.stderr)
    sys.exit(code)


def _tells() -> bool:
    """Whether an error is told: of processes that train together, the first that has one tells it."""
    if world_size() == 1 or "torch.distributed" not in sys.modules:
        return is_first_rank()
    from spanbert.train.ranks import tells_error

    return tells_error()
