"""`spanbert predict`: texts or questions to answers, streaming."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from io import BufferedReader
from pathlib import Path, PurePath
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from spanbert.apps.cli.completion import one_of
from spanbert.apps.cli.options import (
    DeviceOption,
    OverwriteOption,
    PrecisionOption,
    SafeCellsOption,
    ThreadsOption,
    device_of_models,
    kind_options,
    kind_set_option,
)
from spanbert.apps.cli.predict_progress import PipeProgress, UntilWritten
from spanbert.apps.cli.task_options import Given, settings_of, task_examples, with_task_options
from spanbert.apps.console import make_reporter
from spanbert.core.console import PlainReporter
from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole, is_special, only_writer
from spanbert.core.outputs import check_output_file
from spanbert.core.reporter import Reporter
from spanbert.corpus.io.files import ByteCounter, SourceFile, text_lines
from spanbert.corpus.io.formulas import FormulaCells
from spanbert.corpus.io.pipes import PipeLines
from spanbert.corpus.text.division import Documents, require_documents
from spanbert.tasks.registry import specs

EXAMPLES = task_examples(
    "predict",
    ("Entities of a text", 'echo "Barack Obama was born in Honolulu." | spanbert predict ner/'),
    ("A page to look at", "spanbert predict ner/ texts.txt --out page.html"),
    (
        "A table with a column of texts, and the results in columns beside it",
        "spanbert predict sentiment/ reviews.csv --text-column body --out labelled.csv",
    ),
)
_WHOLE = " and ".join(spec.title for spec in specs() if spec.reads == "file")
FORMATS = ("jsonl", "csv", "tsv", "text", "conll", "html")
_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".conll": "conll", ".html": "html", ".htm": "html"}  # of --out
_HELD = 20  # lines of standard input that are looked at before the first answer, if they look like words with tags


@with_task_options("predict")
def command(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A bundle, exported model or Hugging Face directory.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="[FILE|-]",
            help='One text a line; JSON lines: {"id", "text"}, with "pair", {"question", "context"}, {"tokens"}, or a '
            'text with {"head", "tail"} or {"entities"}; or a file or folder in any format that the task is trained '
            "on (docs/FORMATS.md): tables, columns, exports of annotation tools.",
        ),
    ] = "-",
    task: Annotated[str | None, typer.Option(help="One task alone.", show_default=False)] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=f"{', '.join(FORMATS)}; csv and tsv keep the columns of a table; conll: words in columns, clusters as "
            "CoNLL-2012 or CorefUD; text: a translation a line.  "
            f"[default: as --out ends ({', '.join(_ENDINGS)}), else jsonl]",
            autocompletion=one_of(FORMATS),
            show_default=False,
        ),
    ] = None,
    precision: PrecisionOption = "auto",
    device: DeviceOption = None,
    documents: Annotated[
        str | None,
        typer.Option(
            help="What a text is in plain text: a line, what is between blank lines (blank), the file.  "
            f"[default: line; for {_WHOLE} file]",
            show_default=False,
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(help="Column of a table, or field of JSON lines, with the text.", show_default=False),
    ] = None,
    threads: ThreadsOption = None,
    *,
    given: Given,
    set_: Annotated[
        list[str] | None,
        kind_set_option("coref.depth=500"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, completely or not at all.", show_default=False)
    ] = None,
    safe_cells: SafeCellsOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Runs a bundle's tasks on each text: entities, tags, labels, clusters, relations, answers, translations.

    Order, ids and other fields and columns are kept; an id that comes again gets #2. Texts stream through in bounded
    memory, batched by length. Long texts are read in windows, never cut off.
    """
    if format_ is None:
        format_ = _ENDINGS.get(out.suffix.lower(), "jsonl") if out is not None else "jsonl"
    if format_ not in FORMATS:
        raise InputError(f"no format {format_!r}", where="--format", expected=", ".join(FORMATS))
    divided_by = None if documents is None else require_documents(documents)
    if source != "-":
        from spanbert.corpus.data import local_file

        source = str(local_file(source))
    if source != "-" and not Path(source).exists():
        raise InputError(
            "no such file",
            where=source,
            remedy=f"Texts are piped in: echo TEXT | spanbert predict {bundle}",
        )
    if out is None:
        check_output_file(Path("/dev/stdout"), inputs=[source], overwrite=True, option="standard output")
    else:
        check_output_file(out, inputs=["/dev/stdin" if source == "-" else source, bundle], overwrite=overwrite)
    if safe_cells and format_ not in ("csv", "tsv"):
        raise InputError("only tables have cells", where="--safe-cells", got=f"--format {format_}", expected="csv, tsv")
    formulas = FormulaCells(quote=safe_cells)
    read = ByteCounter()
    pipe = _pipe(source)
    name = "stdin" if source == "-" else source
    lines = _lines(source, read) if pipe is None else _plain(pipe, name)
    if divided_by in ("blank", "file"):
        lines = _divisible(lines, documents, name)
    with ExitStack() as stack:
        reporter: Reporter | None = None
        seen = UntilWritten(PlainReporter(Console(stderr=True)))
        if pipe is None and out is None and sys.stdout.isatty():
            reporter = seen
        elif pipe is None or out is not None:
            reporter = made = make_reporter()
            stack.enter_context(made)
        options = _options(set_ or [], given)
        pieces = _pieces(
            bundle,
            lines,
            source,
            task,
            format_,
            precision,
            device,
            options,
            divided_by,
            reporter,
            read,
            text_column,
            threads,
            pipe,
            formulas,
        )
        if out is not None:
            stack.enter_context(only_writer(out))
        stream = sys.stdout if out is None else stack.enter_context(file_written_whole(out))
        for piece in pieces:
            seen.written()
            stream.write(piece)
            stream.flush()  # the reader of a pipe gets each answer at once
        if reporter:
            reporter.finish("predict")
    if formulas.remark is not None:
        typer.echo(formulas.remark, err=True)


