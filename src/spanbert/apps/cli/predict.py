"""`spanbert predict`: texts or questions to answers, streaming."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from spanbert.apps.cli.options import kind_options
from spanbert.apps.cli.task_options import Given, settings_of, task_examples, with_task_options
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole
from spanbert.core.reporter import Reporter
from spanbert.corpus.io.files import ByteCounter, SourceFile, decode_line, text_lines
from spanbert.corpus.text.division import Documents, require_documents
from spanbert.tasks.registry import specs

EXAMPLES = task_examples(
    "predict",
    ("Entities of a text", 'echo "Barack Obama was born in Honolulu." | spanbert predict ner/'),
    ("A page to look at", "spanbert predict ner/ texts.txt --format html --out page.html"),
    ("A table with a column of texts", "spanbert predict sentiment/ reviews.csv"),
)
_WHOLE = " and ".join(spec.title for spec in specs() if spec.reads == "file")
FORMATS = ("jsonl", "text", "conll", "html")


@with_task_options("predict")
def command(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle or Hugging Face directory.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="[FILE|-]",
            help='One text a line; JSON lines: {"id", "text"}, with "pair", {"question", "context"}, {"tokens"}, or a '
            'text with {"head", "tail"} or {"entities"}; or a file as the task is trained on: .csv, .tsv, .parquet, '
            ".conll, .conllu, CoNLL-2012, SQuAD's and TACRED's .json, .tmx.",
        ),
    ] = "-",
    task: Annotated[str | None, typer.Option(help="One task alone.", show_default=False)] = None,
    format_: Annotated[
        str, typer.Option("--format", help=f"{', '.join(FORMATS)}; text: a translation a line.")
    ] = "jsonl",
    precision: Annotated[
        str, typer.Option(help="float32, or bfloat16: faster on processors that multiply it.")
    ] = "float32",
    documents: Annotated[
        str | None,
        typer.Option(
            help="What a text is in plain text: a line, what is between blank lines (blank), the file.  "
            f"[default: line; for {_WHOLE} file]",
            show_default=False,
        ),
    ] = None,
    *,
    given: Given,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KIND.KEY=VALUE", help="Override a setting: coref.depth=500.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, completely or not at all.", show_default=False)
    ] = None,
) -> None:
    """Runs a bundle's tasks on each text: entities, tags, labels, clusters, relations, answers, translations.

    Order and ids are kept. Texts stream through in bounded memory, batched by length. Long texts are read in windows,
    never cut off.
    """
    if format_ not in FORMATS:
        raise InputError(f"no format {format_!r}", where="--format", expected=", ".join(FORMATS))
    divided_by = None if documents is None else require_documents(documents)
    if divided_by in ("blank", "file") and source != "-" and SourceFile(path=Path(source), name=source).kind != ".txt":
        raise InputError(
            "only plain text is divided into documents", where=f"--documents {documents}", got=source, expected=".txt"
        )
    if source != "-" and not Path(source).is_file():
        raise InputError(
            "no such file", where=source, remedy=f"Texts are piped in: echo TEXT | spanbert predict {bundle}"
        )
    if source == "-" and sys.stdin.isatty():
        sys.stderr.write("reading texts from the keyboard; Ctrl-D ends\n")
    read = ByteCounter()
    lines = _lines(source, read)
    pieces = _pieces(bundle, lines, source, task, format_, precision, _options(set_ or [], given), divided_by)
    with ExitStack() as stack:
        if source != "-" and (out is not None or not sys.stdout.isatty()):
            reporter = make_reporter()
            stack.enter_context(reporter)
            pieces = _followed(pieces, source, read, reporter)
        stream = sys.stdout if out is None else stack.enter_context(file_written_whole(out))
        for piece in pieces:
            stream.write(piece)
            if out is None:
                stream.flush()  # the reader of a pipe gets each answer at once


def _options(stated: Sequence[str], given: Given) -> dict[str, dict[str, Any]]:
    """Settings of kinds of tasks, by kind."""
    found = kind_options(stated)
    for key, value in settings_of("predict", given, None).items():
        kind, _, setting = key.partition(".")
        found.setdefault(kind, {})[setting] = value
    return found


def _followed(pieces: Iterator[str], source: str, read: ByteCounter, reporter: Reporter) -> Iterator[str]:
    """Yields the same pieces and reports what share of the file has been read."""
    size = max(Path(source).stat().st_size, 1)
    for piece in pieces:
        yield piece
        if read.done:
            reporter.update("predict", min(read.done / size, 1.0), {})
    reporter.finish("predict")


def _pieces(
    bundle: str,
    lines: Iterable[str],
    source: str,
    task: str | None,
    format_: str,
    precision: str,
    options: Mapping[str, Mapping[str, Any]],
    documents: Documents | None,
) -> Iterator[str]:
    """What is written, piece by piece."""
    from spanbert.pipelines.html import page
    from spanbert.pipelines.load import Precision
    from spanbert.pipelines.predict import predict, predict_file
    from spanbert.pipelines.result_columns import conll_lines, has_columns, text_line

    name = source if source != "-" else "stdin"
    exact = cast(Precision, precision)
    of_file = None if source == "-" else predict_file(bundle, source, task=task, precision=exact, options=options)
    results = of_file or predict(
        bundle,
        lines,
        name=name,
        task=task,
        precision=exact,
        options=options,
        blank_lines=format_ == "text",
        documents=documents,
        say=lambda said: typer.echo(said, err=True),
    )
    if format_ == "html":
        yield from page(results, title=Path(bundle).resolve().name)
        return
    for result in results:
        if format_ == "jsonl":
            yield json.dumps(result.as_record(), ensure_ascii=False) + "\n"
        elif format_ == "text":
            yield text_line(result) + "\n"
        elif has_columns(result):
            yield "".join(f"{line}\n" for line in conll_lines(result))
        else:
            raise InputError(
                "only tagged words and clusters can be written in columns",
                where="--format conll",
                expected="jsonl, html",
            )


def _lines(source: str, read: ByteCounter) -> Iterable[str]:
    """Lines of the input; a byte that is not UTF-8 is an error that names its line."""
    if source != "-":
        yield from (line for _, line in text_lines(SourceFile(path=Path(source), name=source), read))
        return
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        yield decode_line(raw.rstrip(b"\r\n"), f"stdin:{number}", first=number == 1)