def _options(stated: Sequence[str], given: Given) -> dict[str, dict[str, Any]]:
    """Settings of kinds of tasks, by kind."""
    found = kind_options(stated)
    for key, value in settings_of("predict", given, None).items():
        kind, _, setting = key.partition(".")
        found.setdefault(kind, {})[setting] = value
    return found


def _pieces(
    bundle: str,
    lines: Iterable[str],
    source: str,
    task: str | None,
    format_: str,
    precision: str,
    device: str | None,
    options: Mapping[str, Mapping[str, Any]],
    documents: Documents | None,
    reporter: Reporter | None,
    read: ByteCounter,
    text_column: str | None,
    threads: int | None,
    pipe: PipeLines | None,
    formulas: FormulaCells,
) -> Iterator[str]:
    """What is written, piece by piece; progress goes to the reporter, by what has been read of the lines."""
    from spanbert.core.threads import use_threads
    from spanbert.inference.work import SourceProgress
    from spanbert.pipelines.html import page
    from spanbert.pipelines.loaded import Precision
    from spanbert.pipelines.predict import predict, predict_file
    from spanbert.pipelines.result_columns import conll_lines, has_columns, text_line
    from spanbert.pipelines.result_table import Separated, table_lines

    if threads is not None:
        use_threads(threads)
    say: Callable[[str], None] = reporter.say if reporter else partial(typer.echo, err=True)
    name = source if source != "-" else "stdin"
    exact = cast(Precision, precision)
    where = device_of_models(device, [bundle], say)
    of_file = (
        None
        if source == "-"
        else predict_file(
            bundle,
            source,
            task=task,
            precision=exact,
            device=where,
            options=options,
            text_column=text_column,
            for_people=format_ == "html",
            reporter=reporter,
            say=say,
        )
    )
    if of_file is not None and documents is not None:
        raise _not_plain(documents, name)
    progress: SourceProgress | PipeProgress | None = None
    piped = PipeProgress(say)
    if reporter and pipe is None:
        progress = SourceProgress(reporter, "predict", lambda: read.done, Path(source).stat().st_size)
    elif reporter:
        progress, lines = piped, piped.lines(lines)
    results = of_file or predict(
        bundle,
        lines,
        name=name,
        task=task,
        precision=exact,
        device=where,
        options=options,
        blank_lines=format_ == "text",
        documents=documents,
        say=say,
        text_field=text_column or "text",
        for_people=format_ == "html",
        more_at_hand=None if pipe is None else pipe.more_at_hand,
        progress=progress,
    )
    results = piped.results(results)
    if format_ in ("csv", "tsv"):
        yield from table_lines(results, cast(Separated, format_), formulas)
        return
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
                expected="jsonl, csv, tsv, html",
            )


def _divisible(lines: Iterable[str], documents: str | None, name: str) -> Iterator[str]:
    """The lines of a plain text; refuses JSON lines, of which each is a document."""
    from spanbert.pipelines.inputs import is_json_object

    is_begun = ".jsonl" in PurePath(name.lower()).suffixes
    if is_begun:
        raise _not_plain(documents, name)
    for line in lines:
        if not is_begun and line.strip():
            is_begun = True
            if is_json_object(line):
                raise _not_plain(documents, name)
        yield line


def _not_plain(documents: str | None, name: str) -> InputError:
    return InputError(
        "only plain text is divided into documents",
        where=f"--documents {documents}",
        got=name,
        expected="lines of text, not a table, JSON or another format of data",
        remedy="Leave --documents out",
    )


def _lines(source: str, read: ByteCounter) -> Iterable[str]:
    """Lines of a file; a byte that is not UTF-8 is an error that names its line."""
    return (line for _, line in text_lines(SourceFile(path=Path(source), name=source), read))


def _pipe(source: str) -> PipeLines | None:
    """Standard input or another pipe; None for a file."""
    if source != "-":
        return PipeLines(Path(source).open("rb"), source) if is_special(Path(source)) else None
    if sys.stdin is None:
        raise InputError("standard input is closed", remedy="Name a file, or pipe texts in")
    if sys.stdin.isatty():
        sys.stderr.write("reading texts from the keyboard; Ctrl-D ends\n")
    return PipeLines(cast(BufferedReader, sys.stdin.buffer), "stdin")


def _plain(pipe: PipeLines, name: str) -> Iterator[str]:
    """The lines, each as soon as it comes; refuses tables and tagged words, which only a file's reader understands."""
    from spanbert.corpus.formats.column_format import are_columns, may_be_tagged
    from spanbert.corpus.formats.column_guess import names_columns

    held: list[str] | None = []
    for number, line in enumerate(pipe):
        if not number and names_columns(line):
            remedy = "Save it as a file (.csv or .tsv), and name it; or leave its first line out if the rest are texts"
            raise InputError("names of columns, not a text", where=f"{name}:1", got=repr(line[:60]), remedy=remedy)
        if held is None:
            yield line
            continue
        held.append(line)
        if are_columns(held):
            remedy = "Save them as a file, and name it"
            raise InputError("words with tags, not texts", where=f"{name}:1", got=repr(held[0][:60]), remedy=remedy)
        if not may_be_tagged(line) or len(held) > _HELD or not pipe.more_at_hand():
            yield from held
            held = None
    yield from held or ()
